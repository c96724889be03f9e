"""The compiled gathering of what a batch changed in a stage's memory, as bytes for state records.

A value is sealed as in sealing.py, a key is a kind, the entity's hash, and of a slot its number.
An entity's record: the standing half of its row (memory.ROW), its familiar set, its put-away draws,
its minutes if it has any. A slot's record: its words, five lengths (uint16) and as many names.
What is written comes from the order of events alone: no place in a pool, no dead entry.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.jit import allocating, inlined
from detector.memory import (
    MINUTES,
    PLACE_BYTES,
    PUT_AWAY_WORDS,
    RING_MAX,
    ROW,
    Memory,
    Row,
)  # fmt: skip
from detector.places import row_of
from detector.ring import live_bits
from detector.sealing import HEAD_BYTES, SCHEMA

ROW_BYTES = ROW.itemsize
STANDING_BYTES = ROW_BYTES - PLACE_BYTES
PUT_AWAY_BYTES = PUT_AWAY_WORDS * 8
MINUTES_BYTES = MINUTES * 8
Bytes = NDArray[np.uint8]


def _crc_table() -> NDArray[np.uint32]:
    """The table of CRC-32 (IEEE 802.3), which zlib computes too."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0xEDB88320), table >> 1)
    return table


CRC_TABLE = _crc_table()


@allocating
def touched_rows(m: Memory, keys: NDArray[np.int64], asking: int) -> NDArray[np.int64]:
    """The rows of these keys, each once, in the order of first mention.

    `asking` tells this call from earlier ones. 0, and what is not known any more, is no row.
    """
    rows = np.empty(len(keys), np.int64)
    n = 0
    for key in keys:
        row = row_of(m.table, key) if key != 0 else -1
        if row >= 0 and m.rows[row].asked != asking:
            m.rows[row].asked = asking
            rows[n] = row
            n += 1
    return rows[:n]


@inlined
def _bits(word: int) -> int:
    n = 0
    while word:
        word &= word - 1
        n += 1
    return n


@allocating
def take_slots(
    m: Memory, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
    """Slots written since this was last asked, and slot numbers that hold nothing any more.

    Written: (n, 3) of place in `rows`, slot number, place in the pool. Gone: (n, 2) of the first
    two.
    """
    written, gone = 0, 0
    for row in rows:
        r = m.rows[row]
        live = live_bits(r)
        written += _bits(r.changed & live)
        gone += _bits(r.kept & ~live)
    now, before = np.empty((written, 3), np.int64), np.empty((gone, 2), np.int64)
    written, gone = 0, 0
    for k in range(len(rows)):
        r = m.rows[rows[k]]
        live = live_bits(r)
        for number in range(RING_MAX):
            bit = np.int64(1) << number
            if r.changed & live & bit:
                now[written, 0], now[written, 1] = k, number
                now[written, 2] = r.ring_at + (number & (r.ring_size - 1))
                written += 1
            if r.kept & ~live & bit:
                before[gone, 0], before[gone, 1] = k, number
                gone += 1
        r.changed, r.kept = 0, live
    return now, before


@inlined
def _copy(source: Bytes, start: int, size: int, out: Bytes, at: int) -> int:
    for k in range(size):
        out[at + k] = source[start + k]
    return at + size


@inlined
def _seal(out: Bytes, start: int, stop: int, table: NDArray[np.uint32]) -> None:
    """Write the head of a value whose content ends at `stop`: schema and CRC-32."""
    crc = np.uint32(0xFFFFFFFF)
    for k in range(start + HEAD_BYTES, stop):
        crc = table[(crc ^ out[k]) & np.uint32(255)] ^ (crc >> np.uint32(8))
    crc = ~crc
    out[start] = SCHEMA
    for k in range(4):
        out[start + 1 + k] = (crc >> np.uint32(24 - 8 * k)) & np.uint32(255)


@allocating
def record_keys(kind: int, keys: NDArray[np.int64], numbers: NDArray[np.int64]) -> Bytes:
    """The keys of records, (n, 10): the kind, the hash, big end first, and a slot's number."""
    out = np.empty((len(keys), 10), np.uint8)
    for row in range(len(keys)):
        out[row, 0] = kind
        for k in range(8):
            out[row, 1 + k] = (keys[row] >> (56 - 8 * k)) & 255
        out[row, 9] = numbers[row]
    return out


@inlined
def _minutes_bytes(m: Memory, r: Row) -> int:
    return MINUTES_BYTES if len(m.minutes) and r.minute_newest >= 0 else 0


@allocating
def entity_payloads(
    m: Memory, rows: NDArray[np.int64], row_bytes: Bytes, familiar: Bytes, put_away: Bytes,
    minutes: Bytes, table: NDArray[np.uint32],
) -> tuple[Bytes, NDArray[np.int64]]:  # fmt: skip
    """The values of the records of entities, one after another, and where each ends.

    The four before the last are the arrays of the memory as bytes; `table` is CRC_TABLE.
    """
    entry = m.familiar.shape[1] * 8
    ends = np.empty(len(rows), np.int64)
    size = 0
    for k in range(len(rows)):
        r = m.rows[rows[k]]
        size += (
            HEAD_BYTES
            + STANDING_BYTES
            + r.familiar_count * entry
            + r.put_away_count * PUT_AWAY_BYTES
        )
        size += _minutes_bytes(m, r)
        ends[k] = size
    out = np.empty(size, np.uint8)
    at = 0
    for row in rows:
        r = m.rows[row]
        start = at
        at = _copy(row_bytes, row * ROW_BYTES + PLACE_BYTES, STANDING_BYTES, out, at + HEAD_BYTES)
        at = _copy(familiar, r.familiar_at * entry, r.familiar_count * entry, out, at)
        at = _copy(
            put_away, r.put_away_at * PUT_AWAY_BYTES, r.put_away_count * PUT_AWAY_BYTES, out, at
        )
        at = _copy(minutes, row * MINUTES_BYTES, _minutes_bytes(m, r), out, at)
        _seal(out, start, at, table)
    return out, ends


@allocating
def slot_payloads(
    slots: Bytes, slot_size: int, places: NDArray[np.int64], names: Bytes,
    starts: NDArray[np.int64], lengths: NDArray[np.int16], table: NDArray[np.uint32],
) -> tuple[Bytes, NDArray[np.int64]]:  # fmt: skip
    """The values of the records of slots, one after another, and where each ends."""
    columns = lengths.shape[1]
    size = 0
    ends = np.empty(len(places), np.int64)
    for k in range(len(places)):
        size += HEAD_BYTES + slot_size + 2 * columns
        for column in range(columns):
            size += lengths[k, column]
        ends[k] = size
    out = np.empty(size, np.uint8)
    at = 0
    for k in range(len(places)):
        start = at
        at = _copy(slots, places[k] * slot_size, slot_size, out, at + HEAD_BYTES)
        for column in range(columns):
            length = lengths[k, column]
            out[at], out[at + 1] = length & 255, length >> 8
            at += 2
        for column in range(columns):
            at = _copy(names, starts[k, column], lengths[k, column], out, at)
        _seal(out, start, at, table)
    return out, ends
