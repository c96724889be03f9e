"""One table of a settings file, read key by key with types, ranges and right names.

Every reader raises the file's own error, which names file, line, field and, for a wrong name, the
nearest right one. A key without a default is compulsory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeVar, cast

from detector.toml_file import ConfigError, Keys, TomlFile, nearest_name

UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(-?)((?:\d{1,9}(?:ms|s|m|h|d))+)")
_PART: Final = re.compile(r"(\d+)(ms|s|m|h|d)")
_KINDS: Final = (
    (bool, "true or false"), (int, "an integer"), (float, "a number with a point"), (str, "text"),
    (list, "a list"), (dict, "a table"),
)  # fmt: skip
Default = TypeVar("Default")
_NEEDED: Final = object()


def duration_ms(text: str) -> int | None:
    """Milliseconds of "90s", "12m1s", "-3d", "250ms"; None where it is no duration."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    total = sum(int(number) * UNITS_MS[unit] for number, unit in _PART.findall(found[2]))
    return -total if found[1] else total


def kind_of(value: object) -> str:
    """What a TOML value is, for a message: never the value itself."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "a date or time")


class Section:
    """A table at `keys` of `file`."""

    def __init__(self, file: TomlFile, keys: Keys, table: Mapping[str, Any]) -> None:
        self.file, self.keys, self.table = file, keys, table

    @property
    def line(self) -> int:
        """The line on which the table begins."""
        return self.file.line_of(self.keys)

    def error(self, key: str | int, message: str, nearest: str | None = None) -> ConfigError:
        """The error to raise about one key of this table."""
        keys = self.keys if key == "" else (*self.keys, key)
        return self.file.error(keys, message, nearest)

    def only(self, allowed: Collection[str]) -> None:
        """Refuse any key that is not one of these."""
        for key in self.table:
            if key not in allowed:
                raise self.error(key, "unknown key", nearest_name(key, allowed))

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.table

    def _get(self, key: str, default: object) -> Any:
        if key in self.table:
            return self.table[key]
        if default is _NEEDED:
            raise self.error("", f'lacks "{key}"')
        return default

    def _wrong(self, key: str | int, wanted: str, value: object) -> ConfigError:
        return self.error(key, f"must be {wanted}, found {kind_of(value)}")

    def text(self, key: str, default: Default | object = _NEEDED) -> str | Default:
        """Text that is not empty (a default may be)."""
        value = self._get(key, default)
        if key not in self.table:
            return cast(Default, value)
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        if not value.strip() and value != default:
            raise self.error(key, "must not be empty")
        return value

    def flag(self, key: str, default: bool | object = _NEEDED) -> bool:
        """True or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def number(
        self, key: str, low: float, high: float, default: Default | object = _NEEDED
    ) -> float | Default:
        """A finite number from low to high."""
        value = self._get(key, default)
        if key not in self.table:
            return cast(Default, value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number", value)
        if not (math.isfinite(value) and low <= value <= high):
            raise self.error(key, f"must be from {low:g} to {high:g}")
        return float(value)

    def integer(self, key: str, low: int, high: int) -> int:
        """An integer from low to high."""
        value = self._get(key, _NEEDED)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "an integer", value)
        if not low <= value <= high:
            raise self.error(key, f"must be from {low} to {high}")
        return value

    def choice(self, key: str, allowed: Collection[str], default: str | object = _NEEDED) -> str:
        """One of the allowed words."""
        value = self._get(key, default)
        if key not in self.table:
            return cast(str, value)
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        if value not in allowed:
            raise self.error(key, f'unknown word "{value}"', nearest_name(value, allowed))
        return value

    def texts(self, key: str, default: tuple[str, ...] | object = _NEEDED) -> tuple[str, ...]:
        """A list of texts, none twice."""
        values = self._get(key, default)
        if key not in self.table:
            return cast(tuple[str, ...], values)
        if not isinstance(values, list):
            raise self._wrong(key, "a list of texts", values)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.error(key, f"entry {index + 1} must be text, found {kind_of(value)}")
            if value in values[:index]:
                raise self.error(key, f'"{value}" is there twice')
        return tuple(values)

    def words(
        self, key: str, allowed: Collection[str], default: tuple[str, ...] | object = _NEEDED
    ) -> tuple[str, ...]:
        """A list of allowed words, none twice, in the order written."""
        values = self.texts(key, default)
        for value in values:
            if value not in allowed:
                raise self.error(key, f'unknown word "{value}"', nearest_name(value, allowed))
        return values

    def section(self, key: str) -> Section | None:
        """The table under a key, or None where it is not there."""
        if key not in self.table:
            return None
        value = self.table[key]
        if not isinstance(value, dict):
            raise self._wrong(key, "a table", value)
        return Section(self.file, (*self.keys, key), value)

    def sections(self, key: str) -> Iterator[Section]:
        """The tables of an array of tables."""
        value = self.table.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"must be an array of tables, [[{key}]], found {kind_of(value)}")
        for index, table in enumerate(value):
            if not isinstance(table, dict):
                raise self.error(key, f"entry {index + 1} must be a table, found {kind_of(table)}")
            yield Section(self.file, (*self.keys, key, index), table)

    def flat(self) -> Iterator[tuple[str, Keys, Any]]:
        """Dotted name, keys and value of every entry: `a.b = 1` and `"a.b" = 1` are the same."""
        yield from _flat(self.table, self.keys, "")


def _flat(table: Mapping[str, Any], keys: Keys, name: str) -> Iterator[tuple[str, Keys, Any]]:
    for key, value in table.items():
        full = f"{name}.{key}" if name else key
        if isinstance(value, dict):
            yield from _flat(value, (*keys, key), full)
        else:
            yield full, (*keys, key), value


def parameter_value(file: TomlFile, keys: Keys, value: object) -> tuple[float, bool]:
    """A parameter's number, and whether it was written as a duration (then it is in ms)."""
    if isinstance(value, str):
        span_ms = duration_ms(value)
        if span_ms is None:
            raise file.error(keys, 'is no duration, such as "90s", "30m", "2h" or "7d"')
        return float(span_ms), True
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise file.error(keys, f"must be a number or a duration, found {kind_of(value)}")
    if not math.isfinite(value) or abs(value) > 1e18:
        raise file.error(keys, "must be a finite number of at most 1e18")
    return float(value), False
