"""The memory of a stage's entities: rows, rings, familiar sets, in flat arrays that grow.

A row is one entity. Its ring and its familiar set are segments of two shared pools, in sizes that
double as they fill, so that a thousand quiet entities cost little and a busy one has a bound:
`RING_MAX` events, the familiar limits below, together under 8 KiB. The compiled walk works on
`Memory`, a tuple of arrays; `Store` (store.py) owns the arrays and grows them between walks.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.events import (
    ACCOUNT,
    AMOUNT,
    CODE,
    DEVICE,
    ID,
    LIMIT,
    NETWORK,
    NORMAL,
    OBJECT,
    OUTSTANDING,
    PAYEE,
    SESSION,
    VERIFICATION,
    T,
)  # fmt: skip

DAY_MS: Final = 86_400_000
RING_MAX: Final = 64
RING_MIN: Final = 4
FAMILIAR_MIN: Final = 4
DEVICES_MAX: Final = 8  # of one account
NETWORKS_MAX: Final = 8
PAYEES_MAX: Final = 32
KNOWN_MAX: Final = DEVICES_MAX + NETWORKS_MAX + PAYEES_MAX
ACCOUNTS_MAX: Final = 96  # of one device, network or payee
PUT_AWAY_MAX: Final = 12  # draws that left the ring, kept for repeats and labels
PUT_AWAY_WORDS: Final = 6  # id, object, t, device, network, payee
MINUTES: Final = 20  # of log-ins, newest of an entity
POPULATION_MINUTES: Final = 2048  # powers of two: a day of lateness, and more
POPULATION_HOURS: Final = 256
CLASSES: Final = 8  # free lists, by the logarithm of a segment's size

STAGES: Final = ("account", "device", "network", "payee")
KEY_WORDS: Final = (ACCOUNT, DEVICE, NETWORK, PAYEE)
# What a slot of a ring holds, by stage: the account's own key is its row's.
ACCOUNT_SLOT: Final = (
    T, ID, CODE, DEVICE, NETWORK, PAYEE, SESSION, OBJECT, VERIFICATION, AMOUNT, LIMIT,
    OUTSTANDING, NORMAL,
)  # fmt: skip
ENTITY_SLOT: Final = (T, ID, CODE, ACCOUNT, DEVICE, PAYEE, OBJECT, AMOUNT)

# Where an entity lives in this process, and what of it is still to be written ...
_PLACE: Final = [
    ("key", "i8"), ("ring_at", "i8"), ("familiar_at", "i8"), ("put_away_at", "i8"),
    ("changed", "i8"), ("kept", "i8"), ("asked", "i8"), ("ring_size", "i4"),
    ("familiar_size", "i4"),
]  # fmt: skip
# ... then what its history made of it and nothing else: this half is what a state record holds.
_STANDING: Final = [
    ("newest_put_away_ms", "i8"), ("first_ms", "i8"), ("newest_ms", "i8"),
    ("horizon_ms", "i8"), ("normal_ms", "i8"), ("normal_sum", "f8"), ("normal_weight", "f8"),
    ("minute_newest", "i8"), ("openings", "i8"), ("kinds", "i8"), ("draws", "i4"),
    ("voids", "i4"), ("signals", "i2"), ("head", "i1"), ("count", "i1"),
    ("familiar_count", "i1"), ("put_away_count", "i1"), ("put_away_next", "i1"),
    ("marked", "i1"),
]  # fmt: skip
ROW: Final = np.dtype(_PLACE + _STANDING)
PLACE_BYTES: Final = np.dtype(_PLACE).itemsize


class Row(Protocol):
    """One record of ROW, as the compiled code sees it."""

    key: int
    ring_at: int
    familiar_at: int
    put_away_at: int
    changed: int  # a bit a slot: written since its state was last taken
    kept: int  # a bit a slot: alive when its state was last taken
    asked: int  # the turn in which its state was last taken
    newest_put_away_ms: int
    first_ms: int
    newest_ms: int  # of all events that were remembered
    horizon_ms: int  # what is older was forgotten already
    normal_ms: int
    normal_sum: float
    normal_weight: float
    minute_newest: int
    openings: int
    draws: int
    ring_size: int
    head: int  # events that ever left the ring, modulo RING_MAX
    count: int
    familiar_size: int
    familiar_count: int
    put_away_count: int
    put_away_next: int
    voids: int
    marked: int
    signals: int  # all that the ring ever held, a bit each
    kinds: int


class Memory(NamedTuple):
    """The arrays of one stage, as the compiled walk sees them."""

    rows: NDArray[Any]  # ROW, one an entity
    table: NDArray[np.int64]  # (2^k, 2): key, row + 1; open addressing
    slots: NDArray[np.int64]  # (pool, words of a slot): the rings
    told: NDArray[np.int64]  # (pool,): turn << 32 | row, of the batch that brought a slot's event
    familiar: NDArray[np.int64]  # (pool, 2 or 4): hash|kind, first|last[, failed|success, ...]
    put_away: NDArray[np.int64]  # (pool * PUT_AWAY_MAX, PUT_AWAY_WORDS)
    minutes: NDArray[np.uint32]  # (rows, MINUTES, 2): log-ins, failed ones; (0, ...) if not kept
    population_minutes: NDArray[np.int64]  # (POPULATION_MINUTES, 2)
    population_hours: NDArray[np.int64]  # (POPULATION_HOURS, 2)
    carried: NDArray[np.int64]  # (types, 5): device, network, session, verification, events
    free: NDArray[np.int64]  # (2, CLASSES): heads of the free lists of slots and familiar
    used: NDArray[np.int64]  # (8,): rows, slots, familiar, put-away blocks; freed slots, familiar;
    # then what was evicted since a `Store` was last asked: see EVICTED_EVENTS
    clock: NDArray[np.int64]  # (10,): see the CLOCK_ names
    place: NDArray[np.int64]  # (words of a batch row): index in a slot, or -1
    keep: NDArray[np.int64]  # (words of a slot): index in a batch row


CLOCK_NOW, CLOCK_SINCE, CLOCK_PENDING_MS, CLOCK_PENDING_ACCOUNT = range(4)
CLOCK_MINUTE, CLOCK_HOUR = 4, 5
WEEK_HOUR, WEEK_LOGINS = 6, 7  # the population's week up to an hour: log-ins, then failed ones
TURN: Final = 9  # counts the batches of this process
WEEK_HOURS: Final = 168
EVICTED_EVENTS, EVICTED_FAMILIAR = 6, 7  # from full rings, from full familiar sets
NOT_YET: Final = -1
