"""The compiled reading of features: which ring entries match, and what is made of them.

A feature reads the memory as of an event at logical position `j` of its entity's ring: entries up to
and with its own place, so that a late event and an event judged again read what stood before them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.events import (
    CODE, DEVICE, FIRST_TO_PAYEE_BIT, INPUT_MISSING, KIND_MASK, LOWER_BOUND, NETWORK, NO_HISTORY,
    NORMAL, NULL_INT, OBJECT, OPENING_BIT, OWNER_SHIFT, PAYEE_KIND_SHIFT, SESSION, SIGNALS_SHIFT,
    SOURCE_MISSING, VERIFICATION, ACCOUNT, T,
)  # fmt: skip
from detector.familiar import (
    count_fraud, count_seen, find_account, find_known, high, low,
)  # fmt: skip
from detector.memory import (
    CLOCK_HOUR, CLOCK_MINUTE, CLOCK_SINCE, MINUTES, WEEK_HOUR, WEEK_HOURS, WEEK_LOGINS, Memory,
    Row,
)  # fmt: skip
from detector.jit import compiled, inlined
from detector.ring import at

DAY_MS: Final = 86_400_000
DRAWS_FOR_NORMAL: Final = 3

# Aggregates over matching ring entries come first, readings of the row after them.
AGGREGATES: Final = (
    "count", "sum", "max", "min", "mean", "distinct", "newcomers", "age_of_last", "age_of_first",
    "entity_age", "age", "seen_accounts", "fraud_accounts", "cleared", "login_after_failure",
    "since_login", "normal_amount", "usual_accounts", "minute_logins", "minute_failures",
    "population_logins", "population_failures", "covered",
)  # fmt: skip
OF_RING: Final = 9  # the first so many are aggregates over the ring


class Plan(NamedTuple):
    """The catalogue of one stage's features, compiled: arrays of one entry a feature."""

    aggregate: NDArray[np.int64]
    of: NDArray[np.int64]  # word, or which familiar set
    kinds: NDArray[np.uint64]  # accepted kinds, a bit each
    draws_only: NDArray[np.uint8]  # "disbursement": draws, not void
    span_ms: NDArray[np.int64]  # -1: all that is remembered
    same: NDArray[np.int64]  # (features, 4) words, -1 for none
    same_any: NDArray[np.int64]
    agree: NDArray[np.int64]
    differ: NDArray[np.int64]
    owners: NDArray[np.int64]  # accepted codes, a bit each; 0: all
    payee_kinds: NDArray[np.int64]
    signals: NDArray[np.int64]
    first_to_payee: NDArray[np.uint8]
    before: NDArray[np.uint8]
    whole: NDArray[np.uint8]
    plain: NDArray[np.uint8]  # no condition on ids, no filter
    absent: NDArray[np.float64]  # NaN: NULL
    unsourced: NDArray[np.uint8]  # no feed that it reads is there
    column: NDArray[np.int64]
    type_starts: NDArray[np.int64]  # (types + 1): features of a type, in `type_features`
    type_features: NDArray[np.int64]


@inlined
def absence_cause(word: int, field_cause: NDArray[np.uint8]) -> int:
    """Why an id of an event is not there."""
    if word == DEVICE:
        return field_cause[0]
    if word == NETWORK:
        return field_cause[1]
    if word == SESSION:
        return field_cause[2]
    if word == VERIFICATION:
        return field_cause[3]
    return INPUT_MISSING


@inlined
def _fits(m: Memory, s: int, plan: Plan, f: int, w: NDArray[np.int64]) -> bool:
    """Whether the ids of slot s stand to the event's as the feature asks."""
    for k in range(4):
        word = plan.same[f, k]
        if word >= 0 and m.slots[s, m.place[word]] != w[word]:
            return False
    told, met = False, False
    for k in range(4):
        word = plan.same_any[f, k]
        if word >= 0 and w[word] != 0:
            told = True
            met = met or m.slots[s, m.place[word]] == w[word]
    if told and not met:
        return False
    for k in range(4):
        word = plan.agree[f, k]
        if word >= 0 and w[word] != 0:
            other = m.slots[s, m.place[word]]
            if other not in (0, w[word]):
                return False
    for k in range(4):
        word = plan.differ[f, k]
        if word >= 0:
            other = m.slots[s, m.place[word]]
            if w[word] == 0 or other in (0, w[word]):
                return False
    return True


@inlined
def _accepted(code: int, plan: Plan, f: int) -> bool:
    """Whether a slot's packed values pass the feature's filters."""
    if plan.owners[f] and not (plan.owners[f] >> ((code >> OWNER_SHIFT) & 3)) & 1:
        return False
    if plan.payee_kinds[f] and not (plan.payee_kinds[f] >> ((code >> PAYEE_KIND_SHIFT) & 3)) & 1:
        return False
    if plan.signals[f] and not plan.signals[f] & (code >> SIGNALS_SHIFT) & 255:
        return False
    return not plan.first_to_payee[f] or code & FIRST_TO_PAYEE_BIT != 0


@inlined
def _is_void(value: int, voided: NDArray[np.int64], n: int) -> bool:
    for k in range(n):
        if voided[k] == value:
            return True
    return False


@inlined
def _voided(m: Memory, r: Row, j: int, voided: NDArray[np.int64]) -> int:
    """Law 10: write the disbursements that were rejected or reversed by position j; how many."""
    n = 0
    for k in range(j + 1):
        s = at(r, k)
        kind = m.slots[s, CODE] & KIND_MASK
        if kind == 10 or kind == 11:
            voided[n] = m.slots[s, m.place[OBJECT]]
            n += 1
    return n


@inlined
def matching(
    m: Memory, r: Row, j: int, plan: Plan, f: int, w: NDArray[np.int64],
    found: NDArray[np.int64], voided: NDArray[np.int64],
) -> int:  # fmt: skip
    """Write the slots that a feature counts, newest first, to `found`; how many they are."""
    after = w[T] - plan.span_ms[f] if plan.span_ms[f] >= 0 else np.int64(-(1 << 62))
    kinds, plain = plan.kinds[f], plan.plain[f]
    slots, object_at = m.slots, m.place[OBJECT]
    ring_at, head, mask = r.ring_at, r.head, r.ring_size - 1  # once, not at every entry
    void = _voided(m, r, j, voided) if plan.draws_only[f] and r.voids else 0
    n = 0
    for k in range(j - plan.before[f], -1, -1):
        s = ring_at + ((head + k) & mask)
        if slots[s, 0] <= after:
            break
        code = slots[s, CODE]
        if not (kinds >> np.uint64(code & KIND_MASK)) & np.uint64(1):
            continue
        if not plain and not (_accepted(code, plan, f) and _fits(m, s, plan, f, w)):
            continue
        if void and _is_void(slots[s, object_at], voided, void):
            continue
        found[n] = s
        n += 1
    return n


@inlined
def _distinct(
    m: Memory, r: Row, place: int, found: NDArray[np.int64], n: int, after_ms: int,
    newcomers: bool,
) -> int:  # fmt: skip
    """Distinct ids in a word of the found slots; only accounts first seen after a time if asked."""
    total = 0
    for k in range(n):
        value = m.slots[found[k], place]
        if value == 0:
            continue
        again = False
        for i in range(k):
            again = again or m.slots[found[i], place] == value
        if again:
            continue
        if newcomers:
            entry = find_account(m, r, value)
            if entry < 0 or high(m.familiar[entry, 1]) * 1000 <= after_ms:
                continue
        total += 1
    return total


@inlined
def _aggregate(
    m: Memory, r: Row, plan: Plan, f: int, w: NDArray[np.int64],
    found: NDArray[np.int64], n: int,
) -> float:  # fmt: skip
    """One number of the found slots, NaN where none gives one."""
    kind = plan.aggregate[f]
    if kind == 0:
        return np.float64(n)
    if kind == 5 or kind == 6:
        after = w[T] - plan.span_ms[f]
        return np.float64(_distinct(m, r, m.place[plan.of[f]], found, n, after, kind == 6))
    if kind == 7:
        return np.float64(w[T] - m.slots[found[0], 0]) if n else np.nan
    if kind == 8:
        return np.float64(w[T] - m.slots[found[n - 1], 0]) if n else np.nan
    total, known = 0.0, 0
    for k in range(n - 1, -1, -1):
        amount = m.slots[found[k], m.place[plan.of[f]]]
        if amount == NULL_INT:
            continue
        value = np.float64(amount)
        if known == 0:
            total = value
        elif kind == 2:
            total = max(total, value)
        elif kind == 3:
            total = min(total, value)
        else:
            total += value
        known += 1
    if known == 0:
        return 0.0 if kind == 1 else np.nan
    return total / known if kind == 4 else total


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
    if kind == 13:
        if entry < 0:
            return 0.0
        cleared = low(m.familiar[entry, 3]) * 1000
        return 1.0 if 0 < cleared <= w[T] else 0.0
    if entry < 0:
        return np.nan
    failed, success = high(m.familiar[entry, 2]) * 1000, low(m.familiar[entry, 2]) * 1000
    if success == 0:
        return np.nan
    if kind == 15:
        return np.float64(w[T] - success)
    return np.float64(success - failed) if 0 < failed <= success else np.nan


@inlined
def _row_reading(
    m: Memory, row: int, j: int, plan: Plan, f: int, w: NDArray[np.int64]
) -> float:
    """One number of the row itself, NaN (no history) where it has none."""
    r, kind, t = m.rows[row], plan.aggregate[f], w[T]
    if kind == 9:
        return np.float64(t - r.first_ms)
    if kind == 10:
        word = w[DEVICE] if plan.of[f] == 0 else w[NETWORK] if plan.of[f] == 1 else w[6]
        entry = find_known(m, r, plan.of[f], word)
        return np.float64(t - high(m.familiar[entry, 1]) * 1000) if entry >= 0 else np.nan
    if kind == 11:
        return np.float64(count_seen(m, r, t - plan.span_ms[f]))
    if kind == 12:
        return np.float64(count_fraud(m, r, t - plan.span_ms[f], t))
    if kind <= 15:
        return _of_account(m, r, kind, w)
    if kind == 16:
        return np.nan if w[NORMAL] == NULL_INT else np.float64(w[NORMAL])
    if kind == 17:
        return _usual_accounts(m, r, j, t)
    if kind <= 19:
        return _minutes(m, row, t, kind - 18)
    if kind <= 21:
        return _population(m, t, plan.span_ms[f], kind - 20)
    return 1.0 if t - m.clock[CLOCK_SINCE] >= plan.span_ms[f] else np.nan


@inlined
def read(
    m: Memory, row: int, j: int, plan: Plan, f: int, w: NDArray[np.int64],
    field_cause: NDArray[np.uint8], found: NDArray[np.int64], voided: NDArray[np.int64],
) -> tuple[float, int]:  # fmt: skip
    """A feature's value as of the event at position j, and its cause or mark."""
    if plan.unsourced[f]:
        return np.nan, SOURCE_MISSING
    for k in range(4):
        word = plan.same[f, k]
        if word >= 0 and w[word] == 0:
            value = plan.absent[f]
            return value, (absence_cause(word, field_cause) if np.isnan(value) else 0)
    kind = plan.aggregate[f]
    if kind == 10 and plan.of[f] < 2:
        word = DEVICE if plan.of[f] == 0 else NETWORK
        if w[word] == 0:
            return np.nan, absence_cause(word, field_cause)
    if kind >= OF_RING:
        value = _row_reading(m, row, j, plan, f, w)
        return value, (NO_HISTORY if np.isnan(value) else 0)
    r = m.rows[row]
    span = plan.span_ms[f]
    overflowed = r.newest_put_away_ms >= 0 and (span < 0 or r.newest_put_away_ms > w[T] - span)
    if overflowed and plan.whole[f]:
        return np.nan, NO_HISTORY
    n = matching(m, r, j, plan, f, w, found, voided)
    value = _aggregate(m, r, plan, f, w, found, n)
    if np.isnan(value):
        return value, NO_HISTORY
    return value, (LOWER_BOUND if overflowed else 0)

