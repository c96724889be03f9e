"""The compiled ticks of the control stage: rows are counted, and each minute is judged once.

A tick at T comes when the clock passes T: after all that reached the stage before, and before the
first event that moved the clock past it. So it never matters where batches end.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import (
    AMOUNT,
    ANSWERS_LEAST,
    ATTEMPTS,
    BARE_LEAST,
    BARE_QUIET,
    CHANGED,
    CLOSED_BEGAN,
    DAY_MINUTES,
    FAILS_OPEN,
    FO_AMOUNT,
    FO_COUNT,
    FO_FIRST,
    FO_NEWEST,
    FO_OPEN,
    FO_TOLD,
    HITS,
    HOUR_MINUTES,
    LAG,
    MINUTE_MS,
    MORE,
    NEWEST,
    NOW,
    OPEN,
    PROVIDER_ERRORS,
    QUIET_AGAIN,
    SERIES,
    SPEAKS,
    TOLERATED,
    UP,
    USUAL,
    WINDOW_MINUTES,
    ControlMemory,
)  # fmt: skip
from detector.feed_silence import judge_feeds
from detector.jit import compiled, inlined
from detector.rate_test import THRESHOLD, fold_minute, set_usual

AWAKE_MINUTES: Final = 60  # a log with no event for so long is not running
HALF_LIFE_DAYS: Final = 14.0
# What a row is to its series: nothing, an attempt without error, an error, a pass, a draw without
# a pass.
NOTHING, ATTEMPT, ERROR, PASSED, BARE = range(5)


class ControlPlan(NamedTuple):
    """The numbers of the control stage. K kinds of series."""

    numbers: NDArray[np.float64]  # (K, 7): see rate_test.py
    grid: NDArray[np.float64]  # (K, GRID_MAX): depths; 0 for none
    limits: NDArray[np.int64]  # (6,): BARE_LEAST ...; minutes, but for the counts
    feeds: NDArray[np.uint8]  # (FEEDS,): which are watched


@inlined
def _add(c: ControlMemory, s: int, minute: int, count: int, is_hit: bool, amount: int) -> None:
    at = minute & (c.counts.shape[1] - 1)
    if c.born[s] < 0:
        c.born[s] = c.now[NOW]
    c.counts[s, at, ATTEMPTS] += count
    if is_hit:
        c.counts[s, at, HITS] += count
        c.counts[s, at, AMOUNT] += amount
    c.dirty[s] = min(c.dirty[s], minute)


@inlined
def _count(
    c: ControlMemory, first: int, second: int, what: int, count: int, amount: int, minute: int,
    feed: int,
) -> None:  # fmt: skip
    """Count a row, which stands for so many events, in its minute."""
    size = c.counts.shape[1]
    at = minute & (size - 1)
    c.now[NEWEST] = max(c.now[NEWEST], minute)
    c.feed_last[feed] = max(c.feed_last[feed], minute)
    if what == NOTHING or first < 0:
        return
    if what == BARE:
        c.bare[first, at, 0] += count
        c.bare[first, at, 1] += amount
        return
    _add(c, first, minute, count, what == ERROR, amount)
    if second >= 0 and what != ERROR:  # of answers, which were passes
        _add(c, second, minute, count, what == PASSED, 0)


@inlined
def _learn(c: ControlMemory, minute: int, plan: ControlPlan) -> None:
    """What was counted in a minute that no event can change any more becomes usual."""
    size = c.counts.shape[1]
    at, hour, day = minute & (size - 1), (minute // 60) % 24, minute // DAY_MINUTES
    if not c.alive[at]:
        return
    if c.hour_day[0, hour] != day:
        c.hour_day[0, hour] = day
        for s in range(c.now[SERIES]):
            c.fresh[s] = 1
            for k in range(3):
                c.hours[s, hour, k] *= 0.5 ** (1.0 / HALF_LIFE_DAYS)
    for s in range(c.now[SERIES]):
        up = max(c.stats[s, at, UP], c.stats[s, at, UP + 1], c.stats[s, at, UP + 2])
        if c.born[s] < 0 or minute < c.born[s]:
            continue
        if c.marks[s, at, OPEN] >= 0 or up >= 0.5 * plan.numbers[c.kinds[s], THRESHOLD]:
            continue
        c.hours[s, hour, 0] += c.counts[s, at, ATTEMPTS]
        c.hours[s, hour, 1] += c.counts[s, at, HITS]
        c.hours[s, hour, 2] += 1.0
        if c.counts[s, at, ATTEMPTS] > 0:
            c.fresh[s] = 1


@inlined
def _judge(c: ControlMemory, s: int, minute: int, plan: ControlPlan) -> int:
    """Fold a series up to a minute; why it speaks."""
    size = c.counts.shape[1]
    at, before = minute & (size - 1), (minute - 1) & (size - 1)
    numbers, grid = plan.numbers[c.kinds[s]], plan.grid[c.kinds[s]]
    if c.fresh[s] or minute % HOUR_MINUTES == 0:
        set_usual(c, s, minute, numbers)
        c.fresh[s] = 0
    else:
        c.stats[s, at, USUAL] = c.stats[s, before, USUAL]
        c.stats[s, at, TOLERATED] = c.stats[s, before, TOLERATED]
    oldest = min(c.dirty[s], minute)
    changed = False
    for m in range(oldest, minute):
        changed = fold_minute(c, s, m, numbers, grid) or changed
    fold_minute(c, s, minute, numbers, grid)
    changed = changed or c.marks[s, at, OPEN] != c.marks[s, before, OPEN]
    changed = changed or c.marks[s, at, CLOSED_BEGAN] >= 0
    c.dirty[s] = 1 << 62
    began = c.marks[s, at, OPEN]
    if began < 0:
        return CHANGED if changed else 0
    first = minute
    if changed or oldest < minute:
        first = max(began, minute - size + 1)
        for k in range(3):
            c.since[s, k] = 0
    for m in range(first, minute + 1):
        for k in range(3):
            c.since[s, k] += c.counts[s, m & (size - 1), k]
    if changed:
        return CHANGED
    return MORE if c.since[s, HITS] >= c.told[s] else 0


@inlined
def _judge_bare(c: ControlMemory, s: int, minute: int, plan: ControlPlan) -> int:
    """Draws without a pass while their provider is down or silent; why that speaks."""
    size, f = c.counts.shape[1], c.fail_open[s]
    count, amount, answers = 0, 0, 0
    for m in range(minute - WINDOW_MINUTES + 1, minute + 1):
        count += c.bare[s, m & (size - 1), 0]
        amount += c.bare[s, m & (size - 1), 1]
        answers += c.counts[s, m & (size - 1), ATTEMPTS]
    hour = (minute // 60) % 24
    watched = max(c.hours[s, hour, 2], 1.0)
    usual = WINDOW_MINUTES * c.hours[s, hour, 0] / watched
    is_down = c.marks[s, minute & (size - 1), OPEN] >= 0
    is_down = is_down or (answers == 0 and usual >= plan.limits[ANSWERS_LEAST])
    if is_down and count >= plan.limits[BARE_LEAST]:
        f[FO_NEWEST] = minute
        if not f[FO_OPEN]:
            f[FO_OPEN], f[FO_FIRST] = 1, minute - WINDOW_MINUTES + 1
            f[FO_COUNT], f[FO_AMOUNT] = count, amount
            return FAILS_OPEN
    if not f[FO_OPEN]:
        return 0
    if f[FO_FIRST] + WINDOW_MINUTES <= minute:
        f[FO_COUNT] += c.bare[s, minute & (size - 1), 0]
        f[FO_AMOUNT] += c.bare[s, minute & (size - 1), 1]
    if minute - f[FO_NEWEST] >= plan.limits[BARE_QUIET]:
        f[FO_OPEN] = 0
        return QUIET_AGAIN
    return FAILS_OPEN if f[FO_COUNT] >= f[FO_TOLD] else 0


@inlined
def _tick(c: ControlMemory, plan: ControlPlan) -> None:
    """Judge the minute in hand, then begin the next."""
    size, minute = c.counts.shape[1], c.now[NOW]
    is_alive = minute - c.now[NEWEST] < AWAKE_MINUTES
    c.alive[minute & (size - 1)] = is_alive
    _learn(c, minute - plan.limits[LAG], plan)
    speaks = judge_feeds(c, minute, plan.feeds, plan.limits) if is_alive else False
    for s in range(c.now[SERIES]):
        c.flags[s] = _judge(c, s, minute, plan)
        if c.kinds[s] == PROVIDER_ERRORS:
            c.flags[s] |= _judge_bare(c, s, minute, plan)
        speaks = speaks or c.flags[s] != 0
    c.now[SPEAKS] = speaks
    at = (minute + 1) & (size - 1)
    for s in range(c.now[SERIES]):
        for k in range(3):
            c.counts[s, at, k] = 0
        c.bare[s, at, 0] = 0
        c.bare[s, at, 1] = 0
    c.now[NOW] = minute + 1


@inlined
def _leap(c: ControlMemory, limit_ms: int) -> None:
    """Skip minutes in which nothing can happen, and that no event can still be of."""
    idle = c.now[NEWEST] + c.counts.shape[1] + 2 * DAY_MINUTES
    last = (limit_ms - 1) // MINUTE_MS - c.counts.shape[1]
    if c.now[NOW] > idle and last > c.now[NOW]:
        c.now[NOW] = last
        for s in range(c.now[SERIES]):
            c.fresh[s] = 1


@compiled
def go_on(
    start: int, clock: NDArray[np.int64], minutes: NDArray[np.int64], feeds: NDArray[np.uint8],
    what: NDArray[np.uint8], counts: NDArray[np.int64], amounts: NDArray[np.int64],
    first: NDArray[np.int32], second: NDArray[np.int32], stop_ms: int, c: ControlMemory,
    plan: ControlPlan,
) -> int:  # fmt: skip
    """Count rows from `start` on and tick wherever the clock passes a minute's end, as far as a
    tick that has something to say (SPEAKS), or the end of the rows and `stop_ms`.

    Gives the row to go on from. A row that stands for no event counts nowhere.
    """
    i, n = start, len(clock)
    c.now[SPEAKS] = 0
    if c.now[NOW] < 0:
        began_ms = clock[0] if n else stop_ms
        c.now[NOW] = (began_ms - 1) // MINUTE_MS
        c.now[NEWEST] = c.now[NOW]
    while True:
        tick_ms = (c.now[NOW] + 1) * MINUTE_MS
        while i < n and clock[i] <= tick_ms:
            if counts[i]:
                _count(c, first[i], second[i], what[i], counts[i], amounts[i], minutes[i], feeds[i])
            i += 1
        limit_ms = stop_ms if i == n else clock[i]
        if limit_ms <= tick_ms:
            return i
        _tick(c, plan)
        if c.now[SPEAKS]:
            return i
        _leap(c, limit_ms)
