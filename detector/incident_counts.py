"""What the control stage's memory says of the incidents of a series, read for whoever tells it."""

from __future__ import annotations

import numpy as np

from detector.control_memory import (
    AMOUNT,
    ATTEMPTS,
    CLOSED_BEGAN,
    CLOSED_END,
    HITS,
    NOW,
    OPEN,
    TOLERATED,
    USUAL,
    ControlMemory,
)  # fmt: skip
from detector.incidents import LASTS, Interval, Measured


def found_in(
    memory: ControlMemory, series: int, oldest: int, minute: int
) -> list[tuple[Interval, int]]:
    """The incidents whose end was seen since a minute, and the one that lasts; in order.

    Each with the minute in which its end was seen.
    """
    size = memory.counts.shape[1]
    minutes = np.arange(oldest, minute + 1)
    marks = memory.marks[series, minutes & (size - 1)]
    closed = np.flatnonzero(marks[:, CLOSED_BEGAN] >= 0)
    found: list[tuple[Interval, int]] = [
        ((int(marks[at, CLOSED_BEGAN]), int(marks[at, CLOSED_END])), int(minutes[at]))
        for at in closed.tolist()
    ]
    if marks[-1, OPEN] >= 0:
        found.append(((int(marks[-1, OPEN]), LASTS), LASTS))
    return found


def measured_in(memory: ControlMemory, series: int, interval: Interval, event_id: str) -> Measured:
    """What an interval amounts to: of one that lasts since it began, else of the newest minutes."""
    size, newest = memory.counts.shape[1], int(memory.now[NOW]) - 1
    began, end = interval
    first = max(began, newest - size + 2)
    usual, tolerated = memory.stats[series, first & (size - 1)][[USUAL, TOLERATED]].tolist()
    if end == LASTS:
        counts = memory.since[series]
    else:
        minutes = np.arange(first, max(end, first))
        counts = memory.counts[series, minutes & (size - 1)].sum(axis=0)
    attempts, hits, amount = (int(counts[k]) for k in (ATTEMPTS, HITS, AMOUNT))
    return Measured(attempts, hits, amount, usual, tolerated, event_id)
