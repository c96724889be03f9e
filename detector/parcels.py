"""Rows on their way to a later stage, and how those of several links become one order.

The links of one stage that are in one process hand on what they took in a turn together. Each has
its own order; merged by event time, a later stage hears of what happened in about the order in
which it happened, however far one partition was worked on before the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.alerts import Hit
from detector.entering import Rows
from detector.folding import Folded
from detector.told import NameTable, TableTold

Noted = tuple[list[Hit], list[str]]  # what a row hit, and the alerts of these hits


@dataclass(frozen=True, slots=True)
class Parcel:
    """Rows of a batch that go to a stage: those in `order`."""

    stage: str
    order: NDArray[np.int64]
    rows: Rows
    told: TableTold
    folded: Sequence[Folded]  # what they hit, at this stage and at those before it

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """Where each row stands in time: where the clock of its account's partition stood once it
        was handled there, which one event from the future does not move. Later stages have it
        from there: their own clocks stand still where rows lack their key."""
        return np.maximum.accumulate(self.rows.clock[self.order])

    def noted(self) -> Iterator[tuple[int, Noted]]:
        """By place in `order`, what rows hit."""
        if not any(part.hits or part.alert_ids for part in self.folded):
            return
        for place, row in enumerate(self.order.tolist()):
            hits = {k: hit for part in self.folded for k, hit in part.hits.get(row, {}).items()}
            alert_ids = [name for part in self.folded for name in part.alert_ids.get(row, ())]
            if hits or alert_ids:
                yield place, (list(hits.values()), list(dict.fromkeys(alert_ids)))


@dataclass(frozen=True, slots=True)
class Load:
    """What all parcels of a stage hold, row by row, in the order of the parcels."""

    words: NDArray[np.int64]
    values: NDArray[np.float64]
    causes: NDArray[np.uint8]
    field_cause: NDArray[np.uint8]
    state: NDArray[np.uint8]
    decide: NDArray[np.uint8]
    degraded: NDArray[np.uint8]
    times_ms: NDArray[np.int64]
    table: NameTable
    noted: dict[int, Noted]


def loaded(parcels: Sequence[Parcel]) -> Load:
    """One load of them all."""

    def joined(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(one.rows, name)[one.order] for one in parcels])

    noted: dict[int, Noted] = {}
    begin = 0
    for one in parcels:
        noted |= {begin + place: what for place, what in one.noted()}
        begin += len(one.order)
    names = ("words", "values", "causes", "field_cause", "state", "decide", "degraded")
    return Load(
        **{name: joined(name) for name in names},  # type: ignore[arg-type]
        times_ms=np.concatenate([one.times_ms for one in parcels]),
        table=_tables(parcels),
        noted=noted,
    )


def _tables(parcels: Sequence[Parcel]) -> NameTable:
    tables = [one.told.table for one in parcels]
    sizes = [len(table.blob) for table in tables]
    begins = [0, *np.cumsum(sizes)[:-1].tolist()]
    starts = [t.starts[one.order] + begin
              for t, one, begin in zip(tables, parcels, begins, strict=True)]  # fmt: skip
    lengths = [t.lengths[one.order] for t, one in zip(tables, parcels, strict=True)]
    blob = tables[0].blob if len(tables) == 1 else np.concatenate([t.blob for t in tables])
    return NameTable(blob, np.concatenate(starts), np.concatenate(lengths))
