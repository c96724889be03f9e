"""The control stage's one partition: counts in; incidents, and facts for the account stage, out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.control import Word
from detector.counted_blocks import CountsError
from detector.newest import Kinds
from detector.parts import Parts
from detector.stage import EVICTED
from detector.state import Record
from streams.faults import Fault
from streams.service.hearing import told_of
from streams.service.partition import Held, Partition, Taken
from streams.service.stage_topics import StageTopics
from streams.service.work import Outgoing, Work


class ControlPartition(Partition):
    """A control stage with its state."""

    def __init__(self, number: int, parts: Parts, topics: StageTopics) -> None:
        form = {"versions": parts.versions.record, "partitions": 1}
        super().__init__(number, topics, form)
        self._link = parts.control_link()

    @property
    def clock_ms(self) -> int:
        """See Partition."""
        return self._link.clock_ms

    @property
    def held(self) -> Held:
        """See Partition. Its entities are the series that it watches."""
        control = self._link.control
        bytes_used = sum(array.nbytes for array in control.memory)
        return Held(len(control.watched.names), bytes_used, None, None)

    @property
    def findings(self) -> tuple[list[str], NDArray[np.int64]]:
        """See Partition. It has no rules."""
        return [], np.zeros((0, 4), np.int64)

    @property
    def evicted(self) -> NDArray[np.int64]:
        """See Partition. What it keeps is bounded by time."""
        return np.zeros(len(EVICTED), np.int64)

    def take(self, work: Work) -> Taken:
        """See Partition."""
        return self._made(self._taken(work))

    def absorb(self, work: Work) -> list[Record]:
        """See Partition."""
        self._taken(work)
        return self.state_records()

    def advance(self, clock_ms: int) -> Taken | None:
        """See Partition."""
        words = self._link.advance(clock_ms)
        return self._made(words) if words else None

    def restore_rest(self, kinds: Kinds) -> None:
        """See Partition."""
        self._link.restore(kinds)

    def changes(self) -> list[Record]:
        """See Partition."""
        return self._link.changes()

    def _taken(self, work: Work) -> list[Word]:
        for account in work.erased:
            assert isinstance(account, int), "the account stage tells their hashes"
            self._link.erase(account)
        try:
            return self._link.take(work.values)
        except CountsError as error:
            raise Fault(f"control, partition {self.number}: {error}") from error

    def _made(self, words: Sequence[Word]) -> Taken:
        alerts = [alert for one in words for alert in one.alerts]
        facts = [
            Outgoing(self.topics.facts, fact.incident_id.encode(), told_of(fact), 0)
            for one in words for fact in one.facts
        ]  # fmt: skip
        return Taken([*self.said_alerts(alerts), *facts], [], self.state_records(), alerts, [])
