"""Where one field of an event comes from: a constant, a text with columns in it, or one column.

The format is described in mapping.py. Which options may stand beside `column` depends on the kind
of the contract's field, and that is read from the contract's own types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from detector.schema import STRUCTS
from detector.toml_file import ConfigError, Keys, nearest_name
from detector.toml_section import Section, duration_ms, kind_of
from streams.faults import Fault
from streams.times import time_ms

UNITS_MS: Final = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SIGNS: Final = ("positive", "negative", "absolute")
OPTIONS: Final = {  # what may stand beside `column`, by the kind of the contract's field
    "money": ("scale", "sign"),
    "time": ("unit", "base", "zone", "delay"),
    "word": ("words", "other"),
    "text": ("words", "other"),
    "flag": ("words",),
    "integer": (),
    "number": (),
}
_COLUMN: Final = re.compile(r"\{([^{}]+)\}")


class MappingError(ConfigError, Fault):
    """A mapping that is refused: one line with file, line, field, what is wrong and the cure."""


@dataclass(frozen=True, slots=True)
class ContractField:
    """A field of the contract: its kind (a key of OPTIONS), its words, whether it must be there."""

    kind: str
    words: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class Field:
    """Where one field of an event comes from: a constant, a template or one column."""

    name: str
    of: ContractField
    keys: Keys  # where it stands in the mapping
    constant: Any = None
    template: str = ""
    columns: tuple[str, ...] = ()
    scale: float = 1.0
    sign: str = "positive"
    unit: str = "ms"
    base_ms: int = 0
    zone: str = "UTC"
    delay_ms: int = 0
    words: Mapping[str, Any] | None = None
    other: str | None = None


def contract_fields(event_type: str) -> dict[str, ContractField]:
    """The fields of an event type that a mapping can fill."""
    info = msgspec.inspect.type_info(STRUCTS[event_type])
    assert isinstance(info, msgspec.inspect.StructType)
    found = {}
    for field in info.fields:
        kind, words = _kind(field.name, field.type)
        if kind != "list":
            found[field.name] = ContractField(kind, words, field.required)
    return found


def _kind(name: str, kind: msgspec.inspect.Type) -> tuple[str, tuple[str, ...]]:
    """A field's kind and words, by its type and, for integers, its name."""
    inspect = msgspec.inspect
    if isinstance(kind, inspect.UnionType):
        kind = next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.LiteralType):
        return "word", tuple(str(value) for value in kind.values)
    if isinstance(kind, inspect.IntType):
        if name.endswith("_minor"):
            return "money", ()
        return ("time" if name.endswith(("_at", "_until")) else "integer"), ()
    names = ((inspect.BoolType, "flag"), (inspect.FloatType, "number"), (inspect.StrType, "text"))
    return next((word for each, word in names if isinstance(kind, each)), "list"), ()


def read_field(fields: Section, name: str, of: ContractField) -> Field:
    """Where a field comes from."""
    keys, value = (*fields.keys, name), fields.table[name]
    if isinstance(value, dict):
        return _from_table(Section(fields.file, keys, value), name, of)
    if isinstance(value, str) and (columns := tuple(_COLUMN.findall(value))):
        if of.kind != "text":
            cure = 'write { column = "..." }'
            raise fields.error(name, f"is a {of.kind}, and only text can be put together: {cure}")
        return Field(name, of, keys, template=value, columns=columns)
    _check_constant(fields, name, value, of)
    return Field(name, of, keys, constant=value)


def _check_constant(section: Section, key: str, value: object, of: ContractField) -> None:
    """A constant must be of the field's kind; its bounds are the decoder's to check."""
    wanted: dict[str, tuple[type, ...]] = {"flag": (bool,), "number": (int, float)}
    kinds = (str,) if of.kind in ("text", "word") else wanted.get(of.kind, (int,))
    if not isinstance(value, kinds) or (isinstance(value, bool) and of.kind != "flag"):
        raise section.error(key, f"must be a {of.kind}, found {kind_of(value)}")
    if of.words and value not in of.words:
        raise section.error(key, f'unknown word "{value}"', nearest_name(str(value), of.words))


def _from_table(section: Section, name: str, of: ContractField) -> Field:
    """A field from `{ column = ... }` or `{ time = ... }`."""
    if of.kind == "time" and section.has("time"):
        section.only(("time", "delay"))
        at = _time(section, "time") + _delay(section)
        return Field(name, of, section.keys, constant=at)
    section.only(("column", *(("time",) if of.kind == "time" else ()), *OPTIONS[of.kind]))
    zone = section.text("zone", "UTC")
    unit = section.choice("unit", (*UNITS_MS, "iso")) if of.kind == "time" else "ms"
    if section.has("base") and unit == "iso":
        raise section.error("base", "says from when to count, and an iso time does not count")
    return Field(
        name=name,
        of=of,
        keys=section.keys,
        columns=(section.text("column"),),
        scale=section.number("scale", 1e-9, 1e9, 1.0),
        sign=section.choice("sign", SIGNS, "positive"),
        unit=unit,
        base_ms=_time(section, "base") if section.has("base") else 0,
        zone=_checked_zone(section, zone),
        delay_ms=_delay(section),
        words=_words(section, of),
        other=section.choice("other", of.words) if of.words and section.has("other")
        else section.text("other", None),
    )  # fmt: skip


def _words(section: Section, of: ContractField) -> Mapping[str, Any] | None:
    """The enumeration: source value → word of the contract."""
    words = section.section("words")
    if words is None:
        if section.has("other"):
            raise section.error("other", 'needs "words" beside it')
        return None
    for key in words.table:
        if of.kind == "flag":
            words.flag(key)
        elif of.words:
            words.choice(key, of.words)
        else:
            words.text(key)
    return words.table


def _time(section: Section, key: str) -> int:
    """Epoch milliseconds of a time written in the mapping."""
    try:
        return time_ms(section.text(key))
    except Fault as error:
        raise section.error(key, "is no time: write ISO 8601, as 2026-01-01T00:00:00Z") from error


def _delay(section: Section) -> int:
    """Milliseconds of `delay`."""
    text = section.text("delay", "0s")
    delay = duration_ms(text)
    if delay is None:
        raise section.error("delay", 'is no duration, such as "90s", "2h", "7d" or "-3d"')
    return delay


def _checked_zone(section: Section, zone: str) -> str:
    """The name of a time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = "is no time zone, such as Asia/Shanghai"
        raise section.error("zone", message) from error
    return zone
