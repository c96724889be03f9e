"""From findings to alerts: the hits of a batch fold into a stage's alert book, in event order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook
from detector.alerts import Hit, Revision, Scope, Subject
from detector.entering import Rows
from detector.events import CODE, ID, INPUT_MISSING, KEYS_OF_ENTITY, T
from detector.findings import Findings
from detector.hits import ABSTAIN, CLEAR, HIT, MAYBE, NEVER_MS
from detector.reasons import Reasons
from detector.rules import Rule
from detector.stage import Finding, Stage, Walked
from detector.subjects import Subjects


@dataclass(slots=True)
class Folded:
    """What folding a batch gave, by batch row."""

    revisions: list[tuple[int, Revision]] = field(default_factory=list)
    hits: dict[int, dict[str, Hit]] = field(default_factory=lambda: defaultdict(dict))
    alert_ids: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    findings: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


class Folder:
    """Folds what a stage's walk found."""

    def __init__(
        self, stage: Stage, book: AlertBook, reasons: Reasons, subjects: Subjects,
        findings: Findings,
    ) -> None:  # fmt: skip
        self._stage = stage
        self._findings = findings
        self._book = book
        self._reasons = reasons
        self._subjects = subjects
        self._scopes = sorted({(rule.typology, rule.entity) for rule in stage.rules})
        self._kept = {rule.id for rule in stage.rules if stage.is_kept(rule)}
        self._withdrawers = [
            rule for rule in stage.rules
            if rule.effect == "withdraw" and rule.status == "live" and rule.id in self._kept
        ]  # fmt: skip

    def fold(self, rows: Rows, walked: Walked, folded: Folded | None = None) -> Folded:
        """Fold in event order: an event's own hits, then what it made be judged again.

        `folded`: what earlier rows of the batch gave, to be added to.
        """
        own: dict[int, list[Finding]] = defaultdict(list)
        again: dict[int, list[Finding]] = defaultdict(list)
        for finding in walked.findings:
            (own[finding.row] if finding.again < 0 else again[finding.again]).append(finding)
        retold: dict[int, list[int]] = defaultdict(list)
        for place, row in enumerate(walked.again_source):
            retold[row].append(place)
        folded = Folded() if folded is None else folded
        for row in sorted(own.keys() | retold.keys()):
            self._fold_own(rows, row, own.get(row, []), folded)
            for place in retold.get(row, ()):
                self._fold_again(walked, place, row, again.get(place, []), folded)
        return folded

    def _fold_own(self, rows: Rows, row: int, findings: Sequence[Finding], folded: Folded) -> None:
        words, values, causes = rows.words[row], rows.values[row], rows.causes[row]
        by_typology: dict[str, dict[str, Hit]] = defaultdict(dict)
        withdrawing: list[Rule] = []
        for finding in findings:
            if finding.result == MAYBE and not self._is_hit(finding, rows, row):
                continue
            if finding.rule.effect == "withdraw":
                withdrawing.append(finding.rule)
                continue
            hit = self._reasons.hit(finding, int(words[CODE]), values, causes)
            if finding.rule.status == "live":
                by_typology[self._scope_name(finding.rule)][finding.rule.id] = hit
                folded.hits[row][finding.rule.id] = hit
        subject = self._subjects.own(row) if by_typology or withdrawing else None
        settled = self._settled(words, values) if by_typology else values
        hits: dict[str, dict[str, Hit]] = {}
        for name in sorted(by_typology):
            assert subject is not None
            alert_id = self._apply(words, row, subject, by_typology[name], folded)
            folded.alert_ids[row].append(alert_id)
            hits[alert_id] = by_typology[name]
        if hits and subject is not None:
            self._tell(row, subject, words, hits, settled, causes, folded, again=False)
        for rule in withdrawing:
            assert subject is not None
            if rule.status == "live":
                key = int(words[self._stage.key_word])
                revisions = self._book.withdraw(rule.typology, key, subject, is_hit=True)
                folded.revisions += [(row, revision) for revision in revisions]

    def _fold_again(
        self, walked: Walked, place: int, row: int, findings: Sequence[Finding], folded: Folded
    ) -> None:
        words = walked.again_words[place]
        values, causes = walked.again_values[place], walked.again_causes[place]
        by_typology: dict[str, dict[str, Hit]] = defaultdict(dict)
        withdrawing = {f.rule.id for f in findings if f.rule.effect == "withdraw"}
        for finding in findings:
            if finding.rule.effect == "alert" and finding.rule.status == "live":
                name = self._scope_name(finding.rule)
                by_typology[name][finding.rule.id] = self._reasons.hit(
                    finding, int(words[CODE]), values, causes
                )
        event, key = int(words[ID]), int(words[self._stage.key_word])
        scopes = [
            Scope(typology, kind, int(words[KEYS_OF_ENTITY[kind]]), key)
            for typology, kind in self._scopes
        ]
        standing = self._book.standing_for(scopes, event)
        if not standing and not by_typology and not self._withdrawers:
            return
        subject = self._subjects.again(words, row)
        stood = {f"{a.scope.typology}|{a.scope.entity_kind}": a for a in standing}
        now: dict[str, dict[str, Hit]] = {
            name: {k: h for k, h in alert.triggers[event].hits.items() if k not in self._kept}
            for name, alert in stood.items()
        }
        for name, hits in by_typology.items():
            now.setdefault(name, {}).update(hits)
        changed: dict[str, dict[str, Hit]] = {}
        for name in sorted(now, key=lambda name: (not now[name], name)):
            if name not in stood:
                scope = self._scope(next(iter(now[name].values())), words)
                if not self._book.stands_already(scope, event, now[name]):
                    alert_id = self._apply(words, row, subject, now[name], folded)
                    changed[alert_id] = by_typology.get(name, {})
                continue
            revision = self._book.amend(stood[name], subject, now[name])
            if revision is not None:
                folded.revisions.append((row, revision))
                changed[stood[name].alert_id] = by_typology.get(name, {})
        if any(changed.values()):
            self._tell(row, subject, words, changed, values, causes, folded, again=True)
        for rule in self._withdrawers:
            hits_now = rule.id in withdrawing
            revisions = self._book.withdraw(rule.typology, key, subject, is_hit=hits_now)
            folded.revisions += [(row, revision) for revision in revisions]

    def _settled(
        self, words: NDArray[np.int64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The columns with the standing ones told, as they stood before this event's own hits."""
        values = values.copy()
        key, at_ms = int(words[self._stage.key_word]), int(words[T])
        for name, column in self._findings.standing.items():
            values[column] = self._book.hit_age_ms(name, key, at_ms, NEVER_MS)
        return values

    def _tell(
        self, row: int, subject: Subject, words: NDArray[np.int64],
        hits: Mapping[str, Mapping[str, Hit]], values: NDArray[np.float64],
        causes: NDArray[np.uint8], folded: Folded, *, again: bool,
    ) -> None:  # fmt: skip
        code = int(words[CODE])
        record = self._findings.record(
            self._stage.name, subject, code, hits, values, causes, again=again
        )
        folded.findings.append((row, record))

    def _apply(
        self, words: NDArray[np.int64], row: int, subject: Subject, hits: Mapping[str, Hit],
        folded: Folded,
    ) -> str:  # fmt: skip
        scope = self._scope(next(iter(hits.values())), words)
        name = self._subjects.entity_name(scope.entity_kind, subject, words, row)
        alert, revision = self._book.hit(scope, name, subject, dict(hits))
        if revision is not None:
            folded.revisions.append((row, revision))
        return alert.alert_id

    def _is_hit(self, finding: Finding, rows: Rows, row: int) -> bool:
        """Settle a rule that waits for a standing column, and count its result."""
        words = rows.words[row]
        key, at_ms = int(words[self._stage.key_word]), int(words[T])
        result, cause = self._reasons.settle(
            finding.rule, rows.values[row], rows.causes[row],
            lambda typology: self._book.hit_age_ms(typology, key, at_ms, NEVER_MS),
        )  # fmt: skip
        place = self._stage.rules.index(finding.rule)
        self._stage.results[place, result] += 1
        if result == ABSTAIN and finding.rule.status == "live" and cause & INPUT_MISSING:
            rows.degraded[row] = 1
        assert result in (HIT, CLEAR, ABSTAIN)
        return result == HIT

    def _scope(self, hit: Hit, words: NDArray[np.int64]) -> Scope:
        entity = int(words[KEYS_OF_ENTITY[hit.entity_kind]])
        return Scope(hit.typology, hit.entity_kind, entity, int(words[self._stage.key_word]))

    @staticmethod
    def _scope_name(rule: Rule) -> str:
        return f"{rule.typology}|{rule.entity}"
