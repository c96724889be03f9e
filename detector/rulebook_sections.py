"""A rulebook file's [typology] and [parameters] tables, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detector.catalogue import (
    ACTIONS,
    ENTITIES,
    FAMILIES,
    OWN_NAMES,
    PURPOSES,
    SEVERITIES,
    TYPOLOGY_KINDS,
    WATCHED_ENTITIES,
)  # fmt: skip
from detector.rules import Typology
from detector.texts import names_in
from detector.toml_file import ConfigError, nearest_name
from detector.toml_section import Section, duration_ms, kind_of, parameter_value

SPAN_MAX_MS: Final = 3650 * 86_400_000
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class RulebookError(ConfigError):
    """A rulebook, or a policy that does not fit it, that is refused."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named number; a duration is in ms."""

    value: float
    is_duration: bool


def check_name(section: Section, key: str, name: str) -> str:
    """The name, if it is lower-case letters, digits and underscores."""
    if not NAME.fullmatch(name):
        raise section.error(key, "must be lower-case letters, digits and underscores")
    return name


def read_parameters(top: Section) -> dict[str, Parameter]:
    """The file's own parameters, by bare name."""
    section, found = top.section("parameters"), {}
    for name, keys, value in section.flat() if section else ():
        if not NAME.fullmatch(name):
            raise top.file.error(keys, "must be lower-case letters, digits and underscores")
        found[name] = Parameter(*parameter_value(top.file, keys, value))
    return found


def read_span(section: Section, key: str, parameters: Mapping[str, float]) -> int:
    """Milliseconds of a duration, of a `:parameter`, or of an integer."""
    value = section.table[key]
    if isinstance(value, str) and value.startswith(":"):
        if value[1:] not in parameters:
            nearest = nearest_name(value[1:], parameters)
            raise section.error(key, f'unknown parameter "{value}"', nearest and f":{nearest}")
        span_ms: int | None = round(parameters[value[1:]])
    elif isinstance(value, str):
        span_ms = duration_ms(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        span_ms = value
    else:
        raise section.error(key, f"must be a duration, found {kind_of(value)}")
    if span_ms is None:
        raise section.error(key, 'is no duration, such as "90s", "30m", "2h" or "7d"')
    if not 0 <= span_ms <= SPAN_MAX_MS:
        raise section.error(key, "must be from 0 to 3650 days")
    return span_ms


_TYPOLOGY_KEYS: Final = (
    "name", "version", "kind", "family", "entity", "entities", "purpose", "techniques", "quiet",
    "title", "title_zh", "misses",
)  # fmt: skip
_OWN_KEYS: Final = (
    "severity", "actions", "raised_severity", "raised_actions", "text", "text_zh",
)  # fmt: skip


def read_typology(top: Section, parameters: Mapping[str, float]) -> Typology:
    """The file's typology, named as the file is."""
    section = top.section("typology")
    if section is None:
        raise top.error("", 'lacks "[typology]"')
    kind = section.choice("kind", TYPOLOGY_KINDS, "rules")
    own = kind != "rules"
    section.only([*_TYPOLOGY_KEYS, *(_OWN_KEYS if own else ())])
    known = WATCHED_ENTITIES if own else ENTITIES
    name, stem = section.text("name"), Path(top.file.name).stem
    if name != stem:
        raise section.error("name", f'"{name}" is not the name of the file', stem)
    entity = section.choice("entity", known)
    entities = section.words("entities", known, (entity,))
    if entity not in entities:
        raise section.error("entities", f'lacks the "{entity}" of entity')
    if own:
        for key in ("text", "text_zh"):
            names_in(section, key, OWN_NAMES[kind], 1)
    return Typology(
        name=check_name(section, "name", name),
        version=section.integer("version", 1, 1_000_000),
        kind=kind,
        family=section.choice("family", FAMILIES),
        entity=entity,
        entities=entities,
        purpose=section.choice("purpose", PURPOSES),
        techniques=section.texts("techniques"),
        quiet_ms=_needed_span(section, "quiet", parameters),
        title=section.text("title"),
        title_zh=section.text("title_zh"),
        misses=section.text("misses"),
        severity=section.choice("severity", SEVERITIES) if own else "",
        actions=section.words("actions", ACTIONS) if own else (),
        raised_severity=_raised(section, own),
        raised_actions=section.words("raised_actions", ACTIONS, ()) if own else (),
        text=section.text("text") if own else "",
        text_zh=section.text("text_zh") if own else "",
        file=section.file.name,
        line=section.line,
    )


def _raised(section: Section, own: bool) -> str:
    """The severity of the second degree; "" where there is none."""
    if not own or not section.has("raised_severity"):
        return ""
    return section.choice("raised_severity", SEVERITIES)


def _needed_span(section: Section, key: str, parameters: Mapping[str, float]) -> int:
    if not section.has(key):
        raise section.error("", f'lacks "{key}"')
    return read_span(section, key, parameters)
