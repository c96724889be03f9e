"""What travels from one stage to the next: events with all that later stages need of them.

In a service the stages stand on different partitions, so that an event's way is a chain of records:
account, device, network, payee, each keyed by its next entity (by its account where it has none).
One record, a block, carries all rows of a batch for one partition, in their order, as columns.

A block names its columns by a hash of each, so that it can be read by a rulebook that has others:
what that one does not know is left out, what the block does not tell is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alerts import Hit
from detector.entering import Rows, empty_rows
from detector.events import ACCOUNT, WORDS
from detector.features import Columns
from detector.folding import Folded
from detector.ids import Ids
from detector.memory import KEY_WORDS, STAGES
from detector.packing import packed_columns, told_columns, unpack_columns
from detector.parcels import Load, Parcel, loaded
from detector.sealing import SealError, sealed, unsealed
from detector.told import NAMED, TableTold, packed_table

BLOCK_ROWS_MAX: Final = 512
BLOCK_BYTES_MAX: Final = 512 * 1024  # about; a record of Kafka's default has 1 MiB
ROW_BYTES: Final = 256  # words, marks and masks of a row, at most
MARKS: Final = 7  # of a row: four causes, state, decide, degraded


class OnwardError(ValueError):
    """A block that cannot be read; the text says why, and the cure."""


class Block(msgspec.Struct, array_like=True):
    """Rows for one partition of a stage. Arrays are little-endian, row by row."""

    columns: bytes  # uint32: hashes of the columns that are told
    words: bytes
    known: bytes  # a bit a row and column: it has a value
    values: bytes  # float64, of the set bits
    caused: bytes  # a bit a row and column: it has a cause
    causes: bytes  # of the set bits
    marks: bytes  # MARKS a row
    lengths: bytes  # int16, of the names in told.NAMED
    names: bytes
    hits: list[tuple[int, str, str, list[str]]]  # row, rule id, severity, actions
    alert_ids: list[tuple[int, str]]
    times: bytes  # int64: where each row stands in time


class Sent(NamedTuple):
    """A block on its way: to which stage and partition, and where its last row stands in time."""

    stage: str
    partition: int
    newest_ms: int
    value: bytes


class Postman:
    """Makes the blocks that leave a stage, and reads those that come to one."""

    def __init__(self, columns: Columns, partitions: int) -> None:
        """`partitions`: of each stage.

        Raises:
            ValueError: two columns have the same hash; one of them needs another name.
        """
        names = list(columns.names)
        ids = Ids(b"lendwatch.columns")
        self._hashes = ids.hashes(names).astype(np.uint32)
        if len(set(self._hashes.tolist())) < len(names):
            raise ValueError("two columns have the same hash; give one of them another name")
        self._partitions = partitions
        self._places = {int(value): place for place, value in enumerate(self._hashes)}
        self._known_orders: dict[bytes, NDArray[np.int64]] = {}

    def sent(self, stage: str, parcels: Sequence[Parcel]) -> Iterator[Sent]:
        """The blocks of parcels that go to one stage, merged by time."""
        if not sum(len(one.order) for one in parcels):
            return
        load = loaded(parcels)
        keys = load.words[:, KEY_WORDS[STAGES.index(stage)]]
        keys = np.where(keys == 0, load.words[:, ACCOUNT], keys)
        partitions = (keys.view(np.uint64) % np.uint64(self._partitions)).astype(np.int64)
        order = np.lexsort((load.times_ms, partitions))  # which keeps the order of what is equal
        packer = _Packer(load, order, self._hashes)
        for start, stop in _cuts(partitions[order], packer.sizes):
            newest_ms = int(load.times_ms[order[stop - 1]])
            value = sealed(packer.block(start, stop))
            yield Sent(stage, int(partitions[order[start]]), newest_ms, value)

    def received(self, values: Sequence[bytes]) -> tuple[Rows, TableTold, Folded]:
        """Blocks as a batch of rows, with their names and with what they hit on their way.

        Raises:
            OnwardError: a value is no block, damaged, or of another schema.
        """
        blocks = [_opened(value) for value in values]
        words = np.frombuffer(b"".join(block.words for block in blocks), np.int64)
        rows = empty_rows(words.reshape(-1, len(WORDS)).copy(), len(self._hashes))
        before = Folded()
        at = 0
        for block in blocks:
            at = self._unload(block, rows, at, before)
        marks = np.frombuffer(b"".join(block.marks for block in blocks), np.uint8)
        marks = marks.reshape(-1, MARKS)
        rows.field_cause[:] = marks[:, :4]
        rows.state[:], rows.decide[:], rows.degraded[:] = marks[:, 4], marks[:, 5], marks[:, 6]
        rows.onward[:] = 1
        rows.clock[:] = np.frombuffer(b"".join(block.times for block in blocks), np.int64)
        lengths = np.frombuffer(b"".join(block.lengths for block in blocks), np.int16)
        names = np.frombuffer(bytearray().join(block.names for block in blocks), np.uint8)
        return rows, TableTold(packed_table(names, lengths.reshape(-1, len(NAMED)))), before

    def _unload(self, block: Block, rows: Rows, at: int, before: Folded) -> int:
        """Write a block's columns and hits into rows from `at` on; where the next block begins."""
        stop = at + len(block.words) // (8 * len(WORDS))
        places = self._places_of(block.columns)
        unpack_columns(
            np.frombuffer(block.known, np.uint8), np.frombuffer(block.values),
            np.frombuffer(block.caused, np.uint8), np.frombuffer(block.causes, np.uint8),
            places, rows.values[at:stop], rows.causes[at:stop],
        )  # fmt: skip
        for row, rule_id, severity, actions in block.hits:
            before.hits[at + row][rule_id] = Hit(
                rule_id, 0, "", "", severity, tuple(actions), {}, ()
            )  # fmt: skip
        for row, alert_id in block.alert_ids:
            before.alert_ids[at + row].append(alert_id)
        return stop

    def place_of(self, value: int) -> int:
        """The place of the column of this hash; -1 where there is none."""
        return self._places.get(value, -1)

    def _places_of(self, columns: bytes) -> NDArray[np.int64]:
        """Where these columns stand with us; -1 for one that we do not have."""
        places = self._known_orders.get(columns)
        if places is None:
            hashes = np.frombuffer(columns, np.uint32).tolist()
            places = np.array([self.place_of(value) for value in hashes], np.int64)
            if len(self._known_orders) >= 1024:  # of other rulebooks: few, but not ours to bound
                self._known_orders.clear()
            self._known_orders[columns] = places
        return places


class _Packer:
    """Makes blocks of a load, whose rows leave in an order."""

    def __init__(
        self, load: Load, order: NDArray[np.int64], hashes: NDArray[np.uint32]
    ) -> None:  # fmt: skip
        flags, counts = told_columns(order, load.values, load.causes)
        self._load = load
        self._order = order
        self._columns = np.flatnonzero(flags)
        self._hashes = hashes[self._columns].tobytes()
        self._marks = np.empty((len(order), MARKS), np.uint8)
        self._marks[:, :4] = load.field_cause
        self._marks[:, 4], self._marks[:, 5] = load.state, load.decide
        self._marks[:, 6] = load.degraded
        self._table = load.table.of_rows(order)
        names = np.diff(self._table.starts[:, 0], append=len(self._table.blob))
        self.sizes = ROW_BYTES + 8 * counts + names  # bytes of each row, about

    def block(self, start: int, stop: int) -> Block:
        """The block of the rows at these places of the order."""
        order, load = self._order[start:stop], self._load
        known, values, caused, causes = packed_columns(
            order, self._columns, load.values, load.causes
        )
        starts, lengths = self._table.starts[start:stop], self._table.lengths[start:stop]
        end = starts[-1, -1] + max(0, int(lengths[-1, -1]))
        noted = [(k, load.noted[row]) for k, row in enumerate(order.tolist()) if row in load.noted]
        return Block(
            self._hashes, load.words[order].tobytes(), known.tobytes(), values.tobytes(),
            caused.tobytes(), causes.tobytes(), self._marks[order].tobytes(), lengths.tobytes(),
            self._table.blob[starts[0, 0] : end].tobytes(),
            [(k, h.rule_id, h.severity, list(h.actions)) for k, (hits, _) in noted for h in hits],
            [(k, alert_id) for k, (_, alert_ids) in noted for alert_id in alert_ids],
            load.times_ms[order].tobytes(),
        )  # fmt: skip


def _cuts(
    partitions: NDArray[np.int64], sizes: NDArray[np.int64]
) -> Iterator[tuple[int, int]]:  # fmt: skip
    """Where blocks begin and end: one partition each, none too long or too large."""
    total = np.cumsum(sizes)
    edges = [*(np.flatnonzero(np.diff(partitions)) + 1).tolist(), len(partitions)]
    start = 0
    for edge in edges:
        while start < edge:
            before = int(total[start] - sizes[start])
            fitting = int(np.searchsorted(total, before + BLOCK_BYTES_MAX, side="right"))
            stop = min(edge, start + BLOCK_ROWS_MAX, max(fitting, start + 1))
            yield start, stop
            start = stop


def _opened(value: bytes) -> Block:
    try:
        block: Any = unsealed(value, Block)
    except SealError as error:
        raise OnwardError(
            f"block of an earlier stage: {error}; take it again from there"
        ) from error
    return block  # type: ignore[no-any-return]
