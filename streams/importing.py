"""`lendwatch import`: a log of another system becomes an event log, by a mapping file.

Rows are read in batches, mapped by polars expressions (mapping_columns.py), and every event is held
against the contract by the detector's own decoder. What cannot be mapped is written, without its
values, to `OUT.rejects.jsonl`: row, event block, field and reason. Events come out in time order:
lines are spooled beside the output, and only their times are held in memory (28 bytes an event).
"""

from __future__ import annotations

import mmap
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import orjson
import polars as pl

from detector.decode import Decoder
from detector.events import FUTURE_TOLERANCE_MS, TIME_MAX_MS, TYPE_RANK
from detector.ids import Ids
from detector.toml_file import nearest_name
from streams.faults import Fault
from streams.foreign import ROW, Source
from streams.mapping import EventMap, LogMapping, load_mapping
from streams.mapping_columns import MISSING, WRONG, Column, columns_of, condition_of, fault_of

SHIPPED: Final = Path(__file__).parent / "mappings"
PARTIAL: Final = ".partial"
WANTED: Final = "__wanted"
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class ImportSummary:
    """What an import did. `rejected` counts by "type.field: reason"; times in epoch ms."""

    out: Path
    rejects: Path | None = None  # None where nothing was rejected
    rows: int = 0
    rows_unused: int = 0  # rows that no event block wants
    events: Counter[str] = field(default_factory=Counter)  # by type
    rejected: Counter[str] = field(default_factory=Counter)
    first_ms: int | None = None
    last_ms: int | None = None


def mapping_path(name: str) -> Path:
    """The path of a mapping named by file or, as `synccfd`, among those shipped. Raises Fault."""
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return path
    shipped = {each.stem: each for each in SHIPPED.glob("*.toml")}
    if name not in shipped:
        nearest = nearest_name(name, shipped)
        hint = (
            f' (nearest: "{nearest}")' if nearest else f" (shipped: {', '.join(sorted(shipped))})"
        )
        raise Fault(f"{name}: neither a .toml file nor a shipped mapping{hint}")
    return shipped[name]


def run_import(
    mapping: Path, source: Path, out: Path, progress: Progress | None = None
) -> ImportSummary:
    """Imports `source` by `mapping` into the event log `out`.

    `progress(rows, all)` is called after each batch; all is 0 where it is not known. Raises Fault
    (MappingError, SourceError) in one clear line; `out` is then as it was.
    """
    loaded = load_mapping(mapping)
    summary = ImportSummary(out)
    paths = [out.with_name(out.name + end) for end in (".spool", ".rejects.jsonl", PARTIAL)]
    spool_path, rejects_path, partial = paths
    try:
        with spool_path.open("w+b") as spool, rejects_path.open("wb") as rejects:
            run = _Import(loaded, summary, spool, rejects)
            run.read(Source(source, loaded), progress)
            run.write(partial)
        partial.replace(out)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise Fault(f"{error.filename or out}: cannot be written: {reason}") from error
    finally:
        spool_path.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
        if not summary.rejected:
            rejects_path.unlink(missing_ok=True)
    summary.rejects = rejects_path if summary.rejected else None
    return summary


class _Import:
    """One run: rows in, spooled lines and rejects out, then all in order."""

    def __init__(
        self, mapping: LogMapping, summary: ImportSummary, spool: BinaryIO, rejects: BinaryIO
    ) -> None:
        self._mapping, self._summary = mapping, summary
        self._spool, self._rejects = spool, rejects
        self._decoder = Decoder(Ids(), TIME_MAX_MS - FUTURE_TOLERANCE_MS)
        self._times, self._ranks = array("q"), array("b")
        self._rows, self._lengths = array("q"), array("q")

    def read(self, source: Source, progress: Progress | None) -> None:
        """Maps every row."""
        total = source.row_count() if progress is not None else 0
        for batch in source.batches():
            used = pl.zeros(len(batch), pl.Boolean, eager=True)
            types = dict(batch.schema)
            for number, event in enumerate(self._mapping.events, 1):
                wanted = batch.with_columns(condition_of(event, types).alias(WANTED))[WANTED]
                used = used | wanted
                self._map(number, event, columns_of(event, types), batch.filter(wanted))
            self._summary.rows += len(batch)
            self._summary.rows_unused += int((~used).sum())
            if progress is not None:
                progress(self._summary.rows, total)

    def _map(
        self, number: int, event: EventMap, columns: list[Column], batch: pl.DataFrame
    ) -> None:
        """Rows of one event block: what can be an event is told, the others are rejected."""
        values = [column.value.alias(column.field.name) for column in columns]
        whole = batch.select(
            pl.col(ROW), fault_of(columns).alias("__fault"),
            *(column.wrong.alias(f"__wrong{i}") for i, column in enumerate(columns)), *values,
        )  # fmt: skip
        good = whole["__fault"].is_null()
        for row in whole.filter(~good).iter_rows(named=True):
            column = columns[row["__fault"]]
            wrong = row[f"__wrong{row['__fault']}"]
            reason = WRONG[column.field.of.kind] if wrong else MISSING
            self._reject(row[ROW], number, event.type, column, reason)
        told = whole.filter(good)
        records = told.select(column.field.name for column in columns).iter_rows(named=True)
        self._tell(number, event, columns, told[ROW].to_list(), list(records))

    def _tell(
        self,
        number: int,
        event: EventMap,
        columns: list[Column],
        rows: list[int],
        records: list[dict[str, Any]],
    ) -> None:
        """Spools the events that the contract accepts."""
        lines = [
            orjson.dumps({"type": event.type, **{k: v for k, v in r.items() if v is not None}})
            for r in records
        ]
        dead = {}
        for letter in self._decoder.decode(lines).dead:
            dead[letter.position] = f"{letter.reason} by the contract"
            name = letter.path.removeprefix("$.")
            column = next((c for c in columns if c.field.name == name), None)
            row = rows[letter.position]
            self._reject(row, number, event.type, column, dead[letter.position], name)
        for position, (row, record, line) in enumerate(zip(rows, records, lines, strict=True)):
            if position not in dead:
                self._times.append(record["occurred_at"])
                self._ranks.append(TYPE_RANK[event.type])
                self._rows.append(row)
                self._lengths.append(len(line) + 1)
                self._spool.write(line + b"\n")
        self._summary.events[event.type] += len(lines) - len(dead)

    def _reject(
        self,
        row: int,
        number: int,
        event_type: str,
        column: Column | None,
        reason: str,
        path: str = "",
    ) -> None:
        """Counts and writes one row that did not become the event it should."""
        name = column.field.name if column is not None else path
        self._summary.rejected[f"{event_type}.{name}: {reason}"] += 1
        sources = list(column.field.columns) if column is not None else []
        line = {
            "row": row, "event": number, "type": event_type, "field": name, "columns": sources,
            "reason": reason,
        }  # fmt: skip
        self._rejects.write(orjson.dumps(line) + b"\n")

    def write(self, path: Path) -> None:
        """All events, by time, then as the engine merges equal times, then by row."""
        self._spool.flush()
        times, rows = np.array(self._times, np.int64), np.array(self._rows, np.int64)
        lengths, ranks = np.array(self._lengths, np.int64), np.array(self._ranks, np.int8)
        order = np.lexsort((rows, ranks, times))
        starts = np.cumsum(lengths) - lengths
        with path.open("wb", buffering=1 << 20) as file:
            for line in self._in_order(starts[order].tolist(), lengths[order].tolist()):
                file.write(line)
        if len(times):
            self._summary.first_ms, self._summary.last_ms = int(times.min()), int(times.max())

    def _in_order(self, starts: list[int], lengths: list[int]) -> Iterator[bytes]:
        if not starts:
            return
        with mmap.mmap(self._spool.fileno(), 0, access=mmap.ACCESS_READ) as view:
            for start, length in zip(starts, lengths, strict=True):
                yield view[start : start + length]
