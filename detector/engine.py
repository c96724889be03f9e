"""The engine: a batch of events through all stages, in event order; alerts and decisions out.

The same object serves replay, backtest, tests and service. What it says depends on the order of
events alone, never on how they were batched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook
from detector.catalogue import STANDING_SUFFIX
from detector.decide import Decider
from detector.decisions import DEBIT_COLUMNS, DRAW_COLUMNS
from detector.decode import Batch
from detector.entering import KEYLESS, REPEAT, STALE, TOO_LATE, Rows
from detector.events import CODE, KIND_MASK, TYPES
from detector.features import Columns, absent_fields, absent_ids
from detector.fields import FIELDS
from detector.findings import Findings
from detector.folding import Folded, Folder
from detector.ids import Ids
from detector.memory import STAGES
from detector.names import EVIDENCE_REACH_MS
from detector.policy import Policy
from detector.reasons import Reasons
from detector.records import AlertWriter, Versions
from detector.repayment import Repayment
from detector.rulebook import Rulebook, RulebookError
from detector.stage import Stage
from detector.subjects import Subjects
from detector.terms import terms_of
from detector.treatment import Calendar

HOLD_PARAMETER: Final = "hold_ms"
PAYOUT_PARAMETER: Final = "payout_after_ms"
FORGET_EVERY_MS: Final = 6 * 3_600_000  # of event time; tidying changes nothing that is said
DECIDED_BY: Final = (*DRAW_COLUMNS, *DEBIT_COLUMNS)
STATES: Final = {REPEAT: "repeats", STALE: "stale", TOO_LATE: "too_late", KEYLESS: "keyless"}


@dataclass(slots=True)
class Outputs:
    """What a batch made: records of the contract, alerts without `detected_at`."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)  # what stood behind the hits


class Engine:
    """All stages in one process.

    `timer` is told the name of each step as it ends, for whoever measures.
    """

    def __init__(
        self, rulebook: Rulebook, policy: Policy, ids: Ids,
        timer: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        self.versions = Versions(rulebook.version, rulebook.features_version, None)
        self._columns = Columns(rulebook.features, _standing_columns(rulebook))
        self._absent_ids = absent_ids(policy)
        self._lateness_ms = policy.lateness_ms
        self._timer = timer or (lambda _: None)
        terms = terms_of(policy, ids, absent_fields(policy))
        calendar = Calendar(policy.timezone)
        hold_ms = int(rulebook.parameters[HOLD_PARAMETER])
        self._writer = AlertWriter(rulebook, calendar, hold_ms, self.versions)
        self.stages = [
            Stage(name, rulebook, self._columns, policy, terms, DECIDED_BY) for name in STAGES
        ]
        self.subjects = Subjects(
            ids, int(rulebook.parameters[PAYOUT_PARAMETER]),
            tells_logins=any(
                rule.on == "login" and rule.entity != "account" and stage.is_kept(rule)
                for stage in self.stages for rule in stage.rules
            ),
        )  # fmt: skip
        quiet = {name: typology.quiet_ms for name, typology in rulebook.typologies.items()}
        standing = frozenset(_standing_columns(rulebook).values())
        self.books = [AlertBook(quiet, standing) for _ in self.stages]
        self.touched: list[NDArray[np.int64]] = []  # by stage: keys that the last batch reached
        rules = [rule for stage in self.stages for rule in stage.rules]
        reasons = Reasons(rules, self._columns, self.subjects)
        findings = Findings(self._columns, rulebook.features)
        self._folders = [
            Folder(stage, book, reasons, self.subjects, findings)
            for stage, book in zip(self.stages, self.books, strict=True)
        ]
        self.repayment = Repayment(rulebook, policy, calendar, self._columns, self.versions)
        self._decider = Decider(self._columns, self.versions)
        self._events: Counter[str] = Counter()
        self._states: Counter[str] = Counter()
        self._forgot_ms = 0

    def process(self, batch: Batch) -> Outputs:
        """Take a batch through all stages."""
        outputs = Outputs()
        if not batch.events:
            return outputs
        rows = _rows(batch.words, len(self._columns.names))
        kinds = rows.words[:, CODE] & KIND_MASK
        self.subjects.take(batch.events, rows.words)
        folded = [self._run(0, rows, None)]
        for place in range(1, len(self.stages)):
            order = self._order(place, rows)
            folded.append(self._run(place, rows, order))
        self._timer("fold")
        revisions = [
            (row, place, self._writer.record(revision, revision.alert.scope.entity_kind))
            for place, part in enumerate(folded)
            for row, revision in part.revisions
        ]
        repayment = self.repayment.take(batch.events, rows, kinds)
        revisions += [(row, -1, record) for row, record in repayment.alerts]
        revisions.sort(key=lambda entry: (entry[0], entry[1]))
        outputs.alerts = [record for _, _, record in revisions]
        outputs.decisions = self._decider.decide(batch.events, rows, folded, repayment.decisions)
        told = [finding for part in folded for finding in part.findings]
        outputs.findings = [record for _, record in sorted(told, key=lambda entry: entry[0])]
        self._count(rows, kinds)
        self._forget()
        self._timer("decide")
        return outputs

    def counts(self) -> dict[str, Any]:
        """What was handled so far, and what is remembered."""
        findings: dict[str, dict[str, int]] = {}
        for stage in self.stages:
            for rule, result in zip(stage.rules, stage.results.tolist(), strict=True):
                names = ("hit", "clear", "abstain", "error")
                findings[rule.id] = dict(zip(names, result, strict=True))
        return {
            "events": dict(self._events),
            **{name: self._states[name] for name in (*STATES.values(), "late")},
            "findings": findings,
            "entities": {stage.name: stage.store.entities for stage in self.stages},
            "bytes": {stage.name: stage.store.bytes_used for stage in self.stages},
            "alerts_remembered": sum(book.count for book in self.books),
            "obligations_remembered": self.repayment.remembered,
        }

    def _run(self, place: int, rows: Rows, order: NDArray[np.int64] | None) -> Folded:
        stage = self.stages[place]
        walked = stage.walk(rows, order, self._absent_ids)
        if place == 0:
            self.touched = []
        words = rows.words if order is None else rows.words[order]
        self.touched.append(words[:, stage.key_word])
        self._timer(stage.name)
        return self._folders[place].fold(rows, walked)

    def _order(self, place: int, rows: Rows) -> NDArray[np.int64]:
        """The rows that go to a later stage (law 2)."""
        kinds = rows.words[:, CODE] & KIND_MASK
        onward = rows.onward.astype(bool)
        stage = self.stages[place].name
        if stage == "network":
            onward &= (kinds < 4) | (kinds >= 8)
        elif stage == "payee":
            onward &= kinds >= 8
        return np.flatnonzero(onward)

    def _count(self, rows: Rows, kinds: NDArray[np.int64]) -> None:
        edges = ((0, 4), (4, 8), (8, 16), (16, 32), (32, 64))
        for name, (low, high) in zip(TYPES, edges, strict=True):
            self._events[name] += int(((kinds >= low) & (kinds < high)).sum())
        for state, name in STATES.items():
            self._states[name] += int((rows.state == state).sum())
        self._states["late"] += int(rows.late.sum())

    def _forget(self) -> None:
        clock_ms = self.stages[0].clock_ms
        if clock_ms - self._forgot_ms < FORGET_EVERY_MS:
            return
        self._forgot_ms = clock_ms
        for stage, book in zip(self.stages, self.books, strict=True):
            book.forget(stage.clock_ms, self._lateness_ms)
            stage.forget()
        oldest = min(stage.clock_ms for stage in self.stages if stage.clock_ms >= 0)
        self.subjects.forget_before(oldest - self._lateness_ms - EVIDENCE_REACH_MS)
        self.repayment.forget(clock_ms, self._lateness_ms)


def check_needs(rulebook: Rulebook, folder: str) -> None:
    """Refuse a rulebook without what every engine reads beside its rules.

    Raises:
        RulebookError: a feature that decisions read, or a parameter, is not declared.
    """
    fields_and_features = {*FIELDS, *(feature.name for feature in rulebook.features)}
    for name in DECIDED_BY:
        if name not in fields_and_features:
            raise RulebookError(folder, 1, name, "decisions read this feature; declare it")
    for name in (HOLD_PARAMETER, PAYOUT_PARAMETER):
        if name not in rulebook.parameters:
            raise RulebookError(folder, 1, name, "alerts need this parameter; declare it")


def _rows(words: NDArray[np.int64], columns: int) -> Rows:
    n = len(words)
    return Rows(
        words=words,
        values=np.full((n, columns), np.nan),
        causes=np.zeros((n, columns), np.uint8),
        field_cause=np.zeros((n, 4), np.uint8),
        state=np.zeros(n, np.uint8),
        late=np.zeros(n, np.uint8),
        decide=np.zeros(n, np.uint8),
        onward=np.zeros(n, np.uint8),
        degraded=np.zeros(n, np.uint8),
    )


def _standing_columns(rulebook: Rulebook) -> dict[str, str]:
    """The standing columns that rules read, and whose typology each one asks for."""
    return {
        name: name.removesuffix(STANDING_SUFFIX)
        for rule in rulebook.rules if rule.reads_standing
        for name in rule.reads if name.endswith(STANDING_SUFFIX)
    }  # fmt: skip
