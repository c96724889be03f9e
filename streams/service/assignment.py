"""The partitions that a stage's loop owns: made again from the changelog, kept over a rebalance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from detector.state import StateError
from streams.faults import Fault
from streams.service.changelog import Changelog, Read
from streams.service.faulty import Again
from streams.service.journal import Journal
from streams.service.partition import Partition
from streams.topics import LEARNER

Make = Callable[[int], Partition]
LEARNER_ANEW: Final = (
    "stop all workers, empty the topics of the learner's state and of weights, start with"
    " `lendwatch run --rebuild` and `lendwatch learn`: it learns anew"
)


class Assignment:
    """Partitions by number. Those that left are parked: often they come back, untouched."""

    def __init__(self, stage: str, make: Make, changelog: Changelog, journal: Journal) -> None:
        self.owned: dict[int, Partition] = {}
        self._parked: dict[int, Partition] = {}
        self._stage = stage
        self._make = make
        self._changelog = changelog
        self._journal = journal

    def take(self, numbers: Sequence[int]) -> None:
        """Own partitions, each with the state that its last owner committed.

        Raises:
            Fault: the state of one cannot be used.
            Again: somebody else writes it.
        """
        began_s = time.monotonic()
        kept = self._still_ours(numbers)
        self.owned |= kept
        missing = [number for number in numbers if number not in kept]
        self._parked = {k: one for k, one in self._parked.items() if k not in numbers}
        records = 0
        for number, read in self._changelog.each(dict.fromkeys(missing, 0)):
            partition = self._make(number)
            try:
                partition.restore(read.records.by_kind())
            except StateError as error:
                raise self._unusable(number, read, error) from error
            partition.state_offset = read.position
            records += read.count
            self.owned[number] = partition
        self._journal.tell(
            "restored", stage=self._stage, partitions=missing, records=records, kept=sorted(kept),
            seconds=round(time.monotonic() - began_s, 3),
        )  # fmt: skip

    def _unusable(self, number: int, read: Read, error: StateError) -> Exception:
        # Who slept while partitions came may have lost them since: its end then lies in the middle
        # of a transaction of theirs.
        if self._changelog.has_grown(number, read):
            return Again(f"partition {number} came, and somebody else writes its state")
        cure = LEARNER_ANEW if self._stage == LEARNER else "`lendwatch run --rebuild`"
        return Fault(f"{self._stage}, partition {number}: {error}: {cure}")

    def _still_ours(self, numbers: Sequence[int]) -> dict[int, Partition]:
        """Parked partitions to whose changelogs nobody has added anything since."""
        parked = {number: self._parked[number] for number in numbers if number in self._parked}
        begins = {number: one.state_offset for number, one in parked.items()}
        added = dict(self._changelog.each(begins)) if begins else {}
        kept = {}
        for number, one in parked.items():
            if not added[number].count:
                one.state_offset = added[number].position
                kept[number] = one
        return kept

    def leave(self, numbers: Iterable[int]) -> None:
        """Others may own these from now on."""
        for number in numbers:
            if number in self.owned:
                self._parked[number] = self.owned.pop(number)

    def forget(self) -> None:
        """Drop everything: it is not known to be what is committed."""
        self.owned.clear()
        self._parked.clear()
