"""A stage made again from the records that state.py wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook
from detector.gathering import PUT_AWAY_BYTES, STANDING_BYTES
from detector.memory import MINUTES, PUT_AWAY_WORDS, RING_MAX
from detector.places import rows_of
from detector.ring import set_kept
from detector.stage import Stage
from detector.state import (
    KEY_BYTES,
    opened_bytes,
    read_header,
    refusal,
    shelf_of,
    tell_names,
)  # fmt: skip
from detector.subjects import Subjects
from detector.told import NAMED, NameColumn, packed_table

KINDS: Final = (b"E", b"S", b"A", b"H")


class StageRestorer:
    """Fills an empty stage, its alert book and its names."""

    def __init__(self, stage: Stage, book: AlertBook, subjects: Subjects) -> None:
        self._stage = stage
        self._book = book
        self._subjects = subjects

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Fill the stage from the newest values of all keys.

        Raises:
            StateError: a record is of another schema, damaged, or without those it belongs to.
        """
        of_kind: dict[bytes, list[bytes]] = {kind: [] for kind in KINDS}
        for key in records:
            if key[:1] not in of_kind:
                raise refusal(key, "of no known kind")
            of_kind[key[:1]].append(key)
        for key in of_kind[b"E"]:
            self._entity(key, opened_bytes(key, records[key]))
        self._slots({key: records[key] for key in of_kind[b"S"]})
        for key in of_kind[b"A"]:
            self._book.shelves[_number(key)] = shelf_of(key, records[key])
        for key in of_kind[b"H"]:
            read_header(key, records[key], self._stage.store.memory)

    def _entity(self, key: bytes, content: bytes) -> None:
        store = self._stage.store
        row = store.add(_number(key), content[:STANDING_BYTES])
        m = store.memory
        r = m.rows[row]
        at, width = STANDING_BYTES, m.familiar.shape[1]
        count = int(r["familiar_count"])
        known = np.frombuffer(content, np.int64, count * width, at).reshape(-1, width)
        m.familiar[r["familiar_at"] :][:count] = known
        at += known.nbytes
        count = int(r["put_away_count"])
        if count:
            draws = np.frombuffer(content, np.int64, count * PUT_AWAY_WORDS, at)
            m.put_away[r["put_away_at"] :][:count] = draws.reshape(-1, PUT_AWAY_WORDS)
            at += count * PUT_AWAY_BYTES
        if at < len(content):
            m.minutes[row] = np.frombuffer(content, np.uint32, 2 * MINUTES, at).reshape(-1, 2)

    def _slots(self, records: Mapping[bytes, bytes]) -> None:
        """Write the slots; every place that an entity's row counts must be there."""
        m = self._stage.store.memory
        width = m.slots.shape[1]
        keys = list(records)
        contents = [opened_bytes(key, value) for key, value in records.items()]
        entities = np.array([_number(key) for key in keys], np.int64)
        rows = rows_of(m.table, entities)
        known = m.rows["count"][: m.used[0]].astype(np.int64)
        counted = np.bincount(rows[rows >= 0], minlength=len(known))
        if (rows < 0).any() or (counted != known).any():
            lost = [*entities[rows < 0].tolist(), *m.rows["key"][: m.used[0]][counted != known]]
            raise refusal(
                b"E" + int(lost[0]).to_bytes(KEY_BYTES, "big", signed=True),
                f"its row and its slots are not of one state ({len(lost)} such)",
            )
        set_kept(m.rows[: m.used[0]])
        if not keys:
            return
        numbers = np.array([key[-1] for key in keys], np.int64)
        own = m.rows[rows]
        pool = own["ring_at"] + (numbers & (own["ring_size"] - 1))
        fixed = b"".join(content[: width * 8] for content in contents)
        m.slots[pool] = np.frombuffer(fixed, np.int64).reshape(-1, width)
        self._names(self._stage.words_of(m.slots[pool], entities), contents, width * 8)

    def _names(self, words: NDArray[np.int64], contents: list[bytes], at: int) -> None:
        begin = at + 2 * len(NAMED)
        lengths = np.frombuffer(b"".join(content[at:begin] for content in contents), np.int16)
        blob = np.frombuffer(bytearray().join(content[begin:] for content in contents), np.uint8)
        table = packed_table(blob, lengths.reshape(-1, len(NAMED)))
        columns = [list(NameColumn(table, column)) for column in range(len(NAMED))]
        tell_names(self._subjects, words, columns)


def _number(key: bytes) -> int:
    return int.from_bytes(key[1 : 1 + KEY_BYTES], "big", signed=True)


assert RING_MAX <= 256  # a slot's number is one byte
