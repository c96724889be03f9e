"""The compiled places of entities: the table of their keys, segments of the pools they live in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.jit import allocating, compiled, inlined
from detector.memory import (
    ACCOUNTS_MAX,
    FAMILIAR_MIN,
    KNOWN_MAX,
    PUT_AWAY_MAX,
    RING_MAX,
    RING_MIN,
    Memory,
    Row,
)  # fmt: skip


@inlined
def _first_probe(key: int, size: int) -> int:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    probe: Any = np.int64((mixed >> np.uint64(20)) & np.uint64(size - 1))
    return probe  # type: ignore[no-any-return]


@compiled
def enter_all(table: NDArray[np.int64], keys: NDArray[np.int64]) -> None:
    """Fill an empty table with keys[row] -> row."""
    size = len(table)
    for row in range(len(keys)):
        i = _first_probe(keys[row], size)
        while table[i, 1] != 0:
            i = (i + 1) & (size - 1)
        table[i, 0] = keys[row]
        table[i, 1] = row + 1


@inlined
def row_of(table: NDArray[np.int64], key: int) -> int:
    """The row of a key; -1 where it is not known."""
    size = len(table)
    i = _first_probe(key, size)
    while table[i, 1] != 0:
        if table[i, 0] == key:
            known: int = table[i, 1] - 1
            return known
        i = (i + 1) & (size - 1)
    return -1


@allocating
def rows_of(table: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of keys; -1 for one that is not known."""
    rows = np.empty(len(keys), np.int64)
    for k in range(len(keys)):
        rows[k] = row_of(table, keys[k])
    return rows


@inlined
def has_room(m: Memory) -> bool:
    """Whether one more event fits, whatever it needs (a row, the largest segments)."""
    if m.used[0] + 1 >= len(m.rows) or 2 * (m.used[0] + 1) >= len(m.table):
        return False
    if m.used[1] + RING_MAX >= len(m.slots) or m.used[2] + ACCOUNTS_MAX >= len(m.familiar):
        return False
    return len(m.put_away) == 0 or (m.used[3] + 1) * PUT_AWAY_MAX < len(m.put_away)


@inlined
def find_or_add(m: Memory, key: int) -> int:
    """The row of an entity; a new one where it was not known."""
    known = row_of(m.table, key)
    if known >= 0:
        return known
    size = len(m.table)
    i = _first_probe(key, size)
    while m.table[i, 1] != 0:
        i = (i + 1) & (size - 1)
    row: int = m.used[0]
    m.used[0] = row + 1
    m.table[i, 0] = key
    m.table[i, 1] = row + 1
    r = m.rows[row]
    r.key = key
    r.ring_at = -1
    r.familiar_at = -1
    r.put_away_at = -1
    r.newest_put_away_ms = -1
    r.first_ms = -1
    r.newest_ms = -1
    r.horizon_ms = -1
    r.minute_newest = -1
    return row


@inlined
def _class_of(size: int) -> int:
    index = 0
    while size > RING_MIN:
        size >>= 1
        index += 1
    return index


@inlined
def copy_row(pool: NDArray[np.int64], source: int, target: int) -> None:
    """Copy a row of a pool word by word: as a slice it costs the compiler far more."""
    for word in range(pool.shape[1]):
        pool[target, word] = pool[source, word]


@compiled
def take(pool: NDArray[np.int64], m: Memory, which: int, size: int) -> int:
    """A segment of `size` from pool 0 (slots) or 1 (familiar): a freed one, else new."""
    kind = _class_of(size)
    head: int = m.free[which, kind]
    if head >= 0:
        m.free[which, kind] = pool[head, 0]
        m.used[4 + which] -= size
        return head
    at: int = m.used[1 + which]
    m.used[1 + which] = at + size
    return at


@compiled
def give_back(pool: NDArray[np.int64], m: Memory, which: int, at: int, size: int) -> None:
    """Put a segment on its free list."""
    kind = _class_of(size)
    pool[at, 0] = m.free[which, kind]
    m.free[which, kind] = at
    m.used[4 + which] += size


@compiled
def give_segments(m: Memory, row: int) -> None:
    """Give an entity the smallest segments that hold what its counts say."""
    r = m.rows[row]
    size, most = RING_MIN, KNOWN_MAX if m.familiar.shape[1] == 2 else ACCOUNTS_MAX
    while size < r.count:
        size *= 2
    if r.count:
        r.ring_at, r.ring_size = take(m.slots, m, 0, size), size
    size = FAMILIAR_MIN
    while size < r.familiar_count:
        size = min(size * 2, most)
    if r.familiar_count:
        r.familiar_at, r.familiar_size = take(m.familiar, m, 1, size), size
    if r.put_away_count:
        r.put_away_at = m.used[3] * PUT_AWAY_MAX
        m.used[3] += 1


@compiled
def give_back_all(m: Memory, r: Row) -> None:
    """Give back the ring and the familiar set of an entity."""
    if r.ring_size:
        give_back(m.slots, m, 0, r.ring_at, r.ring_size)
    if r.familiar_size:
        give_back(m.familiar, m, 1, r.familiar_at, r.familiar_size)
