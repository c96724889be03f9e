"""A stage made again from the records that state.py wrote."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook
from detector.alerts import Alert
from detector.events import T
from detector.filling import (
    CRC_TABLES,
    fill_entities,
    fill_slots,
    first_damaged,
    first_with_holes,
    numbers_in,
)  # fmt: skip
from detector.gathering import MINUTES_BYTES, PUT_AWAY_BYTES, STANDING_BYTES
from detector.memory import (
    ACCOUNTS_MAX,
    CLOCK_NOW,
    FAMILIAR_MIN,
    KNOWN_MAX,
    PLACE_BYTES,
    PUT_AWAY_MAX,
    RING_MAX,
    RING_MIN,
    ROW,
)  # fmt: skip
from detector.names import EVIDENCE_REACH_MS
from detector.newest import Kinds, Packed
from detector.places import rows_of
from detector.ring import set_kept
from detector.sealing import HEAD_BYTES
from detector.stage import Stage
from detector.state import (
    KEY_BYTES,
    key_of,
    opened,
    opened_bytes,
    read_beside,
    read_header,
    refusal,
)
from detector.subjects import Subjects
from detector.told import NAMED, NameColumn, copied, packed_table

KINDS: Final = (b"E", b"S", b"A", b"B", b"H")
LENGTHS_BYTES: Final = 2 * len(NAMED)


class StageRestorer:
    """Fills an empty stage, its alert book and its names."""

    def __init__(
        self, stage: Stage, book: AlertBook, subjects: Subjects, lateness_ms: int
    ) -> None:  # fmt: skip
        self._stage = stage
        self._book = book
        self._subjects = subjects
        self._lateness_ms = lateness_ms

    def restore(self, kinds: Kinds) -> None:
        """Fill the stage from the newest values of all keys.

        Raises:
            StateError: a record is of another schema, damaged, or without those it belongs to.
        """
        for kind, records in kinds.items():
            if kind not in KINDS:
                raise refusal(records.key(0), "of no known kind")
        if b"H" in kinds:  # first: how old a name may be is told by the clock
            read_header(b"H", kinds[b"H"].value(0), self._stage.store.memory)
        if b"E" in kinds:
            self._entities(kinds[b"E"])
        self._slots(kinds.get(b"S"))
        shelves = self._book.shelves
        if b"A" in kinds:
            alerts = [opened(key, value, Alert) for key, value in kinds[b"A"].items()]
            for alert in sorted(alerts, key=lambda one: one.born):
                shelves[alert.scope.key].add(alert)
        if b"B" in kinds:
            for key, value in kinds[b"B"].items():
                read_beside(key, value, shelves[_number(key)])

    def _entities(self, records: Packed) -> None:
        _refuse_damaged(records)
        m = self._stage.store.memory
        _refuse_short(records, np.full(records.total, HEAD_BYTES + STANDING_BYTES))
        entry = m.familiar.shape[1]
        slots, familiar = _counted(records, "count"), _counted(records, "familiar_count")
        put_away = _counted(records, "put_away_count")
        most = KNOWN_MAX if entry == 2 else ACCOUNTS_MAX
        blocks_max = PUT_AWAY_MAX if len(m.put_away) else 0
        size = HEAD_BYTES + STANDING_BYTES + familiar * entry * 8 + put_away * PUT_AWAY_BYTES
        told = records.sizes - size
        wrong = (slots > RING_MAX) | (familiar > most) | (put_away > blocks_max)
        wrong |= (told != 0) & ((told != MINUTES_BYTES) | (len(m.minutes) == 0))
        if wrong.any():
            raise refusal(records.key(int(np.argmax(wrong))), "not as long as its counts say")
        self._stage.store.reserve(
            records.total, int(_segments(slots, RING_MIN, RING_MAX).sum()),
            int(_segments(familiar, FAMILIAR_MIN, most).sum()), int((put_away > 0).sum()),
        )  # fmt: skip
        m = self._stage.store.memory
        fill_entities(
            m, numbers_in(records.keys, records.key_starts + 1), records.values, records.starts,
            records.sizes, *map(_as_bytes, (m.rows, m.familiar, m.put_away, m.minutes)),
        )  # fmt: skip

    def _slots(self, records: Packed | None) -> None:
        """Write the slots; every place that an entity's row counts must be there."""
        m = self._stage.store.memory
        known = m.rows[: m.used[0]]
        if records is not None:
            _refuse_damaged(records)
            names_at = HEAD_BYTES + m.slots.shape[1] * 8
            _refuse_short(records, np.full(records.total, names_at + LENGTHS_BYTES))
            entities = numbers_in(records.keys, records.key_starts + 1)
            numbers = records.keys[records.key_starts + 1 + KEY_BYTES].astype(np.int64)
            pool = np.empty(records.total, np.int64)
            stray = fill_slots(
                m, rows_of(m.table, entities), numbers, records.values, records.starts,
                _as_bytes(m.slots), pool,
            )  # fmt: skip
            if stray >= 0:
                _refuse_parted(int(entities[stray]))
            self._names(records, pool, entities, names_at)
        hole = first_with_holes(known)
        if hole >= 0:
            _refuse_parted(int(known["key"][hole]))
        set_kept(known)

    def _names(
        self, records: Packed, pool: NDArray[np.int64], entities: NDArray[np.int64], at: int
    ) -> None:
        """Remember the names of slots, but for those that nothing can ask for any more."""
        m = self._stage.store.memory
        oldest_ms = int(m.clock[CLOCK_NOW]) - self._lateness_ms - EVIDENCE_REACH_MS
        recent = np.flatnonzero(m.slots[pool, 0] >= oldest_ms)
        if not len(recent):
            return
        words = self._stage.words_of(m.slots[pool[recent]], entities[recent])
        records = records.of(recent)
        places = (records.starts + at)[:, None] + np.arange(LENGTHS_BYTES)
        lengths = records.values[places].view(np.int16)
        sizes = lengths.astype(np.int64)
        _refuse_short(records, at + LENGTHS_BYTES + sizes.sum(axis=1))
        starts = (records.starts + at + LENGTHS_BYTES)[:, None] + np.cumsum(sizes, axis=1) - sizes
        newest_ms = int(words[:, T].max())
        for column, word in enumerate(NAMED):
            told = np.flatnonzero(lengths[:, column])
            hashes, first = np.unique(words[told, word], return_index=True)
            told, one = told[first], slice(column, column + 1)
            blob = copied(records.values, starts[told, one], lengths[told, one])
            names = NameColumn(packed_table(blob, lengths[told, one]), 0)
            self._subjects.names_of(word).restore(newest_ms, hashes, names)


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _counted(records: Packed, field: str) -> NDArray[np.int64]:
    """One of the counts of rows, each a byte, from their records."""
    assert ROW[field].itemsize == 1
    at = HEAD_BYTES + int(ROW.fields[field][1]) - PLACE_BYTES if ROW.fields else 0
    return records.values[records.starts + at].astype(np.int64)


def _segments(counts: NDArray[np.int64], least: int, most: int) -> NDArray[np.int64]:
    """The sizes of the smallest segments that hold so much (places.give_segments)."""
    sizes = np.array([0] + [least] * most, np.int64)
    while (is_short := sizes[1:] < np.arange(1, most + 1)).any():
        sizes[1:][is_short] = np.minimum(sizes[1:][is_short] * 2, most)
    return sizes[counts]


def _refuse_damaged(records: Packed) -> None:
    place = first_damaged(records.values, records.starts, records.sizes, CRC_TABLES)
    if place >= 0:
        key = records.key(place)
        opened_bytes(key, records.value(place))
        raise AssertionError(f"two readings of the seal of {key.hex()}")


def _refuse_short(records: Packed, sizes: NDArray[np.int64]) -> None:
    is_short = records.sizes < sizes
    if is_short.any():
        raise refusal(records.key(int(np.argmax(is_short))), "shorter than what it tells of")


def _refuse_parted(entity: int) -> NoReturn:
    raise refusal(key_of(b"E", entity), "its row and its slots are not of one state")


def _number(key: bytes) -> int:
    return int.from_bytes(key[1 : 1 + KEY_BYTES], "big", signed=True)


assert RING_MAX <= 256  # a slot's number is one byte
