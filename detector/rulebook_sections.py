"""A rulebook file's [typology], [parameters] and [[feature]] tables, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from detector.catalogue import (
    ACTIONS,
    AGGREGATES,
    AMOUNTS,
    ENTITIES,
    EVENT_WORDS,
    FAMILIES,
    FIELDS_OF,
    IDS,
    KEPT_AT,
    OBLIGATION_NAMES,
    PRIVATE_WORDS,
    PURPOSES,
    SEVERITIES,
    STANDING_SUFFIX,
    TYPES_AT,
    TYPOLOGY_KINDS,
    Aggregate,
    FeatureSpec,
)  # fmt: skip
from detector.events import PAYEE_KINDS, PAYEE_OWNERS, SIGNALS, TYPES
from detector.rules import Typology
from detector.texts import names_in
from detector.toml_file import ConfigError, nearest_name
from detector.toml_section import Section, duration_ms, kind_of, parameter_value

SPAN_MAX_MS: Final = 3650 * 86_400_000
IDS_MAX: Final = 4  # in one condition of a feature
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
_OBLIGATION_KEYS: Final = ("severity", "actions", "text", "text_zh")


def read_typology(top: Section, parameters: Mapping[str, float]) -> Typology:
    """The file's typology, named as the file is."""
    section = top.section("typology")
    if section is None:
        raise top.error("", 'lacks "[typology]"')
    kind = section.choice("kind", TYPOLOGY_KINDS, "rules")
    own = kind == "obligation"
    section.only([*_TYPOLOGY_KEYS, *(_OBLIGATION_KEYS if own else ())])
    name, stem = section.text("name"), Path(top.file.name).stem
    if name != stem:
        raise section.error("name", f'"{name}" is not the name of the file', stem)
    entity = section.choice("entity", ENTITIES)
    entities = section.words("entities", ENTITIES, (entity,))
    if entity not in entities:
        raise section.error("entities", f'lacks the "{entity}" of entity')
    if own:
        for key in ("text", "text_zh"):
            names_in(section, key, OBLIGATION_NAMES, 1)
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
        text=section.text("text") if own else "",
        text_zh=section.text("text_zh") if own else "",
        file=section.file.name,
        line=section.line,
    )


def _needed_span(section: Section, key: str, parameters: Mapping[str, float]) -> int:
    if not section.has(key):
        raise section.error("", f'lacks "{key}"')
    return read_span(section, key, parameters)


_CONDITIONS: Final = ("same", "same_any", "agree", "differ")
_OF_ENTRIES: Final = (
    "events", *_CONDITIONS, "payee_owner", "payee_kind", "first_to_payee", "signals", "before",
    "whole", "absent",
)  # fmt: skip
_FEATURE_KEYS: Final = (
    "name", "entity", "on", "aggregate", "of", "span", "optional", "purpose", "text", "text_zh",
    *_OF_ENTRIES,
)  # fmt: skip
_TAKEN: Final = frozenset(name for fields in FIELDS_OF.values() for name in fields)


def read_feature(section: Section, parameters: Mapping[str, float]) -> FeatureSpec:
    """One [[feature]]."""
    section.only(_FEATURE_KEYS)
    aggregate_name = section.choice("aggregate", AGGREGATES)
    aggregate = AGGREGATES[aggregate_name]
    entity = section.choice("entity", ENTITIES)
    if entity not in aggregate.stages:
        where = " or ".join(aggregate.stages)
        raise section.error("entity", f'"{aggregate_name}" is read at the {where}')
    if not aggregate.entries:
        for key in _OF_ENTRIES:
            if section.has(key):
                raise section.error(key, f'means nothing to "{aggregate_name}"')
    on = section.words("on", TYPES)
    for event_type in on:
        if event_type not in TYPES_AT[entity]:
            raise section.error("on", f'"{event_type}" does not reach the {entity} stage')
    if not on:
        raise section.error("on", "must name an event type")
    conditions = {key: _ids(section, key, entity) for key in _CONDITIONS}
    if section.has("absent") and not conditions["same"]:
        raise section.error("absent", "means nothing without same")
    feature = FeatureSpec(
        name=_feature_name(section),
        entity=entity,
        on=on,
        aggregate=aggregate_name,
        of=_of(section, aggregate_name, aggregate, entity),
        events=section.words("events", EVENT_WORDS) if aggregate.entries else (),
        span_ms=_span(section, aggregate_name, aggregate, parameters),
        **conditions,
        payee_owner=section.words("payee_owner", [name for name in PAYEE_OWNERS if name], ()),
        payee_kind=section.words("payee_kind", [name for name in PAYEE_KINDS if name], ()),
        first_to_payee=section.flag("first_to_payee", False),
        signals=section.words("signals", SIGNALS, ()),
        before=section.flag("before", False),
        whole=section.flag("whole", False),
        absent=section.number("absent", -1e15, 1e15, cast("float | None", None)),
        optional=section.flag("optional", False),
        purpose=section.choice("purpose", PURPOSES),
        text=section.text("text"),
        text_zh=section.text("text_zh"),
        file=section.file.name,
        line=section.line,
    )
    _check_purpose(section, feature)
    return feature


def _feature_name(section: Section) -> str:
    name = check_name(section, "name", section.text("name"))
    if name in _TAKEN or name.endswith(STANDING_SUFFIX):
        raise section.error("name", f'"{name}" is the name of an event\'s own column')
    return name


def _of(section: Section, name: str, aggregate: Aggregate, entity: str) -> str | None:
    if not aggregate.of:
        if section.has("of"):
            raise section.error("of", f'means nothing to "{name}"')
        return None
    of = section.choice("of", aggregate.of)
    if aggregate.entries and of in (*IDS, *AMOUNTS) and of not in KEPT_AT[entity]:
        raise section.error("of", f'"{of}" is not kept at the {entity} stage')
    return of


def _span(
    section: Section, name: str, aggregate: Aggregate, parameters: Mapping[str, float]
) -> int | None:
    if section.has("span"):
        if aggregate.span == "none":
            raise section.error("span", f'means nothing to "{name}"')
        return read_span(section, "span", parameters)
    if aggregate.span == "needed":
        raise section.error("", 'lacks "span"')
    return None


def _ids(section: Section, key: str, entity: str) -> tuple[str, ...]:
    names = section.words(key, IDS, ())
    if len(names) > IDS_MAX:
        raise section.error(key, f"may name at most {IDS_MAX}")
    for name in names:
        if name not in KEPT_AT[entity]:
            raise section.error(key, f'"{name}" is not kept at the {entity} stage')
    return names


def _check_purpose(section: Section, feature: FeatureSpec) -> None:
    if feature.purpose != "repayment" or not feature.rests_on_device:
        return
    private = {"entity": (feature.entity,), "of": (feature.of,), "signals": feature.signals}
    private |= {key: getattr(feature, key) for key in _CONDITIONS}
    key = next(
        key for key, names in private.items()
        if (key == "signals" and names) or PRIVATE_WORDS & set(names)
    )  # fmt: skip
    raise section.error(
        key, 'purpose "repayment" may not rest on device, network, session or signals'
    )
