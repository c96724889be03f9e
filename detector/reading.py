"""The compiled reading of a feature: its value as of an event, and the cause where it has none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.aggregates import NO_PAIR, NOT_KNOWN, aggregate, travel_kmh
from detector.events import (
    CODE,
    DEVICE,
    INPUT_MISSING,
    KIND_MASK,
    LOWER_BOUND,
    NETWORK,
    NO_HISTORY,
    OBJECT,
    SESSION,
    SOURCE_MISSING,
    VERIFICATION,
    T,
)  # fmt: skip
from detector.jit import inlined
from detector.matching import matching, void_draws, window
from detector.memory import Memory, Row
from detector.plan import AGE, NEW_SIGNALS, OF_RING, SINCE_DRAW, TRAVEL_KMH, Plan
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
    return cause if cause else SOURCE_MISSING  # debits' ids are not counted (law 20a)


@inlined
def _since_draw(m: Memory, r: Row, j: int, t: int, voided: NDArray[np.int64]) -> float:
    """Law 20e: the age of the newest draw before position j; NaN where there is none."""
    void = void_draws(m, r, j, voided) if r.voids else 0
    for k in range(j - 1, -1, -1):
        s = at(r, k)
        kind = m.slots[s, CODE] & KIND_MASK
        if kind != 8 and kind != 9:
            continue
        counts = True
        for i in range(void):
            counts = counts and voided[i] != m.slots[s, m.place[OBJECT]]
        if counts:
            return np.float64(t - m.slots[s, 0])
    newest = np.int64(-1)
    for k in range(r.put_away_count):
        newest = max(newest, m.put_away[r.put_away_at + k, 2])
    return np.float64(t - newest) if newest >= 0 else np.nan


@inlined
def _travel(m: Memory, r: Row, j: int, after: int, over_km: float) -> tuple[float, int]:
    kmh = travel_kmh(m, r, j, after, over_km)
    if kmh == NO_PAIR:
        return np.nan, NO_HISTORY
    if kmh == NOT_KNOWN:
        return np.nan, SOURCE_MISSING
    return kmh, 0


@inlined
def anchor_age(plan: Plan, f: int, values: NDArray[np.float64]) -> float:
    """The age that sets a feature's window (law 20c); NaN where there is none."""
    return values[plan.anchor[f]] if plan.anchor[f] >= 0 else np.nan


@inlined
def _of_ring(
    m: Memory, r: Row, j: int, plan: Plan, f: int, w: NDArray[np.int64], age: float,
    found: NDArray[np.int64], voided: NDArray[np.int64],
) -> tuple[float, int]:  # fmt: skip
    after, _ = window(plan, f, w[T], age)
    overflowed = r.newest_put_away_ms > after and r.newest_put_away_ms >= 0
    if overflowed and plan.whole[f]:
        return np.nan, NO_HISTORY
    if plan.aggregate[f] == TRAVEL_KMH:
        return _travel(m, r, j, after, plan.over_km[f])
    if plan.aggregate[f] == NEW_SIGNALS and r.signals == 0:
        return 0.0, (LOWER_BOUND if overflowed else 0)
    n = matching(m, r, j, plan, f, w, age, found, voided)
    value = aggregate(m, r, plan, f, w, found, n)
    if np.isnan(value):
        return value, NO_HISTORY
    return value, (LOWER_BOUND if overflowed else 0)


@inlined
def read(
    m: Memory, row: int, j: int, plan: Plan, f: int, w: NDArray[np.int64],
    values: NDArray[np.float64], causes: NDArray[np.uint8], field_cause: NDArray[np.uint8],
    found: NDArray[np.int64], voided: NDArray[np.int64],
) -> tuple[float, int]:  # fmt: skip
    """A feature's value as of the event at position j, and its cause or mark."""
    if plan.unsourced[f]:
        return np.nan, SOURCE_MISSING
    for k in range(4):
        word = plan.same[f, k]
        if word >= 0 and w[word] == 0:
            value = plan.absent[f]
            return value, (absence_cause(word, field_cause) if np.isnan(value) else 0)
    kind, r = plan.aggregate[f], m.rows[row]
    if kind == AGE and plan.of[f] < 2:
        word = DEVICE if plan.of[f] == 0 else NETWORK
        if w[word] == 0:
            return np.nan, absence_cause(word, field_cause)
    if kind == SINCE_DRAW:
        value = _since_draw(m, r, j, w[T], voided)
        return value, (NO_HISTORY if np.isnan(value) else 0)
    if kind >= OF_RING:
        value = row_reading(m, row, j, plan, f, w)
        return value, (NO_HISTORY if np.isnan(value) else 0)
    age = anchor_age(plan, f, values)
    if plan.anchor[f] >= 0 and np.isnan(age):
        cause = causes[plan.anchor[f]]
        if cause != NO_HISTORY:
            return np.nan, cause
        if plan.is_until[f]:
            value = plan.absent[f]
            return value, (NO_HISTORY if np.isnan(value) else 0)
    return _of_ring(m, r, j, plan, f, w, age, found, voided)
