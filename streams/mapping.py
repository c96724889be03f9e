"""The mapping file: how rows of another system's log become contract events.

    [mapping]
    name = "my-loans"
    format = "csv"              # csv | parquet | jsonl; left out: by the file's ending
    separator = ";"             # of a csv; left out: a comma

    [repeat]                    # optional: event blocks told once for each of these
    month = [{ name = "2005-08", status = "X7" }, { name = "2005-09", status = "X6" }]

    [[event]]                   # one kind of event; a row may become several
    type = "disbursement"
    where = { KIND = ["CASH", "CARD"], AMOUNT = { above = 0 } }     # all must hold; none: every row
    [event.fields]
    event_id = "loan-{ID}"                                    # text, with columns in braces
    account_id = { column = "CUSTOMER" }
    occurred_at = { column = "HOUR", unit = "h", base = "2026-01-01T00:00:00Z" }
    amount_minor = { column = "AMOUNT", scale = 100, sign = "absolute" }
    currency = "CNY"                                          # a constant
    status = { column = "STATE", words = { "2" = "paid", "9" = "rejected" }, other = "requested" }

    [[event]]                   # a label: what turned out to be fraud, known a week later
    type = "disposition"
    where = { FRAUD = 1 }
    [event.fields]
    event_id = "label-{ID}"
    account_id = { column = "CUSTOMER" }
    occurred_at = { column = "HOUR", unit = "h", base = "2026-01-01T00:00:00Z", delay = "7d" }
    target_event_id = "loan-{ID}"
    disposition = "confirmed_fraud"

An event block with `for = "month"` is read once for each entry of `repeat.month`, its `<status>`
replaced by that entry's. Fields are those of the contract. A time is `column` with `unit` (`s` `ms`
`us` `min` `h` `d` counted from `base`, or `iso`, with `zone` where the text tells none), or `time`,
a constant; either takes `delay`. `sign`: `positive` (default), `negative` (turned round) or
`absolute`. Whatever the file leaves open is an error that names file, line, field and cure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from detector.schema import STRUCTS
from detector.toml_file import ConfigError, Keys, TomlFile, nearest_name
from detector.toml_section import Section, duration_ms, kind_of
from streams.faults import Fault
from streams.times import time_ms

FORMATS: Final = ("csv", "parquet", "jsonl")
UNITS_MS: Final = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SIGNS: Final = ("positive", "negative", "absolute")
OPERATORS: Final = ("above", "at_least", "below", "at_most", "not")
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
_ENTRY: Final = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>")


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


@dataclass(frozen=True, slots=True)
class Condition:
    """What a row's column must be: `operator` of OPERATORS, or `in`."""

    column: str
    operator: str
    values: tuple[Any, ...]
    keys: Keys


@dataclass(frozen=True, slots=True)
class EventMap:
    """One event block: rows that meet all conditions become an event of these fields."""

    type: str
    where: tuple[Condition, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class LogMapping:
    """A whole mapping file."""

    file: TomlFile
    name: str
    format: str | None
    separator: str
    events: tuple[EventMap, ...]

    @property
    def columns(self) -> dict[str, Keys]:
        """Every source column that is read, and where the mapping first names it."""
        found: dict[str, Keys] = {}
        for event in self.events:
            for condition in event.where:
                found.setdefault(condition.column, condition.keys)
            for field in event.fields:
                for column in field.columns:
                    found.setdefault(column, field.keys)
        return found


def load_mapping(path: Path) -> LogMapping:
    """Reads and checks a mapping. Raises MappingError."""
    file = TomlFile.read(path, MappingError)
    top = Section(file, (), file.tree)
    top.only(("mapping", "repeat", "event"))
    head = top.section("mapping")
    if head is None:
        raise top.error("", 'lacks the table [mapping], with at least a "name"')
    head.only(("name", "source", "licence", "format", "separator"))
    for key in ("source", "licence"):
        head.text(key, "")
    separator = head.text("separator", ",")
    if len(separator.encode()) != 1:
        raise head.error("separator", "must be one character of ASCII")
    return LogMapping(
        file=file,
        name=head.text("name"),
        format=head.choice("format", FORMATS) if head.has("format") else None,
        separator=separator,
        events=tuple(_events(top)),
    )


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


def _events(top: Section) -> Iterator[EventMap]:
    """Every event block, once for each entry that it repeats over."""
    repeats = _repeats(top)
    blocks = list(top.sections("event"))
    if not blocks:
        raise top.error("", "lacks [[event]]: what the rows become")
    for block in blocks:
        block.only(("type", "for", "where", "fields"))
        if not block.has("for"):
            yield _event(block)
            continue
        for entry in repeats[block.choice("for", repeats)]:
            yield _event(Section(block.file, block.keys, _filled(block, block.table, entry)))


def _repeats(top: Section) -> dict[str, list[Mapping[str, str]]]:
    """The lists of entries by name."""
    section, found = top.section("repeat"), {}
    for name in section.table if section else ():
        assert section is not None
        entries = []
        for entry in section.sections(name):
            for key in entry.table:
                entry.text(key)
            entries.append(entry.table)
        found[name] = entries
    return found


def _filled(block: Section, value: Any, entry: Mapping[str, str]) -> Any:
    """A copy of a block with `<name>` replaced by the entry's, in keys and texts."""
    if isinstance(value, dict):
        items = value.items()
        return {_filled(block, k, entry): _filled(block, v, entry) for k, v in items}
    if isinstance(value, list):
        return [_filled(block, each, entry) for each in value]
    if not isinstance(value, str):
        return value
    for name in _ENTRY.findall(value):
        if name not in entry:
            message = f'"<{name}>" is not in the entry that it repeats over'
            raise block.error("", message, nearest_name(name, entry))
    return _ENTRY.sub(lambda found: entry[found[1]], value)


def _event(block: Section) -> EventMap:
    """One block, checked against the contract."""
    event_type = block.choice("type", tuple(STRUCTS))
    known = contract_fields(event_type)
    fields = block.section("fields")
    if fields is None:
        raise block.error("", "lacks the table [event.fields]")
    fields.only(known)
    for name, field in known.items():
        if field.required and not fields.has(name):
            raise fields.error("", f'lacks "{name}", which the contract requires of {event_type}')
    return EventMap(
        type=event_type,
        where=tuple(_conditions(block)),
        fields=tuple(_field(fields, name, known[name]) for name in known if fields.has(name)),
    )


def _conditions(block: Section) -> Iterator[Condition]:
    """What a row must meet."""
    section = block.section("where")
    for column in section.table if section else ():
        assert section is not None
        keys, value = (*section.keys, column), section.table[column]
        if isinstance(value, dict):
            operators = Section(section.file, keys, value)
            operators.only(OPERATORS)
            for operator, limit in value.items():
                _check_scalar(operators, operator, limit, operator == "not")
                yield Condition(column, operator, (limit,), keys)
            continue
        values = value if isinstance(value, list) else [value]
        for each in values:
            _check_scalar(section, column, each, True)
        yield Condition(column, "in", tuple(values), keys)


def _check_scalar(section: Section, key: str, value: object, text_too: bool) -> None:
    """Refuses what no column can be compared with."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        message = f"must be a number or text, found {kind_of(value)}"
        raise section.error(key, message + " (write true and false as text)")
    if isinstance(value, str) and not text_too:
        raise section.error(key, "must be a number: texts are not ordered")


def _field(fields: Section, name: str, of: ContractField) -> Field:
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
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = "is no time zone, such as Asia/Shanghai"
        raise section.error("zone", message) from error
    return zone


def unknown_column(mapping: LogMapping, column: str, there: Collection[str]) -> MappingError:
    """The error for a column that the source does not have."""
    keys = mapping.columns[column]
    nearest = nearest_name(column, there)
    error = mapping.file.error(keys, f'the source has no column "{column}"', nearest)
    assert isinstance(error, MappingError)
    return error
