"""The state of a stage as records: what a batch changed, and a stage made again from them.

A record is a key and a value for a compacted log: of one key the newest value counts, and None
takes it away. Kinds, by the first byte of the key:

    E entity    its row, familiar set, put-away draws, minutes, and its name
    S slot      one place of an entity's ring, with the names that its event told
    A alerts    all that stands at one key of the stage
    H header    clock, what sources usually carry

A value begins with the schema's number and a checksum. Nothing is written in a form that could run
code when it is read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook, Shelf
from detector.alerts import Alert, Scope
from detector.events import ACCOUNT, DEVICE, ID, NETWORK, PAYEE, T
from detector.memory import MINUTES, PUT_AWAY_MAX, PUT_AWAY_WORDS, ROW, TURN
from detector.names import Names
from detector.places import rows_of
from detector.stage import Stage
from detector.subjects import Subjects

SCHEMA: Final = 1
Record = tuple[bytes, bytes | None]
_NAMED: Final = (ACCOUNT, DEVICE, NETWORK, PAYEE)
_pack: Final = msgspec.msgpack.Encoder().encode


class StateError(ValueError):
    """A record that cannot be used; the text says which, why, and the cure."""


class _Entity(msgspec.Struct, array_like=True):
    row: bytes
    familiar: bytes
    put_away: bytes
    minutes: bytes
    name: str


class _Slot(msgspec.Struct, array_like=True):
    words: bytes
    event_id: str
    names: list[str]  # of account, device, network, payee; "" where not told


class _Shelf(msgspec.Struct, array_like=True):
    alerts: list[Alert]
    hit_times: dict[str, list[int]]
    stood: list[tuple[Scope, int, list[str], int]]
    withdrawing: list[tuple[str, int, int]]


class _Header(msgspec.Struct, array_like=True):
    clock: list[int]
    carried: list[list[int]]


def sealed(value: Any) -> bytes:
    """A value with the schema's number and its checksum before it."""
    payload = _pack(value)
    return bytes((SCHEMA,)) + zlib.crc32(payload).to_bytes(4, "big") + payload


def opened(key: bytes, value: bytes, kind: Any) -> Any:
    """The content of a record.

    Raises:
        StateError: it is of another schema, or damaged.
    """
    name = key.hex()
    if not value or value[0] != SCHEMA:
        found = value[0] if value else "none"
        raise StateError(
            f"state record {name}: schema {found}, this version reads {SCHEMA}; "
            "rebuild the state from the inputs"
        )
    payload = value[5:]
    if zlib.crc32(payload) != int.from_bytes(value[1:5], "big"):
        raise StateError(f"state record {name}: damaged (checksum); rebuild it from the inputs")
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except msgspec.DecodeError as error:
        raise StateError(f"state record {name}: cannot be read: {error}") from error


def _key(kind: bytes, entity: int) -> bytes:
    return kind + entity.to_bytes(8, "big", signed=True)


class StageState:
    """Writes and reads the records of one stage."""

    def __init__(self, stage: Stage, book: AlertBook, subjects: Subjects) -> None:
        self._stage = stage
        self._book = book
        self._subjects = subjects

    def changes(self, keys: Iterable[int]) -> Iterator[Record]:
        """What the last walk changed at the entities with these keys, and the header.

        Each key as often as it likes, 0 for none; those of all rows that went into the walk.
        """
        wanted = np.array(sorted({key for key in keys if key}), np.int64)
        m = self._stage.store.memory
        for key, row in zip(wanted.tolist(), rows_of(m.table, wanted).tolist(), strict=True):
            if row >= 0:
                yield from self._entity(key, row)
            shelf = self._book.shelves.get(key)
            yield _key(b"A", key), None if shelf is None else sealed(_stored(shelf))
        yield from ((_key(b"A", key), None) for key in self._book.take_forgotten())
        for key, size in self._stage.store.take_dropped():
            yield _key(b"E", key), None
            yield _key(b"A", key), None
            yield from ((_key(b"S", key) + bytes((k,)), None) for k in range(size))
        yield b"H", sealed(_Header(m.clock.tolist(), m.carried.tolist()))

    def _entity(self, key: int, row: int) -> Iterator[Record]:
        m = self._stage.store.memory
        r = m.rows[row]
        was, r["kept_size"] = int(r["kept_size"]), r["ring_size"]
        at, block = int(r["familiar_at"]), int(r["put_away_at"])
        yield _key(b"E", key), sealed(_Entity(
            r.tobytes(),
            m.familiar[at : at + r["familiar_count"]].tobytes(),
            m.put_away[block : block + PUT_AWAY_MAX].tobytes() if block >= 0 else b"",
            m.minutes[row].tobytes() if len(m.minutes) else b"",
            _name_of(self._names(self._stage.key_word), key),
        ))  # fmt: skip
        begin, size = int(r["ring_at"]), int(r["ring_size"])
        for k in np.flatnonzero(m.changed[begin : begin + size] == m.clock[TURN]).tolist():
            if ((k - int(r["head"])) & (size - 1)) < r["count"]:
                yield _key(b"S", key) + bytes((k,)), sealed(self._slot(key, begin + k))
        yield from ((_key(b"S", key) + bytes((k,)), None) for k in range(size, was))

    def _slot(self, key: int, s: int) -> _Slot:
        m = self._stage.store.memory
        words = self._words(key, s)
        names = [_name_of(self._names(word), int(words[word])) for word in _NAMED]
        event_id = _name_of(self._subjects.event_names, int(words[ID]))
        return _Slot(m.slots[s].tobytes(), event_id, names)

    def _words(self, key: int, s: int) -> NDArray[np.int64]:
        """A slot as a row of words, as far as this stage keeps them."""
        m = self._stage.store.memory
        words = np.zeros(len(m.place), np.int64)
        words[m.keep] = m.slots[s]
        words[self._stage.key_word] = key
        return words

    def _names(self, word: int) -> Names:
        subjects = self._subjects
        return subjects.account_names if word == ACCOUNT else subjects.entity_names

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Fill an empty stage from the newest values of all keys.

        Raises:
            StateError: a record is of another schema, or damaged.
        """
        of_kind: dict[bytes, list[bytes]] = {kind: [] for kind in (b"E", b"S", b"A", b"H")}
        for key in records:
            if key[:1] not in of_kind:
                raise StateError(f"state record {key.hex()}: of no known kind")
            of_kind[key[:1]].append(key)
        for key in of_kind[b"E"]:
            self._restore_entity(opened(key, records[key], _Entity))
        slots = [(key, opened(key, records[key], _Slot)) for key in of_kind[b"S"]]
        self._restore_slots(slots)
        for key in of_kind[b"A"]:
            shelf = opened(key, records[key], _Shelf)
            self._book.shelves[int.from_bytes(key[1:9], "big", signed=True)] = _shelf(shelf)
        for key in of_kind[b"H"]:
            header = opened(key, records[key], _Header)
            self._stage.store.memory.clock[:] = header.clock
            self._stage.store.memory.carried[:] = header.carried

    def _restore_entity(self, stored: _Entity) -> None:
        store = self._stage.store
        row = store.add(np.frombuffer(stored.row, ROW)[0])
        m = store.memory
        r = m.rows[row]
        width = m.familiar.shape[1]
        familiar = np.frombuffer(stored.familiar, np.int64).reshape(-1, width)
        m.familiar[r["familiar_at"] :][: len(familiar)] = familiar
        if stored.put_away:
            block = np.frombuffer(stored.put_away, np.int64).reshape(-1, PUT_AWAY_WORDS)
            m.put_away[r["put_away_at"] :][:PUT_AWAY_MAX] = block
        if stored.minutes:
            m.minutes[row] = np.frombuffer(stored.minutes, np.uint32).reshape(MINUTES, 2)
        if stored.name:
            key = np.array([r["key"]], np.int64)
            self._names(self._stage.key_word).tell(r["newest_ms"][None], key, [stored.name])

    def _restore_slots(self, slots: Sequence[tuple[bytes, _Slot]]) -> None:
        m = self._stage.store.memory
        keys = [int.from_bytes(key[1:9], "big", signed=True) for key, _ in slots]
        rows = rows_of(m.table, np.array(keys, np.int64)).tolist()
        for (key, stored), entity, row in zip(slots, keys, rows, strict=True):
            if row < 0 or key[9] >= m.rows[row]["ring_size"]:
                continue  # of a ring that began anew since
            s = int(m.rows[row]["ring_at"]) + key[9]
            m.slots[s] = np.frombuffer(stored.words, np.int64)
            words = self._words(entity, s)
            at_ms = words[T : T + 1]
            if stored.event_id:
                self._subjects.event_names.tell(at_ms, words[ID : ID + 1], [stored.event_id])
            for word, name in zip(_NAMED, stored.names, strict=True):
                if name:
                    self._names(word).tell(at_ms, words[word : word + 1], [name])


def _name_of(names: Names, value: int) -> str:
    """The name of a hash; "" where nobody can ask for it any more."""
    try:
        return names.of(value) if value else ""
    except KeyError:
        return ""


def _stored(shelf: Shelf) -> _Shelf:
    return _Shelf(
        shelf.alerts,
        shelf.hit_times,
        [(scope, event, sorted(rules), at) for (scope, event), (rules, at) in shelf.stood.items()],
        [(typology, event, at) for (typology, event), at in shelf.withdrawing.items()],
    )


def _shelf(stored: _Shelf) -> Shelf:
    return Shelf(
        stored.alerts,
        stored.hit_times,
        {(scope, event): (frozenset(rules), at) for scope, event, rules, at in stored.stood},
        {(typology, event): at for typology, event, at in stored.withdrawing},
    )
