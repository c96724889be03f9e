"""The compiled ring of an entity: put an event in its place, let the oldest leave.

A ring is `count` slots from `head`, oldest first, in a segment whose size is a power of two.
A logical position `j` (0 the oldest) is the slot `at(row, j)`; its number, by which state records
know it, is that of a whole ring, however small the segment still is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.events import CODE, ID, KIND_MASK, NAMELESS_BIT, OBJECT, SIGNALS_SHIFT
from detector.jit import compiled, inlined
from detector.memory import (
    EVICTED_EVENTS,
    MINUTES,
    PUT_AWAY_MAX,
    RING_MAX,
    RING_MIN,
    TURN,
    Memory,
    Row,
)  # fmt: skip
from detector.places import copy_row, give_back, take


@inlined
def at(r: Row, j: int) -> int:
    """The slot of logical position j."""
    return r.ring_at + ((r.head + j) & (r.ring_size - 1))


@inlined
def number_bit(r: Row, j: int) -> int:
    """The bit of the slot number of logical position j."""
    bit: Any = np.int64(1) << ((r.head + j) & (RING_MAX - 1))
    return bit  # type: ignore[no-any-return]


@inlined
def live_bits(r: Row) -> int:
    """A bit for each slot number that holds an event."""
    if r.count == RING_MAX:
        return -1
    ones = (np.int64(1) << r.count) - 1
    bits: Any = (ones << r.head) | (ones >> (RING_MAX - r.head)) if r.head else ones
    return bits  # type: ignore[no-any-return]


@compiled
def set_kept(rows: NDArray[Any]) -> None:
    """Say of entities (memory.ROW) that all that their rings hold stands in records already."""
    for k in range(len(rows)):
        rows[k].kept = live_bits(rows[k])
        rows[k].changed = 0


@inlined
def rank(kind: int) -> int:
    """Order of types at one instant: disposition first, auto_debit last."""
    return 0 if kind >= 32 else 4 if kind >= 16 else 3 if kind >= 8 else 2 if kind >= 4 else 1


@inlined
def place_of(m: Memory, r: Row, t: int, order: int) -> int:
    """The logical position at which an event of this time and rank belongs (after its equals)."""
    j = r.count
    while j > 0:
        s = at(r, j - 1)
        older = m.slots[s, 0]
        if older < t or (older == t and rank(m.slots[s, 2] & KIND_MASK) <= order):
            break
        j -= 1
    return j


@inlined
def find_id(m: Memory, r: Row, event_id: int) -> int:
    """The logical position of an event by its id, newest first; -1 if it is not there."""
    for j in range(r.count - 1, -1, -1):
        if m.slots[at(r, j), 1] == event_id:
            return j
    return -1


@inlined
def find_put_away(m: Memory, r: Row, word: int, value: int) -> int:
    """The put-away draw whose word (0 id, 1 object) has this value, or -1."""
    for k in range(r.put_away_count):
        if m.put_away[r.put_away_at + k, word] == value:
            return r.put_away_at + k
    return -1


@compiled
def _grow(m: Memory, r: Row) -> None:
    old_at, old_size, old_head = r.ring_at, r.ring_size, r.head
    size = RING_MIN if old_size == 0 else old_size * 2
    new_at = take(m.slots, m, 0, size)
    for j in range(r.count):
        old = old_at + ((old_head + j) & (old_size - 1))
        new = new_at + ((old_head + j) & (size - 1))
        copy_row(m.slots, old, new)
        m.told[new] = m.told[old]
    if old_size:
        give_back(m.slots, m, 0, old_at, old_size)
    r.ring_at = new_at
    r.ring_size = size


@compiled
def _put_away(m: Memory, r: Row, s: int) -> None:
    if r.put_away_at < 0:
        r.put_away_at = m.used[3] * PUT_AWAY_MAX
        m.used[3] += 1
    k = r.put_away_at + r.put_away_next
    for w, word in enumerate((1, 7, 0, 3, 4, 5)):  # id, object, t, device, network, payee
        m.put_away[k, w] = m.slots[s, word]
    r.put_away_next = (r.put_away_next + 1) % PUT_AWAY_MAX
    r.put_away_count = min(r.put_away_count + 1, PUT_AWAY_MAX)


@inlined
def let_oldest_go(m: Memory, r: Row) -> None:
    """Let the oldest entry leave the ring; a draw is put away."""
    oldest = at(r, 0)
    r.newest_put_away_ms = max(r.newest_put_away_ms, m.slots[oldest, 0])
    kind = m.slots[oldest, 2] & KIND_MASK
    if len(m.put_away) and (kind == 8 or kind == 9):
        _put_away(m, r, oldest)
    r.head = (r.head + 1) & (RING_MAX - 1)
    r.count -= 1


@inlined
def insert(m: Memory, r: Row, j: int, words: NDArray[np.int64], i: int) -> int:
    """Put batch row i, `words`, at logical position j; the oldest leaves a full ring.

    Gives its final position.
    """
    if r.count == r.ring_size and r.ring_size < RING_MAX:
        _grow(m, r)
    if r.count == RING_MAX:
        let_oldest_go(m, r)
        m.used[EVICTED_EVENTS] += 1
        j -= 1
    r.newest_ms = max(r.newest_ms, words[0])
    for k in range(r.count, j, -1):
        copy_row(m.slots, at(r, k - 1), at(r, k))
        m.told[at(r, k)] = m.told[at(r, k - 1)]
        r.changed |= number_bit(r, k)
    s = at(r, j)
    m.told[s] = m.clock[TURN] << 32 | i
    r.changed |= number_bit(r, j)
    for k in range(len(m.keep)):
        m.slots[s, k] = words[m.keep[k]]
    r.count += 1
    kind = words[CODE] & KIND_MASK
    if kind == 10 or kind == 11:
        r.voids += 1
    r.signals |= (words[CODE] >> SIGNALS_SHIFT) & 255 if kind < 4 else 0
    r.kinds |= np.int64(1) << kind
    if kind == 8 or kind == 9:
        r.kinds |= np.int64(1) << (kind + 4)  # it may become an echo
    return j


@inlined
def unname(m: Memory, r: Row, j: int, oldest_ms: int) -> None:
    """Mark what an insertion at j will move and is older than anybody can ask for the names of.

    Its state will be written again, and must not depend on who still remembers its names.
    """
    for k in range(j, r.count):
        s = at(r, k)
        if m.slots[s, 0] < oldest_ms:
            m.slots[s, CODE] |= NAMELESS_BIT


@inlined
def mark_echoes(m: Memory, r: Row, j: int, words: NDArray[np.int64]) -> bool:
    """Decide draw or echo for a requested or paid that will go to position j.

    Turns the event, or the later entry that it comes before, into an echo. Returns whether the
    disbursement was known already.
    """
    object_at = m.place[OBJECT]
    known = find_put_away(m, r, 1, words[OBJECT]) >= 0
    echo = known
    for k in range(r.count):
        s = at(r, k)
        kind = m.slots[s, 2] & KIND_MASK
        told = kind == 8 or kind == 9 or kind == 12 or kind == 13
        if not told or m.slots[s, object_at] != words[OBJECT]:
            continue
        known = True
        if k < j:
            echo = True
        elif not echo and (kind == 8 or kind == 9):
            m.slots[s, 2] += 4
            r.changed |= number_bit(r, k)
    if echo:
        words[CODE] += 4
    return known


@inlined
def is_repeat(m: Memory, r: Row, words: NDArray[np.int64]) -> bool:
    """Whether this event is in the ring or among the put-away draws."""
    return find_id(m, r, words[ID]) >= 0 or find_put_away(m, r, 0, words[ID]) >= 0


@inlined
def count_minute(m: Memory, row: int, t: int, failed: bool) -> None:
    """Count a log-in in its minute; nothing where the minute is no longer kept."""
    r = m.rows[row]
    minute = t // 60_000
    if r.minute_newest < 0:
        r.minute_newest = minute
    while r.minute_newest < minute:
        step = min(minute - r.minute_newest, MINUTES + 1)
        r.minute_newest = minute - step + 1
        m.minutes[row, r.minute_newest % MINUTES, 0] = 0
        m.minutes[row, r.minute_newest % MINUTES, 1] = 0
    if minute > r.minute_newest - MINUTES:
        m.minutes[row, minute % MINUTES, 0] += 1
        m.minutes[row, minute % MINUTES, 1] += np.uint32(failed)
