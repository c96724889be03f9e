"""The compiled clock of a stage, and the population's log-ins by the minute and the hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.jit import inlined
from detector.memory import (
    CLOCK_HOUR,
    CLOCK_MINUTE,
    CLOCK_NOW,
    CLOCK_PENDING_ACCOUNT,
    CLOCK_PENDING_MS,
    CLOCK_SINCE,
    DAY_MS,
    WEEK_HOUR,
    WEEK_HOURS,
    WEEK_LOGINS,
    Memory,
)  # fmt: skip


@inlined
def advance_clock(m: Memory, t: int, account: int) -> None:
    """Law 3: the newest time handled, but no single account jumps it by more than a day."""
    c = m.clock
    c[CLOCK_SINCE] = t if c[CLOCK_SINCE] < 0 else min(c[CLOCK_SINCE], t)
    if c[CLOCK_NOW] < 0:
        c[CLOCK_NOW] = t
        return
    if t <= c[CLOCK_NOW] + DAY_MS:
        c[CLOCK_NOW] = max(c[CLOCK_NOW], t)
        if c[CLOCK_PENDING_MS] <= c[CLOCK_NOW] + DAY_MS:
            c[CLOCK_PENDING_MS] = -1
        return
    if c[CLOCK_PENDING_MS] >= 0 and c[CLOCK_PENDING_ACCOUNT] != account:
        c[CLOCK_NOW] = min(t, c[CLOCK_PENDING_MS])
        if t <= c[CLOCK_NOW] + DAY_MS:
            c[CLOCK_NOW] = t
            c[CLOCK_PENDING_MS] = -1
            return
    c[CLOCK_PENDING_MS] = t
    c[CLOCK_PENDING_ACCOUNT] = account


@inlined
def _count_in(
    pool: NDArray[np.int64], clock: NDArray[np.int64], which: int, unit: int, failed: bool
) -> bool:
    """Count a log-in in its unit of a ring of units; False where it is no longer kept."""
    size = len(pool)
    if clock[which] < 0 or unit - clock[which] > size:
        clock[which] = unit - size
    while clock[which] < unit:
        clock[which] += 1
        pool[clock[which] & (size - 1)] = 0
    if unit <= clock[which] - size:
        return False
    pool[unit & (size - 1), 0] += 1
    pool[unit & (size - 1), 1] += failed
    return True


@inlined
def count_population(m: Memory, t: int, failed: bool) -> None:
    _count_in(m.population_minutes, m.clock, CLOCK_MINUTE, t // 60_000, failed)
    hour, week = t // 3_600_000, m.clock[WEEK_HOUR]
    kept = _count_in(m.population_hours, m.clock, CLOCK_HOUR, hour, failed)
    if kept and week - WEEK_HOURS < hour <= week:
        m.clock[WEEK_LOGINS] += 1
        m.clock[WEEK_LOGINS + 1] += failed
