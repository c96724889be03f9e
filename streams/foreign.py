"""Logs of other systems as frames of rows: CSV, Parquet and JSON lines, plain or .gz.

Rows come in batches with their number in `ROW` (from 1, a CSV's heading not counted). Every value
of CSV and JSON lines is text, so that nothing is guessed from the first rows. A JSON line that is
no object is a row of nothing but its number, which no mapping can fill.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from streams.faults import Fault
from streams.logs import Log, LogError
from streams.mapping import LogMapping, unknown_column

ROW: Final = "__row"
BATCH_ROWS: Final = 20_000
SUFFIXES: Final = {
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip


class SourceError(Fault):
    """A source that cannot be read; its text is one clear line."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import."""

    path: Path
    mapping: LogMapping

    @property
    def format(self) -> str:
        """The mapping's word, else by the file's ending. Raises SourceError."""
        if self.mapping.format is not None:
            return self.mapping.format
        name = self.path.name.removesuffix(".gz")
        found = SUFFIXES.get(Path(name).suffix.lower())
        if found is None:
            known = ", ".join(SUFFIXES)
            raise SourceError(
                f"{self.path}: its ending tells no format ({known}): "
                'write format = "csv" under [mapping]'
            )
        return found

    def batches(self) -> Iterator[pl.DataFrame]:
        """The rows, in order, with the columns that the mapping reads.

        Raises SourceError for a file that cannot be read, MappingError for an unknown column.
        """
        if not self.path.is_file():
            raise SourceError(f"{self.path}: no such file")
        if self.format == "jsonl":
            yield from self._json_batches()
            return
        try:
            frame = self._scan()
            self._check(frame.collect_schema().names())
            wanted = [ROW, *self.mapping.columns]
            yield from frame.select(wanted).collect_batches(
                chunk_size=BATCH_ROWS, maintain_order=True
            )
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(f"{self.path}: {_reason(self.format, error)}") from error

    def row_count(self) -> int:
        """How many rows there are; 0 where that would cost another reading."""
        if self.format != "parquet":
            return 0
        try:
            return int(self._scan().select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, OSError):
            return 0  # reading will tell what is wrong

    def _scan(self) -> pl.LazyFrame:
        if self.format == "parquet":
            return pl.scan_parquet(self.path).with_row_index(ROW, 1)
        return pl.scan_csv(
            self.path,
            separator=self.mapping.separator,
            infer_schema=False,
            row_index_name=ROW,
            row_index_offset=1,
        )

    def _check(self, there: list[str]) -> None:
        for column in self.mapping.columns:
            if column not in there:
                raise unknown_column(self.mapping, column, there)

    def _json_batches(self) -> Iterator[pl.DataFrame]:
        """JSON lines; a column must be in at least one row of the first batch."""
        columns = self.mapping.columns
        log = Log(str(self.path))
        try:
            for first, lines in enumerate(log.batches(BATCH_ROWS)):
                rows = [_object(line) for line in lines.lines]
                if first == 0:
                    self._check(sorted({key for row in rows for key in row}))
                data = {name: [_text(row.get(name)) for row in rows] for name in columns}
                schema = dict.fromkeys(columns, pl.String())
                numbers = pl.Series(ROW, lines.numbers, pl.UInt32)
                yield pl.DataFrame(data, schema=schema).with_columns(numbers)
        except LogError as error:
            raise SourceError(str(error)) from error
        finally:
            log.close()


def _object(line: bytes) -> dict[str, Any]:
    """The object of a line, empty where there is none."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """A JSON value as text; what is nested is written as JSON."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _reason(format: str, error: Exception) -> str:
    """Our words for what polars said, which may echo values."""
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or 'unknown reason'}"
    cures = {
        "csv": "check the separator in the mapping, and that no row has more fields than the first",
        "parquet": "check that the file is whole",
    }
    return f"is no {format} that can be read to its end: {cures.get(format, '')}"
