"""Deadlines of one link, in event time: a heap whose entries are checked when they come up.

An entry that is no longer meant is skipped when it comes up, so that a deadline is moved by adding
another. The heap is made anew once more than half of it may be such; a deadline costs O(log n).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import Final

Deadline = tuple[int, int, int, int]  # due (ms), order among those of one time, account, obligation
SPARE: Final = 1024  # entries that are no longer meant and do not matter yet


class Deadlines:
    """What is due when. Of one time, what was born earlier comes first."""

    def __init__(self) -> None:
        self._heap: list[Deadline] = []

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_ms(self) -> float:
        """When the next one is due; infinity where there is none."""
        return self._heap[0][0] if self._heap else math.inf

    def add(self, deadline: Deadline) -> None:
        """Add one."""
        heapq.heappush(self._heap, deadline)

    def pop_before(self, clock_ms: int) -> Deadline | None:
        """Take the next one, if it is due before a time (at it, events may still come)."""
        if self.next_ms < clock_ms:
            return heapq.heappop(self._heap)
        return None

    def is_cluttered(self, meant: int) -> bool:
        """Whether more than half of the entries are no longer meant, of which there are so many."""
        return len(self._heap) > 2 * meant + SPARE

    def remake(self, meant: Iterable[Deadline]) -> None:
        """Begin anew with these."""
        self._heap = list(meant)
        heapq.heapify(self._heap)
