"""The names of recent events and accounts: outputs speak in ids, memory in their hashes.

Kept on shelves, in the order of arrival, and dropped whole, so that memory follows the rate of
events, never the length of the log. What can still be asked for is always there: an event that can
be judged is at most `lateness` old, and its evidence reaches `EVIDENCE_REACH_MS` further back.
Few names are ever asked for, so a shelf is put in order only when somebody looks into it. Those of
a restored state stand on one shelf, as bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

EVIDENCE_REACH_MS: Final = 86_400_000
SHELF_MAX: Final = 2048  # names on one shelf, but for the batch that fills it


class _Shelf:
    """Some names, and the newest time of the events that told them."""

    __slots__ = ("_index", "_waiting", "newest_ms", "size")

    def __init__(self) -> None:
        self.size = 0
        self.newest_ms = 0
        self._waiting: list[tuple[NDArray[np.int64], Sequence[str]]] = []
        self._index: dict[int, tuple[Sequence[str], int]] = {}

    def put(self, hashes: NDArray[np.int64], names: Sequence[str]) -> None:
        self._waiting.append((hashes, names))
        self.size += len(hashes)

    def of(self, value: int) -> str | None:
        for hashes, names in self._waiting:
            places = zip(repeat(names), range(len(names)))
            self._index.update(zip(hashes.tolist(), places, strict=False))
        self._waiting.clear()
        found = self._index.get(value)
        return None if found is None else found[0][found[1]]

    def drop(self, values: Collection[int]) -> None:
        self.of(0)  # all is in the index now
        kept = {
            value: names[place] for value, (names, place) in self._index.items()
            if value not in values
        }  # fmt: skip
        texts = list(kept.values())
        self._index = {value: (texts, place) for place, value in enumerate(kept)}


class _SortedShelf:
    """Many names at once, in the order of their hashes: nothing is made of one until asked for."""

    __slots__ = ("_hashes", "_names", "newest_ms")

    def __init__(self, newest_ms: int, hashes: NDArray[np.int64], names: Sequence[str]) -> None:
        self.newest_ms = newest_ms
        self._hashes = hashes
        self._names = names

    def of(self, value: int) -> str | None:
        place = int(np.searchsorted(self._hashes, value))
        is_there = place < len(self._hashes) and int(self._hashes[place]) == value
        return self._names[place] if is_there else None

    def drop(self, values: Collection[int]) -> None:
        is_kept = ~np.isin(self._hashes, np.fromiter(values, np.int64, len(values)))
        if not is_kept.all():
            self._names = [self._names[place] for place in np.flatnonzero(is_kept).tolist()]
            self._hashes = self._hashes[is_kept]


class Names:
    """Ids by their hashes."""

    def __init__(self) -> None:
        self._shelf = _Shelf()  # that is being filled
        self._shelves: list[_Shelf | _SortedShelf] = [self._shelf]

    def tell(self, newest_ms: int, hashes: NDArray[np.int64], names: Sequence[str]) -> None:
        """Remember names that events up to a time told. `names` may make each when it is asked."""
        if not len(hashes):
            return
        if self._shelf.size >= SHELF_MAX:
            self._shelf = _Shelf()
            self._shelves.append(self._shelf)
        shelf = self._shelf
        shelf.put(hashes.copy(), names)  # a column of a batch would hold the whole batch
        shelf.newest_ms = max(shelf.newest_ms, newest_ms)

    def restore(
        self, newest_ms: int, hashes: NDArray[np.int64], names: Sequence[str]
    ) -> None:  # fmt: skip
        """Remember names that were told before all others, by events up to a time.

        `hashes` ascend, each there once. `names` may make each when it is asked.
        """
        if len(hashes):
            self._shelves.insert(0, _SortedShelf(newest_ms, hashes, names))

    def of(self, value: int) -> str:
        """The name of a hash, as it was told last.

        Raises:
            KeyError: nothing recent told it.
        """
        for shelf in reversed(self._shelves):
            name = shelf.of(value)
            if name is not None:
                return name
        raise KeyError(value)

    def drop(self, values: Collection[int]) -> None:
        """Forget these names for good; the others are copied out of what held them."""
        for shelf in self._shelves:
            shelf.drop(values)

    def forget_before(self, at_ms: int) -> None:
        """Drop the shelves whose names are all of events before a time."""
        self._shelves = [s for s in self._shelves if s.newest_ms >= at_ms or s is self._shelf]
