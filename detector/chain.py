"""One stage standing alone, as a service runs it: what comes in, what is said, what goes onward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.decode import Batch
from detector.entering import Rows, empty_rows, goes_to
from detector.events import CODE, KIND_MASK
from detector.folding import Folded
from detector.memory import STAGES
from detector.names import EVIDENCE_REACH_MS
from detector.onward import received, sent
from detector.parts import FORGET_EVERY_MS, Parts
from detector.told import EventsTold, Told

Records = list[dict[str, Any]]
UNSIGNED: Final = (1 << 64) - 1


@dataclass(slots=True)
class LinkOutputs:
    """What a batch made at one stage. `onward`: (stage, partition there, block)."""

    alerts: Records = field(default_factory=list)
    decisions: Records = field(default_factory=list)
    findings: Records = field(default_factory=list)
    onward: list[tuple[str, int, bytes]] = field(default_factory=list)


class Link:
    """One stage with all that belongs to it. An event's whole way is a chain of four.

    One a (stage, partition). What is large and holds nothing between two calls is shared by the
    links of one stage that one `Parts` made: they are for one thread, those of another stage may
    be used by another at the same time.
    """

    def __init__(self, name: str, parts: Parts) -> None:
        """An empty link of the stage of this name (see STAGES in memory.py)."""
        self.name = name
        self.stage = parts.stage(name)
        self.book = parts.book()
        self.subjects = parts.subjects([self.stage])
        self.repayment = parts.repayment() if name == STAGES[0] else None
        self._parts = parts
        (self._folder,) = parts.folders([self.stage], [self.book], self.subjects)
        self._decider = parts.decider()
        self._forgot_ms = 0
        self._touched: set[int] = set()

    @property
    def clock_ms(self) -> int:
        """The newest time handled; negative before the first event."""
        return self.stage.clock_ms

    def take(self, batch: Batch) -> LinkOutputs:
        """Take decoded events: the account stage's way in."""
        assert self.repayment is not None, "events come in at the account stage"
        if not batch.events:
            return LinkOutputs()
        rows = empty_rows(batch.words, len(self._parts.columns.names))
        kinds = rows.words[:, CODE] & KIND_MASK
        told = EventsTold(batch.events, self._parts.ids)
        folded = self._walk(rows, told)
        repaid = self.repayment.take(batch.events, rows, kinds)
        early = np.flatnonzero(rows.decide.astype(bool) & (rows.onward == 0))
        outputs = LinkOutputs(
            alerts=self._alerts(folded, repaid.alerts),
            decisions=self._decider.decide(told, rows, early, [folded], repaid.decisions),
        )
        return self._finished(outputs, rows, told, [folded])

    def take_onward(self, values: Sequence[bytes]) -> LinkOutputs:
        """Take the blocks that earlier stages sent to this stage and partition, as they came.

        Raises:
            msgspec.DecodeError: a value is no such record.
        """
        if not values:
            return LinkOutputs()
        rows, told, before = received(values, len(self._parts.columns.names))
        folded = self._walk(rows, told)
        parts = [before, folded]
        outputs = LinkOutputs(alerts=self._alerts(folded, []))
        if self.name == STAGES[-1]:
            draws = np.flatnonzero(rows.decide)
            outputs.decisions = self._decider.decide(told, rows, draws, parts, {})
        return self._finished(outputs, rows, told, parts)

    def advance(self, clock_ms: int) -> LinkOutputs:
        """Let the clock go on to a time without an event; never back.

        What is too old by then is forgotten. Nothing is said now: no rule waits for a deadline.
        """
        self.stage.advance(clock_ms)
        self._forget()
        return LinkOutputs()

    def erase(self, account: str | int) -> None:
        """Forget an account: by its id at the account stage, by its id's hash at a later one.

        Its row, alerts, obligations and contacts go; `LinkState.changes` then takes their records
        away.
        """
        key = self._parts.ids.hash(account) if isinstance(account, str) else account
        if self.repayment is not None:
            self.stage.store.drop(key)
            self.book.drop(key)
            self.repayment.obligations.drop(key)
            self.repayment.contacts.drop(key)

    def take_touched(self) -> set[int]:
        """Keys of the entities that were reached since this was last asked."""
        touched, self._touched = self._touched, set()
        return touched

    def _walk(self, rows: Rows, told: Told) -> Folded:
        self.subjects.take(told, rows.words)
        order: NDArray[np.int64] | None = None if self.repayment else np.arange(len(rows.words))
        walked = self.stage.walk(rows, order, self._parts.absent_ids)
        return self._folder.fold(rows, walked)

    def _alerts(self, folded: Folded, repaid: list[tuple[int, dict[str, Any]]]) -> Records:
        """Alerts in event order; of one event the obligation first (law 23)."""
        said = [(row, 0, record) for row, record in repaid]
        said += [
            (row, 1, self._parts.writer.record(revision, revision.alert.scope.entity_kind))
            for row, revision in folded.revisions
        ]
        return [record for _, _, record in sorted(said, key=lambda entry: entry[:2])]

    def _finished(
        self, outputs: LinkOutputs, rows: Rows, told: Told, folded: Sequence[Folded]
    ) -> LinkOutputs:
        outputs.findings = [record for _, record in folded[-1].findings]
        self._touched.update(rows.words[:, self.stage.key_word].tolist())
        left = np.ones(len(rows.words), bool)
        for stage in STAGES[STAGES.index(self.name) + 1 :]:
            order = goes_to(stage, rows)
            order = order[left[order]]
            left[order] = False  # it goes on from there
            outputs.onward += [
                (stage, (key & UNSIGNED) % self._parts.partitions, value)
                for key, value in sent(order, stage, rows, told, folded)
            ]
        self._forget()
        return outputs

    def _forget(self) -> None:
        clock_ms, lateness_ms = self.stage.clock_ms, self._parts.lateness_ms
        if clock_ms - self._forgot_ms < FORGET_EVERY_MS:
            return
        self._forgot_ms = clock_ms
        self.book.forget(clock_ms, lateness_ms)
        self.stage.forget()
        self.subjects.forget_before(clock_ms - lateness_ms - EVIDENCE_REACH_MS)
        if self.repayment is not None:
            self.repayment.forget(clock_ms, lateness_ms)
