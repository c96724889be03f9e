"""The compiled aggregates: one number of the ring entries that a feature counts."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.events import (
    CODE,
    COORDINATE_NULL,
    DEVICE,
    KIND_MASK,
    LATITUDE_SHIFT,
    LONGITUDE_SHIFT,
    NULL_INT,
    SIGNALS,
    SIGNALS_SHIFT,
    T,
)  # fmt: skip
from detector.familiar import find_account, high
from detector.jit import inlined
from detector.memory import Memory, Row
from detector.plan import (
    AGE_OF_FIRST,
    AGE_OF_LAST,
    COUNT,
    DISTINCT,
    LAST,
    MAX,
    MEAN,
    MIN,
    NEW_SIGNALS,
    NEWCOMERS,
    SUM,
    Plan,
)  # fmt: skip
from detector.ring import at

EARTH_RADIUS_KM: Final = 6371.0088  # mean radius, IUGG
HIDING: Final = 1 << SIGNALS.index("vpn") | 1 << SIGNALS.index("tor")
NO_PAIR: Final = -1.0  # of travel: no two log-ins to compare
NOT_KNOWN: Final = -2.0  # of travel: the pairs that there are cannot be compared


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
def _new_signals(m: Memory, place: int, found: NDArray[np.int64], n: int) -> int:
    """Law 20f: signals that came up only where the id in a word was not the first one's."""
    if n == 0:
        return 0
    seen, fresh = 0, 0
    first = m.slots[found[n - 1], place]
    for k in range(n - 1, -1, -1):
        signals = (m.slots[found[k], CODE] >> SIGNALS_SHIFT) & 255
        other = m.slots[found[k], place]
        if first != 0 and other not in (0, first):
            fresh |= signals & ~seen
        seen |= signals
    total = 0
    for bit in range(8):
        total += (fresh >> bit) & 1
    return total


@inlined
def _radians(code: int, shift: int, offset: int) -> float:
    return (((code >> shift) & 4095) - offset) / 10.0 * (math.pi / 180.0)


@inlined
def _distance_km(one: int, other: int) -> float:
    """The great circle between the coordinates of two CODE words (haversine)."""
    north, north_of_other = _radians(one, LATITUDE_SHIFT, 900), _radians(other, LATITUDE_SHIFT, 900)
    east = _radians(other, LONGITUDE_SHIFT, 1800) - _radians(one, LONGITUDE_SHIFT, 1800)
    half = math.sin((north_of_other - north) / 2.0) ** 2
    half += math.cos(north) * math.cos(north_of_other) * math.sin(east / 2.0) ** 2
    return 2.0 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


@inlined
def _is_placed(code: int) -> bool:
    """Whether a log-in tells where it was, and does not hide it."""
    latitude, longitude = (code >> LATITUDE_SHIFT) & 4095, (code >> LONGITUDE_SHIFT) & 4095
    told = latitude != COORDINATE_NULL and longitude != COORDINATE_NULL
    return told and not HIDING & (code >> SIGNALS_SHIFT)


@inlined
def travel_kmh(m: Memory, r: Row, j: int, after_ms: int, over_km: float) -> float:
    """Law 20g: the greatest speed between successive successful log-ins, or NO_PAIR, NOT_KNOWN."""
    fastest, pairs, unknown, later = 0.0, 0, 0, -1
    for k in range(j, -1, -1):
        s = at(r, k)
        if m.slots[s, CODE] & KIND_MASK != 0:
            continue
        if later >= 0:
            pairs += 1
            one, other = m.slots[s, m.place[DEVICE]], m.slots[later, m.place[DEVICE]]
            placed = _is_placed(m.slots[s, CODE]) and _is_placed(m.slots[later, CODE])
            if one == 0 or other == 0 or (one != other and not placed):
                unknown += 1
            elif one != other:
                km = _distance_km(m.slots[s, CODE], m.slots[later, CODE])
                if km > over_km:
                    hours = max(m.slots[later, 0] - m.slots[s, 0], 1) / 3_600_000.0
                    fastest = max(fastest, km / hours)
        if m.slots[s, 0] <= after_ms:
            break
        later = s
    if pairs == 0:
        return NO_PAIR
    return NOT_KNOWN if fastest == 0.0 and unknown else fastest


@inlined
def _of_amounts(
    m: Memory, kind: int, place: int, found: NDArray[np.int64], n: int
) -> float:  # fmt: skip
    total, known = 0.0, 0
    for k in range(n - 1, -1, -1):
        amount = m.slots[found[k], place]
        if amount == NULL_INT:
            continue
        value = np.float64(amount)
        if known == 0 or kind == LAST:
            total = value
        elif kind == MAX:
            total = max(total, value)
        elif kind == MIN:
            total = min(total, value)
        else:
            total += value
        known += 1
    if known == 0:
        return 0.0 if kind == SUM else np.nan
    return total / known if kind == MEAN else total


@inlined
def aggregate(
    m: Memory, r: Row, plan: Plan, f: int, w: NDArray[np.int64],
    found: NDArray[np.int64], n: int,
) -> float:  # fmt: skip
    """One number of the found slots, newest first; NaN where none gives one."""
    kind = plan.aggregate[f]
    if kind == COUNT:
        return np.float64(n)
    if kind in (DISTINCT, NEWCOMERS):
        after, newcomers = w[T] - plan.span_ms[f], kind == NEWCOMERS
        return np.float64(_distinct(m, r, m.place[plan.of[f]], found, n, after, newcomers))
    if kind == AGE_OF_LAST:
        return np.float64(w[T] - m.slots[found[0], 0]) if n else np.nan
    if kind == AGE_OF_FIRST:
        return np.float64(w[T] - m.slots[found[n - 1], 0]) if n else np.nan
    if kind == NEW_SIGNALS:
        return np.float64(_new_signals(m, m.place[plan.of[f]], found, n))
    return _of_amounts(m, kind, m.place[plan.of[f]], found, n)
