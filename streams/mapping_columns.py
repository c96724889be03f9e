"""A mapping's fields as polars expressions over the source's columns.

Every field gives two expressions: its value in the contract's terms, null where it cannot be had,
and whether the source said something that could not be understood (which is never passed over).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from detector.events import MONEY_MAX_MINOR
from streams.mapping import Condition, EventMap
from streams.mapping_fields import UNITS_MS, Field

Types = Mapping[str, pl.DataType]
WRONG: Final = {  # why a value that is there was not understood
    "money": "no amount of the stated sign",
    "time": "no time of the stated unit",
    "word": "not among the words",
    "text": "not among the words",
    "flag": "neither true nor false",
    "integer": "no integer",
    "number": "no number",
}
MISSING: Final = "is missing"
_OFFSET: Final = "%Y-%m-%dT%H:%M:%S%.f%#z"
_NAIVE: Final = "%Y-%m-%dT%H:%M:%S%.f"


@dataclass(frozen=True, slots=True)
class Column:
    """A field's expressions."""

    field: Field
    value: pl.Expr
    wrong: pl.Expr


def columns_of(event: EventMap, types: Types) -> list[Column]:
    """The expressions of an event's fields; `types` are those of the source's columns."""
    return [_column(field, types) for field in event.fields]


def condition_of(event: EventMap, types: Types) -> pl.Expr:
    """Whether a row becomes this event; null counts as no."""
    parts = [_condition(condition, types) for condition in event.where]
    return pl.all_horizontal(pl.lit(True), *parts).fill_null(False)


def fault_of(columns: list[Column]) -> pl.Expr:
    """The number of the first field that keeps a row from becoming an event, or null."""
    expressions = []
    for number, column in enumerate(columns):
        fault = column.wrong
        if column.field.of.required:
            fault = fault | column.value.is_null()
        expressions.append(pl.when(fault).then(pl.lit(number, pl.Int32)))
    return pl.coalesce(expressions)


def _condition(condition: Condition, types: Types) -> pl.Expr:
    """One condition; compared as numbers where the mapping gives numbers, else as text."""
    numbers = [value for value in condition.values if not isinstance(value, str)]
    texts = [value for value in condition.values if isinstance(value, str)]
    as_number = _number(condition.column, types)
    if condition.operator == "in":
        same_number = as_number.is_in(pl.Series(numbers, dtype=pl.Float64).implode())
        same_text = _text(condition.column, types).is_in(
            pl.Series(texts, dtype=pl.String).implode()
        )
        return same_number | same_text
    if condition.operator == "not":
        return (as_number != numbers[0]) if numbers else _text(condition.column, types) != texts[0]
    limit = pl.lit(numbers[0])
    return {
        "above": as_number > limit,
        "at_least": as_number >= limit,
        "below": as_number < limit,
        "at_most": as_number <= limit,
    }[condition.operator]


def _column(field: Field, types: Types) -> Column:
    """One field."""
    never = pl.lit(False)
    if field.template:
        return Column(field, _template(field, types), never)
    if not field.columns:
        return Column(field, pl.lit(field.constant), never)
    (column,) = field.columns
    makers = {
        "money": _money, "time": _time, "integer": _integer, "flag": _flag,
        "word": _word, "text": _word, "number": _real,
    }  # fmt: skip
    value = makers[field.of.kind](field, column, types)
    return Column(field, value, _text(column, types).is_not_null() & value.is_null())


def _text(column: str, types: Types) -> pl.Expr:
    """A column as text; blank is null."""
    text = pl.col(column).cast(pl.String, strict=False)
    if isinstance(types[column], pl.String):
        text = text.str.strip_chars()
    return pl.when(text != "").then(text)


def _number(column: str, types: Types) -> pl.Expr:
    """A column as finite float64, else null."""
    source = _text(column, types) if isinstance(types[column], pl.String) else pl.col(column)
    number = source.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _template(field: Field, types: Types) -> pl.Expr:
    """Text with columns put in; null where one of them is."""
    pattern = field.template
    for column in field.columns:
        pattern = pattern.replace("{" + column + "}", "{}", 1)
    return pl.format(pattern, *(_text(column, types) for column in field.columns))


def _money(field: Field, column: str, types: Types) -> pl.Expr:
    """Minor units, rounded to the nearest; null for the other sign or beyond the bound."""
    minor = (_number(column, types) * field.scale).round()
    if field.sign == "absolute":
        minor = minor.abs()
    elif field.sign == "negative":
        minor = -minor
    return pl.when(minor.is_between(0, MONEY_MAX_MINOR)).then(minor).cast(pl.Int64)


def _time(field: Field, column: str, types: Types) -> pl.Expr:
    """Epoch milliseconds."""
    if field.unit != "iso":
        since = (_number(column, types) * UNITS_MS[field.unit]).round()
        return since.cast(pl.Int64, strict=False) + (field.base_ms + field.delay_ms)
    kind = types[column]
    if isinstance(kind, pl.Datetime | pl.Date):
        stamp = pl.col(column).cast(pl.Datetime("ms", getattr(kind, "time_zone", None)))
        if getattr(kind, "time_zone", None) is None:
            stamp = _local(stamp, field.zone)
        return stamp.dt.epoch("ms") + field.delay_ms
    text = _text(column, types).str.replace(" ", "T", literal=True)
    told = text.str.to_datetime(_OFFSET, time_unit="ms", strict=False)
    naive = text.str.to_datetime(_NAIVE, time_unit="ms", strict=False)
    date = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("ms"))
    local = (_local(each, field.zone) for each in (naive, date))
    return pl.coalesce(told, *local).dt.epoch("ms") + field.delay_ms


def _local(stamp: pl.Expr, zone: str) -> pl.Expr:
    """A time without an offset, read in its zone: of two equal hours the first, of none null."""
    placed = stamp.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return placed.dt.convert_time_zone("UTC")


def _integer(field: Field, column: str, types: Types) -> pl.Expr:
    """An integer; a number with a fraction is none."""
    if isinstance(types[column], pl.Float32 | pl.Float64):
        number = _number(column, types)
        return pl.when(number == number.round()).then(number).cast(pl.Int64, strict=False)
    return _text(column, types).cast(pl.Int64, strict=False)


def _real(field: Field, column: str, types: Types) -> pl.Expr:
    """A number."""
    return _number(column, types)


def _flag(field: Field, column: str, types: Types) -> pl.Expr:
    """True or false; without words of the mapping: true, false, 1 and 0."""
    words = field.words or {"true": True, "1": True, "false": False, "0": False}
    text = _text(column, types)
    text = text if field.words else text.str.to_lowercase()
    return text.replace_strict(
        list(words), list(words.values()), default=None, return_dtype=pl.Boolean
    )


def _word(field: Field, column: str, types: Types) -> pl.Expr:
    """Text as it stands, or by the mapping's words."""
    text = _text(column, types)
    if field.words is None:
        return pl.when(text.is_in(field.of.words)).then(text) if field.of.words else text
    words = field.words
    found = text.replace_strict(
        list(words), list(words.values()), default=None, return_dtype=pl.String
    )
    if field.other is not None:
        found = pl.when(text.is_not_null()).then(pl.coalesce(found, pl.lit(field.other)))
    return found
