"""One stage standing alone, as a service runs it: what comes in, what is said, what goes onward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detector.complaints import with_providers
from detector.counted import Counts, nothing_counted
from detector.decode import Batch
from detector.entering import ENTERED_AS, Rows, empty_rows, goes_to
from detector.erasing import (
    erase_alerts,
    erase_names,
    erase_pending,
    events_elsewhere,
    events_of_row,
)  # fmt: skip
from detector.events import CODE, KIND_MASK
from detector.feed_arrivals import arrivals_of
from detector.feed_breaks import DeadLetter
from detector.folding import Folded
from detector.memory import STAGES
from detector.names import EVIDENCE_REACH_MS
from detector.outages import Fact
from detector.parcels import Parcel
from detector.parts import Parts
from detector.repayment import Repaid
from detector.schema import Event
from detector.stage import Walked
from detector.told import EventsTold, TableTold

if TYPE_CHECKING:  # river is slow to import
    from detector.models.lessons import Lesson

Records = list[dict[str, Any]]


@dataclass(slots=True)
class LinkOutputs:
    """What a batch made at one stage. `onward`: for `Postman.sent`; `counted`: what the account
    stage has for the control stage."""

    alerts: Records = field(default_factory=list)
    decisions: Records = field(default_factory=list)
    findings: Records = field(default_factory=list)
    onward: list[Parcel] = field(default_factory=list)
    counted: Counts | None = None
    # (kinds, ENTERED_AS): events taken, by what they are and what the account stage made of them
    entered: NDArray[np.int64] | None = None
    lessons: Sequence[Lesson] = ()  # what there is for the learner of models


class Link:
    """One stage with all that belongs to it. An event's whole way is a chain of four.

    One a (stage, partition). What is large and holds nothing between two calls is shared by the
    links of one stage that one `Parts` made: they are for one thread, those of another stage may
    be used by another at the same time.

    What is too old is dropped where the clock comes into another day, in the order of
    events, so that what is kept never depends on where batches end.
    """

    def __init__(self, name: str, parts: Parts) -> None:
        """An empty link of the stage of this name (see STAGES in memory.py)."""
        self.name = name
        self.stage = parts.stage(name)
        self.book = parts.book()
        self.subjects = parts.subjects([self.stage])
        self.repayment = parts.repayment() if name == STAGES[0] else None
        self.told: TableTold | None = None  # the names of the last batch
        self._parts = parts
        (self._folder,) = parts.folders([self.stage], [self.book], self.subjects)
        self.models = parts.link_models(name, self.subjects)
        used = (None, None) if self.models is None else (self.models.models, self.models.risk)
        self._decider, self._counter = parts.decider(*used), parts.counter()
        self._touched: list[NDArray[np.int64]] = []
        self._names_due_ms: int | None = None  # names older than this may go

    @property
    def lateness_ms(self) -> int:
        """How far behind the clock an event is still judged."""
        return self._parts.lateness_ms

    @property
    def clock_ms(self) -> int:
        """The newest time handled; negative before the first event."""
        return self.stage.clock_ms

    def take(self, batch: Batch, letters: Sequence[tuple[str, int]] = ()) -> LinkOutputs:
        """Take decoded events: the account stage's way in.

        `letters`: what arrived beside them and is no event: its feed, and a hash of what it says.

        Raises:
            VersionsError: what was told of the models cannot be what the state was judged by.
        """
        assert self.repayment is not None, "events come in at the account stage"
        if not batch.events:
            counts = nothing_counted()
            counts.letters = self._dead(letters)
            return LinkOutputs(counted=counts if letters else None)
        self._begin()
        rows = empty_rows(batch.words, len(self._parts.columns.names))
        told = TableTold(EventsTold(batch.events, self._parts.ids).table())
        folded, repaid = self._walk(rows, told, batch.events)
        early = np.flatnonzero(rows.decide.astype(bool) & (rows.onward == 0))
        decisions = self._decider.decide(told, rows, early, [folded], repaid.decisions)
        outputs = LinkOutputs(
            alerts=self._alerts(folded, repaid.alerts),
            decisions=decisions,
            counted=self._counted(batch.events, rows, repaid, letters),
            entered=_entered(rows),
        )
        return self._finished(outputs, rows, told, [folded])

    def take_onward(self, values: Sequence[bytes]) -> LinkOutputs:
        """Take the blocks that earlier stages sent to this stage and partition, as they came.

        Raises:
            VersionsError: as `take`.
            OnwardError: a value is no block, damaged, or of another schema; nothing was taken.
        """
        if not values:
            return LinkOutputs()
        self._begin()
        rows, told, before = self._parts.postman.received(values)
        folded, _ = self._walk(rows, told, ())
        parts = [before, folded]
        outputs = LinkOutputs()
        if self.name == STAGES[-1]:
            draws = np.flatnonzero(rows.decide)
            outputs.decisions = self._decider.decide(told, rows, draws, parts, {})
        outputs.alerts = self._alerts(folded, [])  # last: what models found is among them
        return self._finished(outputs, rows, told, parts)

    def advance(self, clock_ms: int) -> LinkOutputs:
        """Let the clock go on to a time without an event; never back.

        To be called once at the very beginning of a service, with the same time for all partitions
        of a stage: what asks for how long the log has been watched then hears the same in each.
        What falls due before that time is said, and what is too old by then is dropped.
        """
        day = self.stage.day
        outputs = LinkOutputs()
        if self.repayment is not None:
            outputs.alerts = self.repayment.advance(clock_ms)
            outputs.counted = self._trials()
        self.stage.advance(clock_ms)
        if self.stage.day != day:
            self._tidy()
        return outputs

    def hear(self, facts: Sequence[Fact]) -> LinkOutputs:
        """Take word of outages (account stage); what it changes is said as of the clock."""
        assert self.repayment is not None, "outages concern what is repaid"
        alerts = self.repayment.hear(facts, self.clock_ms)
        return LinkOutputs(alerts=alerts, counted=self._trials())

    def erase(self, account: str | int) -> None:
        """Forget an account: by its id at the account stage, by its id's hash at a later one.

        Its row, names, alerts, obligations and contacts go, and at a later stage what its entities
        hold of it (erasing.py); `LinkState.changes`, asked before and after, then takes their
        records away.
        """
        key = self._parts.ids.hash(account) if isinstance(account, str) else account
        memory = self.stage.store.memory
        if self.repayment is not None:
            events = events_of_row(memory, key)
            self.stage.store.drop(key)
            self.book.drop(key)
            self.repayment.drop(key)
        else:
            oldest_ms = self.clock_ms - self.lateness_ms - EVIDENCE_REACH_MS
            events, keys = events_elsewhere(memory, key, oldest_ms)
            self._touched.append(keys)
        if self.models is not None:
            self.models.forget_account(key)
        erase_pending(memory, key)
        erase_names(self.subjects, key, events)
        erase_alerts(self.book, key, events, self._parts.ids)
        self.told = None  # it may name the account
        self.subjects.let_go()

    def take_touched(self) -> NDArray[np.int64]:
        """Keys of the entities of all rows since this was last asked; 0 where a row had none."""
        touched, self._touched = self._touched, []
        return np.concatenate(touched) if touched else np.empty(0, np.int64)

    def _walk(self, rows: Rows, told: TableTold, events: Sequence[Event]) -> tuple[Folded, Repaid]:
        """Take rows through the stage, tidying up wherever it is time to."""
        if self._names_due_ms is not None:  # only now: the state of the last batch is written
            self.subjects.forget_before(self._names_due_ms)
            self._names_due_ms = None
        self.subjects.take(told, rows.words)
        self.told = told
        self._touched.append(rows.words[:, self.stage.key_word].copy())
        kinds = rows.words[:, CODE] & KIND_MASK
        folded, repaid, position = Folded(), Repaid(), 0
        order = np.arange(len(rows.words))
        self.stage.begin_batch()
        while position < len(order):
            walked, day, start = Walked(), self.stage.day, position
            position = self.stage.walk_on(rows, order, start, self._parts.absent_ids, walked)
            self._folder.fold(rows, walked, folded)
            if self.repayment is not None:
                self._tell_chances(rows, kinds, slice(start, position), told)
                self.repayment.take(events, rows, kinds, slice(start, position), repaid)
            if self.stage.day != day:
                self._tidy()
        return folded, repaid

    def _begin(self) -> None:
        if self.models is not None:
            self.models.begin(self.clock_ms)

    def _tell_chances(
        self, rows: Rows, kinds: NDArray[np.int64], part: slice, told: TableTold
    ) -> None:
        """Let the repayment half know what models say of debits."""
        if self.models is not None and self.repayment is not None:
            self.repayment.said = self.models.chances(rows, kinds, part, told.event_ids)

    def _counted(
        self, events: Sequence[Event], rows: Rows, repaid: Repaid,
        letters: Sequence[tuple[str, int]],
    ) -> Counts:  # fmt: skip
        counts = self._counter.counted(events, rows)
        counts.complaints = with_providers(repaid.complaints, rows.checked)
        counts.arrivals, counts.letters = arrivals_of(rows), self._dead(letters)
        counts.trials = [] if self.repayment is None else self.repayment.take_trials()
        return counts

    def _trials(self) -> Counts | None:
        """How obligations went by deadlines alone, if any did."""
        trials = [] if self.repayment is None else self.repayment.take_trials()
        counts = nothing_counted()
        counts.trials = trials
        return counts if trials else None

    def _dead(self, letters: Sequence[tuple[str, int]]) -> list[DeadLetter]:
        """Dead letters, at the clock; before the first event they count nowhere."""
        if self.clock_ms < 0:
            return []
        return [DeadLetter(feed, self.clock_ms, mark) for feed, mark in letters]

    def _alerts(self, folded: Folded, repaid: list[tuple[int, dict[str, Any]]]) -> Records:
        """Alerts in event order; of one event the obligation first (law 23)."""
        said = [(row, 0, record) for row, record in repaid]
        said += [
            (row, 1, self._parts.writer.record(revision, revision.alert.scope.entity_kind))
            for row, revision in folded.revisions
        ]
        said += self.models.take_alerts() if self.models is not None else []
        return [record for _, _, record in sorted(said, key=lambda entry: entry[:2])]

    def _finished(
        self, outputs: LinkOutputs, rows: Rows, told: TableTold, folded: Sequence[Folded]
    ) -> LinkOutputs:
        outputs.findings = [record for _, record in folded[-1].findings]
        if self.models is not None:
            outputs.lessons = self.models.take_lessons(rows)
        left = np.ones(len(rows.words), bool)
        for stage in STAGES[STAGES.index(self.name) + 1 :]:
            order = goes_to(stage, rows)
            order = order[left[order]]
            if not len(order):
                continue
            left[order] = False  # it goes on from there
            outputs.onward.append(Parcel(stage, order, rows, told, folded))
        return outputs

    def _tidy(self) -> None:
        clock_ms, lateness_ms = self.stage.clock_ms, self._parts.lateness_ms
        self.book.forget(clock_ms, lateness_ms)
        self.stage.forget()
        if self.models is not None:
            self.models.risk.book.forget(clock_ms, lateness_ms)
        self._names_due_ms = clock_ms - lateness_ms - EVIDENCE_REACH_MS
        if self.repayment is not None:
            self.repayment.forget(clock_ms, lateness_ms)


def _entered(rows: Rows) -> NDArray[np.int64]:
    shape = KIND_MASK + 1, len(ENTERED_AS)
    cells = (rows.words[:, CODE] & KIND_MASK) * shape[1] + rows.state
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
