"""The engine: a batch of events through all stages, in event order; alerts and decisions out.

The same object serves replay, backtest, tests and service. What it says depends on the order of
events alone, never on how they were batched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.complaints import with_providers
from detector.decode import Batch
from detector.entering import KEYLESS, REPEAT, STALE, TOO_LATE, Rows, empty_rows, goes_to
from detector.events import CODE, ID, KIND_MASK, TYPES
from detector.feed_breaks import DeadLetter
from detector.fields import FIELDS
from detector.folding import Folded
from detector.ids import Ids
from detector.memory import STAGES
from detector.names import EVIDENCE_REACH_MS
from detector.parts import DECIDED_BY, HOLD_PARAMETER, PAYOUT_PARAMETER, Parts
from detector.policy import Policy
from detector.repayment import Repaid
from detector.rulebook import Rulebook, RulebookError
from detector.schema import Event
from detector.told import EventsTold

if TYPE_CHECKING:  # river is slow to import
    from detector.models.controlled import Named
    from detector.models.learner import Version

NO_CLOCKS: Final = np.empty(0, np.int64)
TIDY_EVERY_MS: Final = 6 * 3_600_000  # of event time; tidying changes nothing that is said
BEFORE_ALL: Final = -2  # what is said of one row: of models, of obligations, stage by stage
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
        timer: Callable[[str], None] | None = None, *, learns: bool = False,
        recorded: Sequence[Version] | None = None, named: Mapping[str, Named] | None = None,
    ) -> None:  # fmt: skip
        """`learns`: models are learnt and used; `recorded`: versions of them are followed instead.

        Neither: no models are used. `named`, beside `recorded`: by question, which version judges
        which event, instead of the newest one by the hour.
        """
        with_models = learns or recorded is not None
        parts = Parts(rulebook, policy, ids, with_models=with_models)
        self.versions = parts.versions
        self._ids, self._writer = ids, parts.writer
        self._column_count = len(parts.columns.names)
        self._absent_ids = parts.absent_ids
        self._lateness_ms = parts.lateness_ms
        self._timer = timer or (lambda _: None)
        self.stages = [parts.stage(name) for name in STAGES]
        self.books = [parts.book() for _ in STAGES]
        self.subjects = parts.subjects(self.stages)
        self._folders = parts.folders(self.stages, self.books, self.subjects)
        self.repayment = parts.repayment()
        self.control, self._counter = parts.control(), parts.counter()
        self.complaints, self.feed_breaks = parts.complaints(), parts.feed_breaks()
        self.surges = parts.surges()
        self.models = parts.models(recorded, is_watched=True) if with_models else None
        self._controls = parts.controls(self.models, recorded or (), named)
        self._risk = parts.model_risk(self.subjects) if with_models else None
        self._health = None if self.models is None else parts.model_health(self.models)
        self._decider = parts.decider(self.models, self._risk)
        self._events: Counter[str] = Counter()
        self._states: Counter[str] = Counter()
        self._forgot_ms = 0

    def process(self, batch: Batch, letters: Sequence[DeadLetter] = ()) -> Outputs:
        """Take a batch through all stages. `letters`: the dead ones among its lines."""
        outputs = Outputs()
        if not batch.events:
            self.feed_breaks.take(empty_rows(batch.words, 0), letters, lambda _: "")
            return outputs
        rows = empty_rows(batch.words, self._column_count)
        kinds = rows.words[:, CODE] & KIND_MASK
        told = EventsTold(batch.events, self._ids)
        self.subjects.take(told, rows.words)
        folded = [self._run(0, rows, None)]
        for place in range(1, len(self.stages)):
            order = goes_to(STAGES[place], rows)
            folded.append(self._run(place, rows, order))
        self._timer("fold")
        revisions = [
            (row, place, self._writer.record(revision, revision.alert.scope.entity_kind))
            for place, part in enumerate(folded)
            for row, revision in part.revisions
        ]
        if self._health is not None:
            self._health.hear(batch.events, rows, kinds)
        if self._controls is not None:
            self._controls.begin(rows.words[:, ID])
        if self.models is not None:
            chances = self.models.debits.take(rows, kinds)
            self.repayment.said = {told.event_ids[row]: said for row, said in chances.items()}
        repayment = self._repay(batch.events, rows, kinds)
        for said in self.feed_breaks.take(rows, letters, told.event_ids.__getitem__):
            repayment.say(said.row, said.alerts)
        for said in self.surges.take(self.repayment.take_trials(), rows.clock):
            repayment.say(said.row, said.alerts)
        revisions += [(row, -1, record) for row, record in repayment.alerts]
        outputs.decisions = self._decider.decide(
            told, rows, np.flatnonzero(rows.decide), folded, repayment.decisions
        )
        if self._risk is not None:
            revisions += [(row, len(STAGES), record) for row, record in self._risk.take_alerts()]
        if self._health is not None:
            health = self._health.take_alerts(told.event_ids)
            revisions += [(row, BEFORE_ALL, record) for row, record in health]
        revisions.sort(key=lambda entry: (entry[0], entry[1]))
        outputs.alerts = [record for _, _, record in revisions]
        findings = [finding for part in folded for finding in part.findings]
        outputs.findings = [record for _, record in sorted(findings, key=lambda entry: entry[0])]
        self._count(rows, kinds)
        self._forget()
        self._timer("decide")
        return outputs

    def advance(self, clock_ms: int) -> Outputs:
        """Let the account stage's clock go on to a time without an event; never back.

        What falls due before that time is said.
        """
        outputs = Outputs()
        for word in self.control.advance(clock_ms):
            outputs.alerts += [*self.repayment.advance(word.at_ms), *word.alerts]
            outputs.alerts += self.repayment.hear(word.facts, word.at_ms)
        outputs.alerts += self.repayment.advance(clock_ms)
        beside = [*self.complaints.advance(clock_ms), *self.feed_breaks.advance(clock_ms)]
        beside += self.surges.take(self.repayment.take_trials(), NO_CLOCKS)
        for said in [*beside, *self.surges.advance(clock_ms)]:
            outputs.alerts += said.alerts
        self.stages[0].advance(clock_ms)
        return outputs

    def erase_from_models(self, account_id: str) -> None:
        """Let nothing more be learnt of an account, and drop the alerts that models made of it."""
        account = self._ids.hash(account_id)
        if self.models is not None:
            self.models.forget_account(account)
        if self._risk is not None:
            self._risk.book.drop(account)

    def counts(self) -> dict[str, Any]:
        """What was handled so far, and what is remembered."""
        findings: dict[str, dict[str, int]] = {}
        for stage in self.stages:
            for rule, result in zip(stage.rules, stage.results.tolist(), strict=True):
                names = ("hit", "clear", "abstain", "error")
                findings[rule.id] = dict(zip(names, result, strict=True))
        if self._risk is not None:
            findings |= self._risk.counts()
        if self._health is not None:
            findings |= self._health.counts()
        return {
            "events": dict(self._events),
            **{name: self._states[name] for name in (*STATES.values(), "late")},
            "findings": findings,
            "entities": {stage.name: stage.store.entities for stage in self.stages},
            "bytes": {stage.name: stage.store.bytes_used for stage in self.stages},
            "alerts_remembered": sum(book.count for book in self.books),
            "obligations_remembered": self.repayment.remembered,
            "series_watched": len(self.control.watched.names),
            "unwatched": self.control.watched.unwatched,
        }

    def _repay(self, events: Sequence[Event], rows: Rows, kinds: NDArray[np.int64]) -> Repaid:
        """Debits and dispositions, with what the control stage says between them: of one time a
        tick comes after the events and before what is due."""
        repaid, row = Repaid(), 0
        for word in self.control.take(self._counter.counted(events, rows)):
            self.repayment.take(events, rows, kinds, slice(row, word.row), repaid)
            repaid.say(word.row, self.repayment.advance(word.at_ms))
            repaid.say(word.row, word.alerts)
            repaid.say(word.row, self.repayment.hear(word.facts, word.at_ms))
            row = word.row
        self.repayment.take(events, rows, kinds, slice(row, len(kinds)), repaid)
        complaints = with_providers(repaid.complaints, rows.checked)
        for said in self.complaints.take(complaints, self.control.watched.provider, rows.clock):
            repaid.say(said.row, said.alerts)
        return repaid

    def _run(self, place: int, rows: Rows, order: NDArray[np.int64] | None) -> Folded:
        stage = self.stages[place]
        walked = stage.walk(rows, order, self._absent_ids)
        self._timer(stage.name)
        return self._folders[place].fold(rows, walked)

    def _count(self, rows: Rows, kinds: NDArray[np.int64]) -> None:
        edges = ((0, 4), (4, 8), (8, 16), (16, 32), (32, 64))
        for name, (low, high) in zip(TYPES, edges, strict=True):
            self._events[name] += int(((kinds >= low) & (kinds < high)).sum())
        for state, name in STATES.items():
            self._states[name] += int((rows.state == state).sum())
        self._states["late"] += int(rows.late.sum())

    def _forget(self) -> None:
        clock_ms = self.stages[0].clock_ms
        if clock_ms - self._forgot_ms < TIDY_EVERY_MS:
            return
        self._forgot_ms = clock_ms
        for stage, book in zip(self.stages, self.books, strict=True):
            book.forget(stage.clock_ms, self._lateness_ms)
            stage.forget()
        if self._risk is not None:
            self._risk.book.forget(clock_ms, self._lateness_ms)
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
