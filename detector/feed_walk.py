"""The compiled look at what arrived of a feed: on to the first minute in which it is broken."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import DAY_MINUTES, HOUR_MINUTES, WINDOW_MINUTES
from detector.jit import compiled, inlined

TOTAL, DEAD_AT, FIRST_FIELD = 0, 1, 2  # columns of a minute: events, dead letters, events without
HOUR, JUDGED = 0, 1
HALF_LIFE_DAYS: Final = 7.0
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


class BreakLimits(NamedTuple):
    """From when on a feed is broken: the typology's parameters."""

    least: float  # events
    dead_share: float
    missing_share: float
    usual_share: float
    history: float  # events


@inlined
def _learn_before(minutes: Counts, counts: Counts, usual: Floats, at: Counts, hour: int) -> None:
    """What arrived in the hours before one becomes usual; a day's past fades as another begins."""
    row, columns = 0, counts.shape[1]
    while at[HOUR] < hour:
        while minutes[row] // HOUR_MINUTES < at[HOUR]:
            row += 1
        begin, before = row, at[HOUR]
        while minutes[row] // HOUR_MINUTES == before:
            row += 1
        for column in range(columns):
            total = 0
            for k in range(begin, row):
                total += counts[k, column]
            usual[column] += total
        at[HOUR] = minutes[row] // HOUR_MINUTES
        days = at[HOUR] * HOUR_MINUTES // DAY_MINUTES - before * HOUR_MINUTES // DAY_MINUTES
        for column in range(columns):
            usual[column] *= 0.5 ** (days / HALF_LIFE_DAYS)


@inlined
def _add(window: Counts, counts: Counts, row: int, sign: int) -> None:
    for column in range(len(window)):
        window[column] += sign * counts[row, column]


@inlined
def _judge(window: Counts, usual: Floats, limits: BreakLimits, is_broken: NDArray[np.bool_]) -> int:
    """What is broken of the causes, by what arrived within the window; how many are."""
    total = window[TOTAL] + window[DEAD_AT]
    is_broken[0] = total >= limits.least and window[DEAD_AT] >= limits.dead_share * total
    is_known = window[TOTAL] >= limits.least and usual[TOTAL] >= limits.history
    for k in range(FIRST_FIELD, len(window)):
        lacks = window[k] >= limits.missing_share * window[TOTAL]
        is_usual = usual[k] <= (1 - limits.usual_share) * usual[TOTAL]
        is_broken[k - 1] = is_known and lacks and is_usual
    count = 0
    for one in is_broken:
        count += one
    return count


@compiled
def next_break(
    minutes: Counts, counts: Counts, usual: Floats, at: Counts, end: int, limits: BreakLimits,
    has_open: bool, window: Counts, is_broken: NDArray[np.bool_],
) -> int:  # fmt: skip
    """Judge the minutes that are not yet and lie before `end`, as far as one that is broken, or the
    first where an incident is open; learn the hours that are over.

    Gives the place of that minute, with what is broken of it; -1 for none. `at`: the hour before
    which all is learnt, the newest minute that was judged. `window`: room, a column each.
    """
    row = len(minutes)
    while row > 0 and minutes[row - 1] > at[JUDGED]:
        row -= 1
    begin = row
    window[:] = 0
    while row < len(minutes) and minutes[row] < end:
        minute = minutes[row]
        if at[HOUR] < 0:
            at[HOUR] = minutes[0] // HOUR_MINUTES
        _learn_before(minutes, counts, usual, at, minute // HOUR_MINUTES)
        while begin > 0 and minutes[begin - 1] > minute - WINDOW_MINUTES:
            begin -= 1
            _add(window, counts, begin, 1)
        _add(window, counts, row, 1)
        while minutes[begin] <= minute - WINDOW_MINUTES:
            _add(window, counts, begin, -1)
            begin += 1
        at[JUDGED] = minute
        if _judge(window, usual, limits, is_broken) > 0 or has_open:
            return row
        row += 1
    return -1
