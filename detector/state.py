"""The state of a stage as records: what a batch changed, and a stage made again from them.

A record is a key and a value for a compacted log: of one key the newest value counts, and None
takes it away. Kinds, by the first byte of the key:

    E entity    its row, familiar set, put-away draws, minutes (gathering.py says how)
    S slot      one place of an entity's ring, with the names that its event told
    A alert     one alert that stands at a key of the stage
    B beside    what else stands at a key: when which typologies hit, events that stood
    H header    clock, what sources usually carry

Two lives of one history end in the same values, whatever its batches and restarts were. So nothing
of a process is in them, and a slot's names are those that its own event told (law 29).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook, Shelf
from detector.alerts import Scope
from detector.events import ACCOUNT, CODE, ID, KIND_MASK, NAMELESS_BIT
from detector.gathering import (
    CRC_TABLE,
    entity_payloads,
    record_keys,
    slot_payloads,
    take_slots,
    touched_rows,
)  # fmt: skip
from detector.memory import RING_MAX, TURN, Memory
from detector.sealing import SealError, sealed, unsealed, unsealed_bytes
from detector.stage import Stage
from detector.subjects import Subjects
from detector.told import NAMED, NameTable, TableTold, table_of

Record = tuple[bytes, bytes | None]
KEY_BYTES: Final = 8
ENTITY_KEY_BYTES: Final = 1 + KEY_BYTES
ROW_MASK: Final = (1 << 32) - 1  # of Memory.told


class StateError(ValueError):
    """A record that cannot be used; the text says which, why, and the cure."""


class _Beside(msgspec.Struct, array_like=True):
    hit_times: dict[str, list[int]]
    stood: list[tuple[Scope, int, list[str], int]]
    withdrawing: list[tuple[str, int, int]]


class _Header(msgspec.Struct, array_like=True):
    clock: list[int]
    carried: list[list[int]]


def opened(key: bytes, value: bytes, kind: Any) -> Any:
    """The content of a record, of this type.

    Raises:
        StateError: it is of another schema, damaged, or of another type.
    """
    try:
        return unsealed(value, kind)
    except SealError as error:
        raise refusal(key, error) from error


def opened_bytes(key: bytes, value: bytes) -> bytes:
    """The content of a record that is no msgpack.

    Raises:
        StateError: it is of another schema, or damaged.
    """
    try:
        return unsealed_bytes(value)
    except SealError as error:
        raise refusal(key, error) from error


def refusal(key: bytes, why: object) -> StateError:
    """Why a record cannot be used, with the cure."""
    return StateError(f"state record {key.hex()}: {why}; rebuild the state from the inputs")


def key_of(kind: bytes, *parts: int) -> bytes:
    """The key of a record about these hashes or numbers."""
    return kind + b"".join(part.to_bytes(KEY_BYTES, "big", signed=True) for part in parts)


class StageState:
    """Writes the records of one stage. state_restoring.py reads them."""

    def __init__(self, stage: Stage, book: AlertBook, subjects: Subjects) -> None:
        self._stage = stage
        self._book = book
        self._subjects = subjects
        self._asked = 0
        self._named = stage.named_words()
        stage.store.take_dropped()  # from now on somebody asks
        book.take_changed()

    def changes(self, keys: NDArray[np.int64], told: TableTold | None) -> list[Record]:
        """What changed since this was last asked, and the header.

        `keys`: of the entities of all rows that went into walks since then, each as often as it
        likes, 0 for none. `told`: the names of the last walk's batch.
        """
        records: list[Record] = []
        for key, written in self._stage.store.take_dropped():
            records.append((key_of(b"E", key), None))
            numbers = [k for k in range(RING_MAX) if written >> k & 1]
            records += [(key_of(b"S", key) + bytes((k,)), None) for k in numbers]
        m = self._stage.store.memory
        self._asked += 1
        rows = touched_rows(m, keys, self._asked)
        if len(rows):
            records += self._entities(m, rows, told)
        records += (self._standing(*mark) for mark in self._book.take_changed())
        records.append((b"H", sealed(_Header(m.clock[:TURN].tolist(), m.carried.tolist()))))
        return records

    def _standing(self, key: int, alert_id: str) -> Record:
        shelf = self._book.shelves.get(key, Shelf())
        if alert_id:
            alert = shelf.alerts.get(alert_id)
            name = key_of(b"A", key) + bytes.fromhex(alert_id)
            return name, None if alert is None else sealed(alert)
        return key_of(b"B", key), sealed(beside_of(shelf)) if shelf.beside else None

    def _entities(
        self, m: Memory, rows: NDArray[np.int64], told: TableTold | None
    ) -> list[Record]:  # fmt: skip
        keys = m.rows["key"][rows]
        payload, ends = entity_payloads(
            m, rows, _as_bytes(m.rows), _as_bytes(m.familiar), _as_bytes(m.put_away),
            _as_bytes(m.minutes), CRC_TABLE,
        )  # fmt: skip
        written, gone = take_slots(m, rows)
        records: list[Record] = [
            (key[:ENTITY_KEY_BYTES], value)
            for key, value in zip(_keys(b"E", keys), _cut(payload, ends), strict=True)
        ]
        records += ((key, None) for key in _keys(b"S", keys[gone[:, 0]], gone[:, 1]))
        if len(written):
            names = self._slot_names(m, written, rows, told)
            payload, ends = slot_payloads(
                _as_bytes(m.slots), m.slots.shape[1] * 8, written[:, 2], *names, CRC_TABLE
            )
            slots = _keys(b"S", keys[written[:, 0]], written[:, 1])
            records += zip(slots, _cut(payload, ends), strict=True)
        return records

    def _slot_names(
        self, m: Memory, written: NDArray[np.int64], rows: NDArray[np.int64], told: TableTold | None
    ) -> NameTable:
        """The names of each slot: as its batch told them, of older ones as remembered."""
        pool = written[:, 2]
        turn, row = m.told[pool] >> 32, m.told[pool] & ROW_MASK
        is_old = (turn != m.clock[TURN]) | (told is None)
        old = np.flatnonzero(is_old)
        if told is None:
            table = self._remembered(m, written, rows)
        else:
            row[old] = 0
            table = told.table
            table = NameTable(table.blob, table.starts[row], table.lengths[row])
            if len(old):
                table = _laid_over(table, old, self._remembered(m, written[old], rows))
        codes = m.slots[pool, CODE]
        lengths = np.maximum(table.lengths, 0)
        lengths[:, ~self._named] = 0
        lengths[~self._subjects.are_asked_for(codes & KIND_MASK), 2:] = 0
        lengths[codes & NAMELESS_BIT != 0] = 0
        return NameTable(table.blob, table.starts, lengths)

    def _remembered(
        self, m: Memory, written: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NameTable:
        words = self._stage.words_of(m.slots[written[:, 2]], m.rows["key"][rows[written[:, 0]]])
        columns = [
            [self._subjects.name_of(word, value) for value in words[:, word].tolist()]
            for word in NAMED
        ]
        return table_of(columns, len(words))


def _laid_over(table: NameTable, places: NDArray[np.int64], other: NameTable) -> NameTable:
    starts, lengths = table.starts, table.lengths
    starts[places], lengths[places] = other.starts + len(table.blob), other.lengths
    return NameTable(np.concatenate((table.blob, other.blob)), starts, lengths)


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _cut(payload: NDArray[np.uint8], ends: NDArray[np.int64]) -> list[bytes]:
    whole, stops = payload.tobytes(), ends.tolist()
    return [whole[start:stop] for start, stop in zip([0, *stops[:-1]], stops, strict=True)]


def _keys(
    kind: bytes, keys: NDArray[np.int64], numbers: NDArray[np.int64] | None = None
) -> list[bytes]:  # fmt: skip
    width = ENTITY_KEY_BYTES + 1
    made = record_keys(kind[0], keys, np.zeros_like(keys) if numbers is None else numbers)
    whole = made.tobytes()
    return [whole[at : at + width] for at in range(0, len(whole), width)]


def beside_of(shelf: Shelf) -> _Beside:
    """What stands on a shelf beside alerts, as its record has it."""
    return _Beside(
        shelf.hit_times,
        [(scope, event, sorted(rules), at) for (scope, event), (rules, at) in shelf.stood.items()],
        [(typology, event, at) for (typology, event), at in shelf.withdrawing.items()],
    )


def read_beside(key: bytes, value: bytes, shelf: Shelf) -> None:
    """Put onto a shelf what stands there beside alerts.

    Raises:
        StateError: the record cannot be used.
    """
    stored = opened(key, value, _Beside)
    shelf.hit_times = stored.hit_times
    shelf.stood = {(scope, event): (frozenset(rules), at)
                   for scope, event, rules, at in stored.stood}  # fmt: skip
    shelf.withdrawing = {(typology, event): at for typology, event, at in stored.withdrawing}


def read_header(key: bytes, value: bytes, memory: Memory) -> None:
    """Set the clock of a memory, and what its sources usually carry.

    Raises:
        StateError: the record cannot be used.
    """
    header = opened(key, value, _Header)
    memory.clock[:TURN] = header.clock
    memory.carried[:] = header.carried


assert NAMED[:2] == (ID, ACCOUNT)
