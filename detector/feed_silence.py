"""The compiled watch over feeds: which has been silent for much longer than is usual at its hour.

Only minutes in which the log was running count: while nothing comes at all, nobody is silent alone.
Each silent minute is weighed by its own hour: a feed that says nothing all afternoon is not silent
for long when its evening begins.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import (
    DAY_MINUTES,
    FEEDS,
    GAP_DAYS,
    HOUR_MINUTES,
    SILENT_LEAST,
    SILENT_TIMES,
    ControlMemory,
)  # fmt: skip
from detector.jit import inlined

WEIGHT: Final = 1_000_000  # of a minute in an hour in which a minute's silence is usual
GAP_DAYS_KNOWN: Final = 7  # days that an hour must be known for before a silence says anything


@inlined
def _usual_gap(c: ControlMemory, feed: int, hour: int) -> int:
    """The median of the longest silences of an hour on earlier days, minutes; -1: not known."""
    days = 0
    for d in range(1, GAP_DAYS):
        days += c.gaps[feed, hour, d] >= 0
    if days < GAP_DAYS_KNOWN:
        return -1
    best = 1 << 62
    for d in range(1, GAP_DAYS):
        gap, below = c.gaps[feed, hour, d], 0
        for other in range(1, GAP_DAYS):
            below += 0 <= c.gaps[feed, hour, other] <= gap
        if gap >= 0 and 2 * below >= days and gap < best:
            best = gap
    return best


@inlined
def judge_feeds(
    c: ControlMemory, minute: int, feeds: NDArray[np.uint8], limits: NDArray[np.int64]
) -> bool:
    """Follow the silences of feeds; whether one began or ended."""
    hour, day, speaks = (minute // 60) % 24, minute // DAY_MINUTES, False
    if c.hour_day[1, hour] != day:
        is_whole = c.hour_day[2, hour] == HOUR_MINUTES
        c.hour_day[1, hour], c.hour_day[2, hour] = day, 0
        for feed in range(FEEDS):
            if not is_whole:  # what an hour saw in a part of it is not what is usual in it
                c.gaps[feed, hour, 0] = -1
            for d in range(GAP_DAYS - 1, 0, -1):
                c.gaps[feed, hour, d] = c.gaps[feed, hour, d - 1]
            c.gaps[feed, hour, 0] = -1
            c.gap_usual[feed, hour] = _usual_gap(c, feed, hour)
    c.hour_day[2, hour] += 1
    for feed in range(FEEDS):
        last = c.feed_last[feed]
        if last < 0 or not feeds[feed]:
            continue
        silence = 0 if last == minute else c.feed_silent[feed, 2] + 1
        usual = c.gap_usual[feed, hour]
        weight = WEIGHT // max(1, usual) if usual >= 0 else 0
        c.feed_silent[feed, 3] = weight + (c.feed_silent[feed, 3] if silence > 1 else 0)
        c.feed_silent[feed, 2] = silence
        c.gaps[feed, hour, 0] = max(c.gaps[feed, hour, 0], silence)
        since, is_told = c.feed_silent[feed, 0], False
        if since < 0 and silence >= limits[SILENT_LEAST]:
            is_told = usual >= 0 and c.feed_silent[feed, 3] > limits[SILENT_TIMES] * WEIGHT
        elif since >= 0:
            is_told = last <= since
        if is_told != (since >= 0):
            c.feed_silent[feed, 0] = last if is_told else -1
            c.feed_silent[feed, 1] = 1
            speaks = True
    return speaks
