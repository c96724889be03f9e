"""What the events of a batch tell by name: ids as text, for outputs.

Between stages, and into state records, names go as bytes: a `NameTable` holds those of a batch in
one piece, and only a name that an output asks for is made a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from detector.events import ACCOUNT, DEVICE, ID, NETWORK, PAYEE
from detector.ids import Ids
from detector.jit import compiled
from detector.schema import Disposition, Event

NAMED: Final = (ID, ACCOUNT, DEVICE, NETWORK, PAYEE)  # the words that have names
KINDS_NAMED: Final = ("event", "account", "device", "network", "payee")
NOT_TOLD: Final = -1  # in place of a length: the row speaks of another event's entity


class NameTable(NamedTuple):
    """The names of a batch, UTF-8: row k's of KINDS_NAMED[c] is at starts[k, c]."""

    blob: NDArray[np.uint8]
    starts: NDArray[np.int64]  # (n, 5)
    lengths: NDArray[np.int16]  # (n, 5), bytes; 0 where an event carries none

    def text(self, row: int, column: int) -> str | None:
        """One name; None where the row speaks of another event's."""
        length = int(self.lengths[row, column])
        if length == NOT_TOLD:
            return None
        start = int(self.starts[row, column])
        return self.blob[start : start + length].tobytes().decode()

    def of_rows(self, rows: NDArray[np.int64]) -> NameTable:
        """The names of some rows, in their order, nothing between them."""
        lengths = self.lengths[rows]
        return packed_table(copied(self.blob, self.starts[rows], lengths), lengths)


class NameColumn(Sequence[str]):
    """One column of a table as texts, each made when it is asked for; "" where none is told."""

    def __init__(self, table: NameTable, column: int, rows: Sequence[int] | None = None) -> None:
        self._table = table
        self._column = column
        self._rows: Sequence[int] = range(len(table.lengths)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return NameColumn(self._table, self._column, self._rows[place])
        return self._table.text(self._rows[place], self._column) or ""


def packed_table(blob: NDArray[np.uint8], lengths: NDArray[np.int16]) -> NameTable:
    """A table of names that lie one after another, row by row."""
    sizes = np.maximum(lengths, 0).astype(np.int64).ravel()
    starts = np.cumsum(sizes) - sizes
    return NameTable(blob, starts.reshape(lengths.shape), lengths)


def table_of(columns: Iterable[Sequence[str]], rows: int) -> NameTable:
    """The table of five columns of names."""
    texts = [name for column in columns for name in column]
    joined = "".join(texts)
    if joined.isascii():
        data, sizes = joined.encode(), map(len, texts)
    else:
        encoded = [text.encode() for text in texts]
        data, sizes = b"".join(encoded), map(len, encoded)
    lengths = np.fromiter(sizes, np.int64, len(texts))
    starts = np.cumsum(lengths) - lengths
    shape = (len(NAMED), rows)
    return NameTable(
        np.frombuffer(bytearray(data), np.uint8), np.ascontiguousarray(starts.reshape(shape).T),
        np.ascontiguousarray(lengths.reshape(shape).T.astype(np.int16)),
    )  # fmt: skip


def copied(
    blob: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int16]
) -> NDArray[np.uint8]:
    """The bytes of these names, one after another."""
    out = np.empty(int(np.maximum(lengths, 0).sum()), np.uint8)
    _copy_names(blob, starts, lengths, out)
    return out


@compiled
def _copy_names(
    blob: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int16],
    out: NDArray[np.uint8],
) -> None:  # fmt: skip
    at = 0
    for row in range(lengths.shape[0]):
        for column in range(lengths.shape[1]):
            start = starts[row, column]
            for k in range(lengths[row, column]):
                out[at] = blob[start + k]
                at += 1


class Told(Protocol):
    """The names of a batch's rows. "" where an event carries none."""

    @property
    def event_ids(self) -> Sequence[str]:
        """The event ids, by row."""
        ...

    @property
    def account_ids(self) -> Sequence[str]:
        """The account ids, by row."""
        ...

    def entity(self, kind: str, row: int) -> str | None:
        """The id of a row's device, network or payee; None where it speaks of another event's."""
        ...

    def entities(self, kind: str, rows: Sequence[int]) -> Sequence[str]:
        """The ids of a kind of many rows, none of which speaks of another event."""
        ...


class EventsTold:
    """The names of decoded events."""

    def __init__(self, events: Sequence[Event], ids: Ids) -> None:
        self._events = events
        self._ids = ids
        self.event_ids = [event.event_id for event in events]
        self.account_ids = [event.account_id or "" for event in events]

    def table(self) -> NameTable:
        """All names of the batch, as bytes."""
        rows = range(len(self._events))
        columns: list[Sequence[str]] = [self.event_ids, self.account_ids]
        columns += [self.entities(kind, rows) for kind in KINDS_NAMED[2:]]
        table = table_of(columns, len(rows))
        is_silent = [isinstance(event, Disposition) for event in self._events]
        if any(is_silent):
            table.lengths[is_silent, 2:] = NOT_TOLD
        return table

    def entity(self, kind: str, row: int) -> str | None:
        """The id of a row's entity; None for a disposition."""
        event = self._events[row]
        if isinstance(event, Disposition):
            return None
        return self.entities(kind, [row])[0]

    def entities(self, kind: str, rows: Sequence[int]) -> list[str]:
        """The ids of a kind of many rows."""
        field = "ip" if kind == "network" else f"{kind}_id"
        names: list[str] = [getattr(self._events[row], field, None) or "" for row in rows]
        if kind != "network":
            return names
        networks = {ip: self._ids.network(ip) if ip else None for ip in set(names)}
        cidrs = {ip: "" if named is None else named[0] for ip, named in networks.items()}
        return [cidrs[ip] for ip in names]


class TableTold:
    """The names of events that came from an earlier stage."""

    def __init__(self, table: NameTable) -> None:
        self.table = table
        self.event_ids: Sequence[str] = NameColumn(table, 0)
        self.account_ids: Sequence[str] = NameColumn(table, 1)

    def entity(self, kind: str, row: int) -> str | None:
        """The id of a row's entity."""
        return self.table.text(row, KINDS_NAMED.index(kind))

    def entities(self, kind: str, rows: Sequence[int]) -> Sequence[str]:
        """The ids of a kind of many rows."""
        return NameColumn(self.table, KINDS_NAMED.index(kind), rows)
