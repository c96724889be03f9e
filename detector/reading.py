"""The compiled reading of features: which ring entries match, and what is made of them.

A feature reads the memory as of an event at logical position `j` of its entity's ring: entries up
to and with its own place, so that a late event, and an event judged again, read what stood before
them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.events import (
    CODE,
    DEVICE,
    FIRST_TO_PAYEE_BIT,
    INPUT_MISSING,
    KIND_MASK,
    LOWER_BOUND,
    NETWORK,
    NO_HISTORY,
    NULL_INT,
    OBJECT,
    OWNER_SHIFT,
    PAYEE_KIND_SHIFT,
    SESSION,
    SIGNALS_SHIFT,
    SOURCE_MISSING,
    VERIFICATION,
    T,
)  # fmt: skip
from detector.familiar import find_account, high
from detector.jit import inlined
from detector.memory import Memory, Row
from detector.plan import OF_RING, Plan
from detector.ring import at
from detector.row_readings import row_reading


@inlined
def absence_cause(word: int, field_cause: NDArray[np.uint8]) -> int:
    """Why an id of an event is not there."""
    cause: int = INPUT_MISSING
    if word == DEVICE:
        cause = field_cause[0]
    elif word == NETWORK:
        cause = field_cause[1]
    elif word == SESSION:
        cause = field_cause[2]
    elif word == VERIFICATION:
        cause = field_cause[3]
    return cause


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
    for k in range(n):  # noqa: SIM110 - a generator cannot be compiled
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
        value = row_reading(m, row, j, plan, f, w)
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
