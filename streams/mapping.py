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

from detector.schema import STRUCTS
from detector.toml_file import Keys, TomlFile, nearest_name
from detector.toml_section import Section, kind_of
from streams.mapping_fields import Field, MappingError, contract_fields, read_field

FORMATS: Final = ("csv", "parquet", "jsonl")
OPERATORS: Final = ("above", "at_least", "below", "at_most", "not")
_ENTRY: Final = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>")


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
        fields=tuple(read_field(fields, name, known[name]) for name in known if fields.has(name)),
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


def unknown_column(mapping: LogMapping, column: str, there: Collection[str]) -> MappingError:
    """The error for a column that the source does not have."""
    keys = mapping.columns[column]
    nearest = nearest_name(column, there)
    error = mapping.file.error(keys, f'the source has no column "{column}"', nearest)
    assert isinstance(error, MappingError)
    return error
