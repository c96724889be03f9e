"""The memory of the control stage: what each channel and provider did, minute by minute.

A *series* is one share that is watched: of a channel's attempts that ended in its own error, of a
provider's answers that did, of its answers that were passes. Its newest minutes are a ring, long
enough for the latest event that is still judged; older ones are folded into what is usual. A
minute m holds the events of (m, m + 1] minutes of the epoch, so that a tick at a time T has all up
to T and none after it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MINUTE_MS: Final = 60_000
HOUR_MINUTES: Final = 60
DAY_MINUTES: Final = 1440
WINDOW_MINUTES: Final = 10  # of the least number of attempts
SERIES_MAX: Final = 128  # watched at once; what comes later is counted as unwatched
SERIES_FIRST: Final = 8
GRID_MAX: Final = 3  # outages of so many depths are looked for
GAP_DAYS: Final = 14  # of longest silences of a feed at an hour
FEEDS: Final = 5
CHANNEL_ERRORS, PROVIDER_ERRORS, PROVIDER_PASSES = range(3)  # kinds of series

ATTEMPTS, HITS, AMOUNT = range(3)  # counts of a minute; amount in minor units, of the hits
USUAL, TOLERATED, UP, DOWN = 0, 1, 2, 2 + GRID_MAX  # shares and statistics of a minute
STATS: Final = DOWN + 1
BEGAN, OPEN, DEPTH, DOWN_BEGAN, CLOSED_BEGAN, CLOSED_END, LAST = 0, 3, 4, 5, 6, 7, 8
MARKS: Final = LAST + 1  # minutes, -1 for none; DEPTH: which of the grid
# Of the whole stage: the minute in hand, the newest minute with an event, whether a tick has
# something to say, how many series there are.
NOW, NEWEST, SPEAKS, SERIES = range(4)
CHANGED, MORE, FAILS_OPEN, QUIET_AGAIN = 1, 2, 4, 8  # why a series speaks
# Draws without a pass while a provider is down: minute of the first, of the newest; their number
# and amount, the number at which it is told again; whether that is told now.
FO_FIRST, FO_NEWEST, FO_COUNT, FO_AMOUNT, FO_TOLD, FO_OPEN = range(6)

# Places of the limits of a plan.
BARE_LEAST, ANSWERS_LEAST, BARE_QUIET, SILENT_LEAST, SILENT_TIMES, LAG = range(6)


class ControlMemory(NamedTuple):
    """The arrays of the control stage, as the compiled ticks see them. S series, R minutes."""

    kinds: NDArray[np.int64]  # (S,)
    born: NDArray[np.int64]  # (S,): the minute in hand when it was first counted; -1: not yet
    counts: NDArray[np.int64]  # (S, R, 3)
    stats: NDArray[np.float64]  # (S, R, STATS)
    marks: NDArray[np.int64]  # (S, R, MARKS)
    hours: NDArray[np.float64]  # (S, 24, 3): attempts, hits, minutes watched; decayed by days
    fresh: NDArray[np.uint8]  # (S,): whether what is usual is to be read from the hours anew
    dirty: NDArray[np.int64]  # (S,): the oldest minute that late events changed
    since: NDArray[np.int64]  # (S, 3): counts of the open incident
    told: NDArray[np.int64]  # (S,): hits of the open incident at which it is told again
    flags: NDArray[np.int64]  # (S,)
    bare: NDArray[np.int64]  # (S, R, 2): draws without a pass and their amount, of a provider
    fail_open: NDArray[np.int64]  # (S, 6): FO_...
    alive: NDArray[np.uint8]  # (R,): minutes in which the log was running
    hour_day: NDArray[np.int64]  # (3, 24): the day an hour was last learnt of; that of its gaps,
    # and for how many minutes of it the log was running
    feed_last: NDArray[np.int64]  # (FEEDS,): minute of its newest event; -1: none yet
    feed_silent: NDArray[np.int64]  # (FEEDS, 4): since when a silence is told (-1), is it news,
    # for how many minutes of a running log it has been silent, and how much these weigh
    gap_usual: NDArray[np.int64]  # (FEEDS, 24): what silence is usual at an hour; -1: not known
    gaps: NDArray[np.int64]  # (FEEDS, 24, GAP_DAYS): longest silence of a day, newest first; -1
    now: NDArray[np.int64]  # (4,)


def empty_memory(lateness_ms: int) -> ControlMemory:
    """A memory that has seen nothing, for events that come so late."""
    minutes = 1 << (lag_minutes(lateness_ms) + 64).bit_length()
    n = SERIES_FIRST
    return ControlMemory(
        kinds=np.zeros(n, np.int64),
        born=np.full(n, -1, np.int64),
        counts=np.zeros((n, minutes, 3), np.int64),
        stats=_nothing_usual(np.zeros((n, minutes, STATS))),
        marks=np.full((n, minutes, MARKS), -1, np.int64),
        hours=np.zeros((n, 24, 3)),
        fresh=np.ones(n, np.uint8),
        dirty=np.full(n, 1 << 62, np.int64),
        since=np.zeros((n, 3), np.int64),
        told=np.zeros(n, np.int64),
        flags=np.zeros(n, np.int64),
        bare=np.zeros((n, minutes, 2), np.int64),
        fail_open=np.zeros((n, 6), np.int64),
        alive=np.zeros(minutes, np.uint8),
        hour_day=np.full((3, 24), -1, np.int64),
        feed_last=np.full(FEEDS, -1, np.int64),
        feed_silent=np.full((FEEDS, 4), -1, np.int64),
        gap_usual=np.full((FEEDS, 24), -1, np.int64),
        gaps=np.full((FEEDS, 24, GAP_DAYS), -1, np.int64),
        now=np.array([-1, -1, 0, 0], np.int64),
    )


def lag_minutes(lateness_ms: int) -> int:
    """How old a minute is when it becomes part of what is usual: no event changes it any more."""
    return -(-lateness_ms // MINUTE_MS) + WINDOW_MINUTES


def with_series(memory: ControlMemory, kind: int) -> tuple[ControlMemory, int]:
    """Room for one more series: the memory to go on with, and the series' number."""
    number, room = int(memory.now[SERIES]), len(memory.kinds)
    if number == room:
        memory = _doubled(memory)
    memory.kinds[number] = kind
    memory.now[SERIES] = number + 1
    return memory, number


_BY_SERIES: Final = (
    "kinds", "born", "fresh", "counts", "stats", "marks", "hours", "dirty", "since", "told",
    "flags", "bare", "fail_open",
)  # fmt: skip


def _doubled(memory: ControlMemory) -> ControlMemory:
    """Twice the room; what is new is as a series that nothing happened to."""
    unmade = {"born": -1, "marks": -1, "dirty": 1 << 62, "fresh": 1}
    grown = {}
    for name in _BY_SERIES:
        old = getattr(memory, name)
        new = np.full((2 * len(old), *old.shape[1:]), unmade.get(name, 0), old.dtype)
        if name == "stats":
            _nothing_usual(new)
        new[: len(old)] = old
        grown[name] = new
    return memory._replace(**grown)


def _nothing_usual(stats: NDArray[np.float64]) -> NDArray[np.float64]:
    stats[:, :, [USUAL, TOLERATED]] = np.nan
    return stats
