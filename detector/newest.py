"""The newest values of a compacted log's keys, packed: millions of records, no object each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.jit import allocating, inlined

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
NO_VALUE: Final = -1  # in place of a size: the key was taken away


class Packed(NamedTuple):
    """Some records. Record k's key is at key_starts[k], its value at starts[k]."""

    keys: Bytes
    key_starts: Ints
    key_sizes: Ints  # bytes
    values: Bytes
    starts: Ints
    sizes: Ints  # bytes

    @property
    def total(self) -> int:
        """How many records."""
        return len(self.starts)

    def key(self, place: int) -> bytes:
        """The key of a record."""
        start, size = self.key_starts[place], self.key_sizes[place]
        return self.keys[start : start + size].tobytes()

    def value(self, place: int) -> bytes:
        """The value of a record."""
        start, size = self.starts[place], self.sizes[place]
        return self.values[start : start + size].tobytes()

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All records, each as an object."""
        keys, values = self.keys.data, self.values.data
        places = (self.key_starts, self.key_sizes, self.starts, self.sizes)
        for key, key_size, at, size in zip(*(one.tolist() for one in places), strict=True):
            yield bytes(keys[key : key + key_size]), bytes(values[at : at + size])

    def of(self, places: NDArray[np.int64]) -> Packed:
        """Some of the records."""
        return Packed(
            self.keys, self.key_starts[places], self.key_sizes[places],
            self.values, self.starts[places], self.sizes[places],
        )  # fmt: skip


Kinds = dict[bytes, Packed]  # by the first byte of the key


class Newest:
    """Takes records in the order of their log."""

    def __init__(self) -> None:
        self._keys, self._values = bytearray(), bytearray()
        self._key_sizes: list[Ints] = []
        self._sizes: list[Ints] = []

    def add(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Take records: of one key the newest value counts, and None takes it away."""
        self._keys += b"".join(keys)
        self._key_sizes.append(np.fromiter(map(len, keys), np.int64, len(keys)))
        there = [value for value in values if value is not None]
        self._values += b"".join(there)
        sizes = np.full(len(values), NO_VALUE, np.int64)
        is_there: slice | NDArray[np.bool_] = slice(None)
        if len(there) < len(values):
            is_there = np.array([value is not None for value in values], bool)
        sizes[is_there] = np.fromiter(map(len, there), np.int64, len(there))
        self._sizes.append(sizes)

    def settled(self) -> Packed:
        """The newest record of each key that was not taken away, in their order. The last call."""
        key_sizes, sizes = _joined(self._key_sizes), _joined(self._sizes)
        held = np.maximum(sizes, 0)
        whole = Packed(
            np.frombuffer(self._keys, np.uint8), np.cumsum(key_sizes) - key_sizes, key_sizes,
            np.frombuffer(self._values, np.uint8), np.cumsum(held) - held, sizes,
        )  # fmt: skip
        return whole.of(np.flatnonzero(_is_newest(whole.keys, whole.key_starts, key_sizes, sizes)))

    def by_kind(self) -> Kinds:
        """`settled`, by the first byte of the key. The last call."""
        all_of = self.settled()
        first = all_of.keys[all_of.key_starts]
        return {
            bytes((kind,)): all_of.of(np.flatnonzero(first == kind))
            for kind in np.flatnonzero(np.bincount(first)).tolist()
        }


def kinds_of(records: Mapping[bytes, bytes]) -> Kinds:
    """Records that are objects, packed, by kind."""
    newest = Newest()
    newest.add(list(records.keys()), list(records.values()))
    return newest.by_kind()


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


@inlined
def _mixed(keys: Bytes, start: int, size: int) -> int:
    """FNV-1a, 64 bits, its high bits folded into the low ones that a table is entered by."""
    mixed = np.uint64(0xCBF29CE484222325)
    for k in range(start, start + size):
        mixed = (mixed ^ np.uint64(keys[k])) * np.uint64(0x100000001B3)
    folded: Any = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(0x7FFFFFFFFFFFFFFF))
    return folded  # type: ignore[no-any-return]


@inlined
def _is_same(keys: Bytes, one: int, other: int, size: int) -> bool:
    k = 0
    while k < size and keys[one + k] == keys[other + k]:
        k += 1
    return k == size


@allocating
def _is_newest(keys: Bytes, starts: Ints, sizes: Ints, value_sizes: Ints) -> NDArray[np.bool_]:
    """Whether a record is its key's newest, and has a value."""
    room = 16
    while room < 2 * len(starts):
        room *= 2
    table = np.full(room, -1, np.int64)
    newest = np.empty(len(starts), np.bool_)
    for record in range(len(starts)):
        at = _mixed(keys, starts[record], sizes[record]) & (room - 1)
        while table[at] >= 0:
            known = table[at]
            if sizes[known] == sizes[record] and _is_same(
                keys, starts[known], starts[record], sizes[record]
            ):
                newest[known] = False
                break
            at = (at + 1) & (room - 1)
        table[at] = record
        newest[record] = value_sizes[record] >= 0
    return newest
