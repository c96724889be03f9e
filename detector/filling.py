"""The compiled filling of an empty memory from the values of state records (see gathering.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.gathering import CRC_TABLE, PUT_AWAY_BYTES, ROW_BYTES, STANDING_BYTES
from detector.jit import allocating, compiled, inlined
from detector.memory import MINUTES, PLACE_BYTES, Memory
from detector.places import find_or_add, give_segments
from detector.ring import live_bits
from detector.sealing import HEAD_BYTES, SCHEMA

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


def _crc_tables() -> NDArray[np.uint32]:
    """Tables of CRC-32 for eight bytes at once ("slicing by 8", Kounavis and Berry, 2005)."""
    tables = [CRC_TABLE]
    for _ in range(7):
        last = tables[-1]
        tables.append(CRC_TABLE[last & 255] ^ (last >> np.uint32(8)))
    return np.stack(tables)


CRC_TABLES = _crc_tables()


@inlined
def _crc(values: Bytes, at: int, stop: int, tables: NDArray[np.uint32]) -> int:
    crc = np.int64(0xFFFFFFFF)
    while at + 8 <= stop:
        crc ^= (
            np.int64(values[at]) | np.int64(values[at + 1]) << 8
            | np.int64(values[at + 2]) << 16 | np.int64(values[at + 3]) << 24
        )  # fmt: skip
        crc = np.int64(
            tables[7, crc & 255] ^ tables[6, (crc >> 8) & 255]
            ^ tables[5, (crc >> 16) & 255] ^ tables[4, crc >> 24]
            ^ tables[3, values[at + 4]] ^ tables[2, values[at + 5]]
            ^ tables[1, values[at + 6]] ^ tables[0, values[at + 7]]
        )  # fmt: skip
        at += 8
    while at < stop:
        crc = np.int64(tables[0, (crc ^ values[at]) & 255]) ^ (crc >> 8)
        at += 1
    sealed: Any = crc ^ np.int64(0xFFFFFFFF)
    return sealed  # type: ignore[no-any-return]


@compiled
def first_damaged(values: Bytes, starts: Ints, sizes: Ints, tables: NDArray[np.uint32]) -> int:
    """The first record whose seal does not hold (sealing.py), or -1; `tables` is CRC_TABLES."""
    for record in range(len(starts)):
        start = starts[record]
        if sizes[record] < HEAD_BYTES or values[start] != SCHEMA:
            return record
        told = np.int64(0)
        for k in range(1, HEAD_BYTES):
            told = told << 8 | values[start + k]
        if _crc(values, start + HEAD_BYTES, start + sizes[record], tables) != told:
            return record
    return -1


@allocating
def numbers_in(data: Bytes, starts: Ints) -> Ints:
    """Signed numbers of eight bytes, big end first."""
    numbers = np.empty(len(starts), np.int64)
    for record in range(len(starts)):
        number = np.int64(0)
        for k in range(8):
            number = number << 8 | data[starts[record] + k]
        numbers[record] = number
    return numbers


@inlined
def _copy(source: Bytes, start: int, size: int, target: Bytes, at: int) -> int:
    for k in range(size):
        target[at + k] = source[start + k]
    return start + size


@compiled
def fill_entities(
    m: Memory, entities: Ints, values: Bytes, starts: Ints, sizes: Ints, row_bytes: Bytes,
    familiar: Bytes, put_away: Bytes, minutes: Bytes,
) -> None:  # fmt: skip
    """Make the rows of entities, of which none is there yet, and all but their rings' slots.

    There must be room, and values as long as their counts say. The last four are the arrays of
    the memory as bytes.
    """
    entry = m.familiar.shape[1] * 8
    for record in range(len(entities)):
        row = find_or_add(m, entities[record])
        source = starts[record] + HEAD_BYTES
        source = _copy(values, source, STANDING_BYTES, row_bytes, row * ROW_BYTES + PLACE_BYTES)
        give_segments(m, row)
        r = m.rows[row]
        source = _copy(values, source, r.familiar_count * entry, familiar, r.familiar_at * entry)
        known = r.put_away_count * PUT_AWAY_BYTES
        source = _copy(values, source, known, put_away, r.put_away_at * PUT_AWAY_BYTES)
        left = starts[record] + sizes[record] - source
        _copy(values, source, left, minutes, row * MINUTES * 8)


@compiled
def fill_slots(
    m: Memory, rows: Ints, numbers: Ints, values: Bytes, starts: Ints, slots: Bytes, pool: Ints
) -> int:  # fmt: skip
    """Write slots of rings, and into `pool` where each one lies.

    `rows`: the row of each slot's entity, -1 for none; `slots`: the pool as bytes. Gives the first
    record that is no slot of its entity's ring, where it ends; -1 if all are.
    """
    width = m.slots.shape[1] * 8
    for record in range(len(rows)):
        if rows[record] < 0:
            return record
        r = m.rows[rows[record]]
        bit = np.int64(1) << numbers[record]
        if not live_bits(r) & bit:
            return record
        r.changed |= bit
        place = r.ring_at + (numbers[record] & (r.ring_size - 1))
        pool[record] = place
        _copy(values, starts[record] + HEAD_BYTES, width, slots, place * width)
    return -1


@compiled
def first_with_holes(rows: NDArray[Any]) -> int:
    """The first row (memory.ROW) of whose ring a slot was not filled, or -1."""
    for row in range(len(rows)):
        if rows[row].changed != live_bits(rows[row]):
            return row
    return -1
