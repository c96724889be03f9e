"""A TOML file of settings with the line of every key, and the errors that name them.

`tomllib` keeps no positions, so a second, lenient pass over the (already valid) text notes the line
on which each key, table and array element begins. Errors are one line: file, line, field, what is
wrong, and the nearest right name where there is one.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Keys = tuple[str | int, ...]  # ("rule", 0, "when"): the first [[rule]]'s `when`

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[A-Za-z0-9_-]+")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL
)
_BARE: Final = re.compile(r"[^,\]}\n#]*")
_AT_LINE: Final = re.compile(r"^(.*?) ?\(at (?:line (\d+), column \d+|end of document)\)$")


class ConfigError(ValueError):
    """A settings file that is refused; `str()` is one line fit for a person.

    `file`, `line` (from 1), `field` ("" where the whole file is meant), `message`, and `nearest`:
    the right name that is closest to the wrong one, or None.
    """

    def __init__(
        self, file: str, line: int, field: str, message: str, nearest: str | None = None
    ) -> None:
        self.file, self.line, self.field = file, line, field
        self.message, self.nearest = message, nearest
        where = f"{file}:{line}: " + (f"{field}: " if field else "")
        hint = f' (nearest: "{nearest}")' if nearest is not None else ""
        super().__init__(f"{where}{message}{hint}")


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """The name most like `name`, or None where none is at all like it."""
    found = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.6)
    return found[0] if found else None


def field_name(keys: Keys) -> str:
    """`rule[2].when` of ("rule", 1, "when"): people count from one."""
    text = ""
    for key in keys:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{key}" if text else key
    return text


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: file and line."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class TomlFile:
    """One file read: its tree, its text, the line of each key, and the error it raises."""

    name: str
    text: str
    tree: Mapping[str, Any]
    lines: Mapping[Keys, int]
    error_type: type[ConfigError]

    @classmethod
    def read(cls, path: Path, error_type: type[ConfigError]) -> TomlFile:
        """Read a file; `error_type` where it cannot be read or is not TOML."""
        try:
            text = path.read_bytes().decode("utf-8")
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise error_type(str(path), 1, "", f"cannot be read: {reason}") from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise error_type(str(path), line, "", "is not UTF-8") from error
        return cls.parse(str(path), text, error_type)

    @classmethod
    def parse(cls, name: str, text: str, error_type: type[ConfigError]) -> TomlFile:
        """The file of this name with this text."""
        try:
            tree = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _AT_LINE.match(str(error))
            last = text.rstrip("\n").count("\n") + 1
            line = int(found[2]) if found and found[2] else last
            said = found[1] if found else str(error)
            raise error_type(name, line, "", f"is not TOML: {said}") from error
        except RecursionError as error:
            raise error_type(name, 1, "", "is nested too deeply") from error
        return cls(name, text, tree, _Lines(text).lines, error_type)

    def line_of(self, keys: Keys) -> int:
        """The line of a key, or of the nearest table around it."""
        for length in range(len(keys), 0, -1):
            if (line := self.lines.get(keys[:length])) is not None:
                return line
        return 1

    def place(self, keys: Keys) -> Place:
        """File and line of a key."""
        return Place(self.name, self.line_of(keys))

    def error(self, keys: Keys, message: str, nearest: str | None = None) -> ConfigError:
        """The error to raise about a key."""
        line = self.line_of(keys)
        return self.error_type(self.name, line, field_name(keys), message, nearest)


class _Lines:
    """The second pass: walks valid TOML and notes where each key begins."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1
        self.lines: dict[Keys, int] = {}
        self._counts: dict[Keys, int] = {}  # tables so far of an array of tables
        prefix: Keys = ()
        self._take(_SPACE)
        while self.at < len(self.text):
            prefix = self._header() if self.text[self.at] == "[" else self._pair(prefix)
            self._take(_SPACE)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        self.line += found[0].count("\n")
        return found[0]

    def _skip(self, mark: str) -> bool:
        self._take(_SPACE)
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def _note(self, keys: Keys) -> None:
        self.lines.setdefault(keys, self.line)

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._take(_SPACE)
            word = self._take(_KEY)
            parts.append(word.strip("\"'"))
            if not self._skip("."):
                return parts

    def _header(self) -> Keys:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        keys: Keys = ()
        parts = self._key()
        for index, part in enumerate(parts):
            keys = (*keys, part)
            if many and index == len(parts) - 1:
                self._counts[keys] = self._counts.get(keys, -1) + 1
            if keys in self._counts:
                self._note(keys)
                keys = (*keys, self._counts[keys])
            self._note(keys)
        self._skip("]]" if many else "]")
        return keys

    def _pair(self, prefix: Keys) -> Keys:
        keys = prefix
        for part in self._key():
            keys = (*keys, part)
            self._note(keys)
        if not self._skip("="):
            self.at = len(self.text)  # not TOML after all: stop rather than loop
            return prefix
        self._value(keys)
        return prefix

    def _value(self, keys: Keys) -> None:
        self._take(_SPACE)
        if self._skip("["):
            self._elements(keys)
        elif self._skip("{"):
            while not self._skip("}") and self.at < len(self.text):
                self._pair(keys)
                self._skip(",")
        elif not self._take(_STRING):
            self._take(_BARE)

    def _elements(self, keys: Keys) -> None:
        index = 0
        while not self._skip("]") and self.at < len(self.text):
            self._note((*keys, index))
            self._value((*keys, index))
            self._skip(",")
            index += 1
