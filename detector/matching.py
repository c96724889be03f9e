"""The compiled search: which entries of a ring a feature counts, as of an event at position `j`.

Entries up to and with the event's own place, so that a late event, and an event judged again, read
what stood before them. A feature with an anchor counts from, or up to, the time that another
feature's age points at (law 20c).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.events import (
    AMOUNT,
    CODE,
    FIRST_TO_PAYEE_BIT,
    KIND_MASK,
    METHOD_SHIFT,
    NULL_INT,
    OBJECT,
    OWNER_SHIFT,
    PAYEE_KIND_SHIFT,
    SIGNALS_SHIFT,
    T,
)  # fmt: skip
from detector.jit import inlined
from detector.memory import Memory, Row
from detector.plan import Plan
from detector.ring import at

LONG_AGO_MS = -(1 << 62)
NEVER_ENDS_MS = 1 << 62


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
    if plan.methods[f] and not (plan.methods[f] >> ((code >> METHOD_SHIFT) & 7)) & 1:
        return False
    return not plan.first_to_payee[f] or code & FIRST_TO_PAYEE_BIT != 0


@inlined
def _in_band(amount: int, plan: Plan, f: int) -> bool:
    """Whether a slot's amount is known and within the feature's bounds."""
    low, high = plan.amount_from[f], plan.amount_below[f]
    if np.isnan(low) and np.isnan(high):
        return True
    return amount != NULL_INT and not amount < low and not amount >= high


@inlined
def _is_void(value: int, voided: NDArray[np.int64], n: int) -> bool:
    for k in range(n):  # noqa: SIM110 - a generator cannot be compiled
        if voided[k] == value:
            return True
    return False


@inlined
def void_draws(m: Memory, r: Row, j: int, voided: NDArray[np.int64]) -> int:
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
def window(plan: Plan, f: int, t: int, age: float) -> tuple[int, int]:
    """The times between which entries count, both left out; `age` of the anchor, or NaN."""
    span: int = plan.span_ms[f]
    if np.isnan(age):
        return (t - span if span >= 0 else LONG_AGO_MS), NEVER_ENDS_MS
    anchor_ms = t - int(age)
    if plan.is_until[f]:
        return (anchor_ms - span if span >= 0 else LONG_AGO_MS), anchor_ms
    return (max(t - span, anchor_ms - 1) if span >= 0 else anchor_ms - 1), NEVER_ENDS_MS


@inlined
def matching(
    m: Memory, r: Row, j: int, plan: Plan, f: int, w: NDArray[np.int64], age: float,
    found: NDArray[np.int64], voided: NDArray[np.int64],
) -> int:  # fmt: skip
    """Write the slots that a feature counts, newest first, to `found`; how many they are."""
    after, end = window(plan, f, w[T], age)
    kinds, plain = plan.kinds[f], plan.plain[f]
    slots, object_at, amount_at = m.slots, m.place[OBJECT], m.place[AMOUNT]
    ring_at, head, mask = r.ring_at, r.head, r.ring_size - 1  # once, not at every entry
    if not kinds & np.uint64(r.kinds) or (plan.signals[f] and not plan.signals[f] & r.signals):
        return 0  # the ring never held such a one
    void = void_draws(m, r, j, voided) if plan.draws_only[f] and r.voids else 0
    n = 0
    for k in range(j - plan.before[f], -1, -1):
        s = ring_at + ((head + k) & mask)
        if slots[s, 0] <= after:
            break
        code = slots[s, CODE]
        if not (kinds >> np.uint64(code & KIND_MASK)) & np.uint64(1) or slots[s, 0] >= end:
            continue
        if not plain and not (
            _accepted(code, plan, f)
            and _in_band(slots[s, amount_at], plan, f)
            and _fits(m, s, plan, f, w)
        ):
            continue
        draw = code & KIND_MASK == 8 or code & KIND_MASK == 9
        if void and draw and _is_void(slots[s, object_at], voided, void):
            continue
        found[n] = s
        n += 1
    return n
