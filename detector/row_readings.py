"""The compiled readings of a row itself: ages, familiar sets, normal, counts by the minute.

Each gives NaN where the row has no history to read from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.events import ACCOUNT, CODE, DEVICE, NETWORK, NORMAL, NULL_INT, OPENING_BIT, PAYEE, T
from detector.familiar import count_fraud, count_seen, find_account, find_known, high, low
from detector.jit import compiled, inlined
from detector.memory import (
    CLOCK_HOUR,
    CLOCK_MINUTE,
    CLOCK_SINCE,
    DAY_MS,
    MINUTES,
    WEEK_HOUR,
    WEEK_HOURS,
    WEEK_LOGINS,
    Memory,
    Row,
)  # fmt: skip
from detector.plan import (
    AGE,
    CLEARED,
    ENTITY_AGE,
    FRAUD_ACCOUNTS,
    MINUTE_FAILURES,
    MINUTE_LOGINS,
    NORMAL_AMOUNT,
    POPULATION_FAILURES,
    POPULATION_LOGINS,
    SEEN_ACCOUNTS,
    SINCE_LOGIN,
    USUAL_ACCOUNTS,
    Plan,
)  # fmt: skip
from detector.ring import at


@inlined
def _openings(m: Memory, r: Row, j: int, after_ms: int) -> int:
    n = 0
    for k in range(j, -1, -1):
        s = at(r, k)
        if m.slots[s, 0] <= after_ms:
            break
        if m.slots[s, CODE] & OPENING_BIT:
            n += 1
    return n


@inlined
def _usual_accounts(m: Memory, r: Row, j: int, t: int) -> float:
    """Accounts a day that this payee usually sees, without the last 24 h; NaN with no history."""
    days = (t - DAY_MS - r.first_ms) / DAY_MS
    if days <= 0:
        return np.nan
    return (r.openings - _openings(m, r, j, t - DAY_MS)) / max(1.0, days)


@inlined
def _minutes(m: Memory, row: int, t: int, which: int) -> float:
    """Log-ins (0) or failed ones (1) of the event's minute and the nine before it."""
    minute = t // 60_000
    newest = m.rows[row].minute_newest
    if newest < 0 or minute < newest - 10:
        return np.nan
    total = 0
    for k in range(max(minute - 9, newest - MINUTES + 1), min(minute, newest) + 1):
        total += m.minutes[row, k % MINUTES, which]
    return np.float64(total)


@compiled
def _total(pool: NDArray[np.int64], first: int, last: int, which: int) -> int:
    total = 0
    for k in range(first, last + 1):
        total += pool[k & (len(pool) - 1), which]
    return total


@inlined
def _population(m: Memory, t: int, span_ms: int, which: int) -> float:
    """Log-ins (0) or failed ones (1) of all accounts, in whole minutes, or hours for long spans.

    NaN where a part of the span is no longer kept.
    """
    if span_ms <= 3_600_000:
        pool, newest, unit, length = (
            m.population_minutes, m.clock[CLOCK_MINUTE], t // 60_000, span_ms // 60_000
        )  # fmt: skip
    else:
        pool, newest, unit, length = (
            m.population_hours, m.clock[CLOCK_HOUR], t // 3_600_000, span_ms // 3_600_000
        )  # fmt: skip
    size = len(pool)
    if unit - length < newest - size:
        return np.nan
    if length != WEEK_HOURS:
        return np.float64(_total(pool, unit - length + 1, min(unit, newest), which))
    if unit != m.clock[WEEK_HOUR]:  # a week is added up once an hour and counted on from there
        m.clock[WEEK_HOUR] = unit
        for column in range(2):
            m.clock[WEEK_LOGINS + column] = _total(
                pool, unit - length + 1, min(unit, newest), column
            )
    return np.float64(m.clock[WEEK_LOGINS + which])


@inlined
def _of_account(m: Memory, r: Row, kind: int, w: NDArray[np.int64]) -> float:
    """Readings of the event's account at another entity."""
    entry = find_account(m, r, w[ACCOUNT])
    if kind == CLEARED:
        if entry < 0:
            return 0.0
        cleared = low(m.familiar[entry, 3]) * 1000
        return 1.0 if 0 < cleared <= w[T] else 0.0
    if entry < 0:
        return np.nan
    failed, success = high(m.familiar[entry, 2]) * 1000, low(m.familiar[entry, 2]) * 1000
    if success == 0:
        return np.nan
    if kind == SINCE_LOGIN:
        return np.float64(w[T] - success)
    return np.float64(success - failed) if 0 < failed <= success else np.nan


@inlined
def row_reading(m: Memory, row: int, j: int, plan: Plan, f: int, w: NDArray[np.int64]) -> float:
    """One number of the row itself, NaN (no history) where it has none."""
    r, kind, t = m.rows[row], plan.aggregate[f], w[T]
    if kind == ENTITY_AGE:
        return np.float64(t - r.first_ms)
    if kind == AGE:
        word = w[DEVICE] if plan.of[f] == 0 else w[NETWORK] if plan.of[f] == 1 else w[PAYEE]
        entry = find_known(m, r, plan.of[f], word)
        return np.float64(t - high(m.familiar[entry, 1]) * 1000) if entry >= 0 else np.nan
    if kind == SEEN_ACCOUNTS:
        return np.float64(count_seen(m, r, t - plan.span_ms[f]))
    if kind == FRAUD_ACCOUNTS:
        return np.float64(count_fraud(m, r, t - plan.span_ms[f], t))
    if kind <= SINCE_LOGIN:
        return _of_account(m, r, kind, w)
    if kind == NORMAL_AMOUNT:
        return np.nan if w[NORMAL] == NULL_INT else np.float64(w[NORMAL])
    if kind == USUAL_ACCOUNTS:
        return _usual_accounts(m, r, j, t)
    if kind <= MINUTE_FAILURES:
        return _minutes(m, row, t, kind - MINUTE_LOGINS)
    if kind <= POPULATION_FAILURES:
        partitions: float = plan.partitions[0]
        return _population(m, t, plan.span_ms[f], kind - POPULATION_LOGINS) * partitions
    return 1.0 if t - m.clock[CLOCK_SINCE] >= plan.span_ms[f] else np.nan
