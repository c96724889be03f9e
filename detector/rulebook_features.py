"""A rulebook file's [[feature]] tables, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from detector.catalogue import (
    AGGREGATES,
    AMOUNTS,
    ENTITIES,
    EVENT_WORDS,
    FIELDS_OF,
    IDS,
    KEPT_AT,
    PRIVATE_WORDS,
    PURPOSES,
    STANDING_SUFFIX,
    TYPES_AT,
    Aggregate,
    FeatureSpec,
)  # fmt: skip
from detector.events import PAYEE_KINDS, PAYEE_OWNERS, SIGNALS, TYPES
from detector.expression_syntax import parse_amount
from detector.expression_tree import ExpressionError, Scope, constant
from detector.features import methods_of
from detector.rulebook_sections import check_name, read_span
from detector.toml_file import nearest_name
from detector.toml_section import Section, kind_of

IDS_MAX: Final = 4  # in one condition of a feature
_CONDITIONS: Final = ("same", "same_any", "agree", "differ")
_FILTERS: Final = (
    *_CONDITIONS, "payee_owner", "payee_kind", "first_to_payee", "signals", "methods",
    "amount_from", "amount_below", "since", "until", "before",
)  # fmt: skip
_OF_ENTRIES: Final = ("events", *_FILTERS, "whole", "absent")
FEATURE_KEYS: Final = (
    "name", "entity", "on", "aggregate", "of", "span", "over_km", "optional", "purpose", "text",
    "text_zh", *_OF_ENTRIES,
)  # fmt: skip
_TAKEN: Final = frozenset(name for fields in FIELDS_OF.values() for name in fields)


def read_feature(section: Section, parameters: Mapping[str, float]) -> FeatureSpec:
    """One [[feature]]. What it says of another feature is checked by `check_anchor`."""
    section.only(FEATURE_KEYS)
    name = section.choice("aggregate", AGGREGATES)
    aggregate = AGGREGATES[name]
    entity = _entity(section, name, aggregate)
    _check_keys(section, name, aggregate)
    feature = FeatureSpec(
        name=_feature_name(section),
        entity=entity,
        on=_on(section, entity),
        aggregate=name,
        of=_of(section, name, aggregate, entity),
        events=section.words("events", EVENT_WORDS) if aggregate.entries else (),
        span_ms=_span(section, name, aggregate, parameters),
        **_filters(section, entity, parameters),
        over_km=_constant(section, "over_km", parameters),
        whole=section.flag("whole", False),
        absent=section.number("absent", -1e15, 1e15, cast("float | None", None)),
        optional=section.flag("optional", False),
        purpose=section.choice("purpose", PURPOSES),
        text=section.text("text"),
        text_zh=section.text("text_zh"),
        file=section.file.name,
        line=section.line,
    )
    if feature.absent is not None and not (feature.same or feature.until):
        raise section.error("absent", "means nothing without same or until")
    _check_purpose(section, feature)
    return feature


def check_anchor(
    section: Section, feature: FeatureSpec, features: Mapping[str, FeatureSpec]
) -> None:
    """Refuse a `since` or `until` that names no age which is read before it, at the same events."""
    key = "since" if feature.since else "until"
    if not feature.anchor:
        return
    anchor = features.get(feature.anchor)
    if anchor is None:
        nearest = nearest_name(feature.anchor, features)
        raise section.error(key, f'unknown feature "{feature.anchor}"', nearest)
    if anchor.aggregate not in ("age_of_first", "age_of_last") or anchor.anchor:
        raise section.error(key, f'"{anchor.name}" is no age_of_first or age_of_last of its own')
    if anchor.entity != feature.entity or not set(feature.on) <= set(anchor.on):
        raise section.error(key, f'"{anchor.name}" is not read at the same events and stage')


def _entity(section: Section, name: str, aggregate: Aggregate) -> str:
    entity = section.choice("entity", ENTITIES)
    if entity not in aggregate.stages:
        where = " or ".join(aggregate.stages)
        raise section.error("entity", f'"{name}" is read at the {where}')
    return entity


def _check_keys(section: Section, name: str, aggregate: Aggregate) -> None:
    """Refuse keys that mean nothing to this aggregate."""
    travels = name == "travel_kmh"
    foreign = () if aggregate.entries else _OF_ENTRIES
    for key in (*foreign, *(_FILTERS if travels else ("over_km",))):
        if section.has(key):
            raise section.error(key, f'means nothing to "{name}"')
    if travels and not section.has("over_km"):
        raise section.error("", 'lacks "over_km"')
    if travels and section.table.get("events") != ["login_success"]:
        raise section.error("events", 'must be ["login_success"]')
    if section.has("since") and section.has("until"):
        raise section.error("until", "stands beside since: give one of the two")


def _on(section: Section, entity: str) -> tuple[str, ...]:
    on = section.words("on", TYPES)
    for event_type in on:
        if event_type not in TYPES_AT[entity]:
            raise section.error("on", f'"{event_type}" does not reach the {entity} stage')
    if not on:
        raise section.error("on", "must name an event type")
    return on


def _filters(section: Section, entity: str, parameters: Mapping[str, float]) -> dict[str, Any]:
    """Which entries count, beside their kind and the span."""
    conditions = {key: _ids(section, key, entity) for key in _CONDITIONS}
    return {
        **conditions,
        "payee_owner": section.words("payee_owner", [name for name in PAYEE_OWNERS if name], ()),
        "payee_kind": section.words("payee_kind", [name for name in PAYEE_KINDS if name], ()),
        "first_to_payee": section.flag("first_to_payee", False),
        "signals": section.words("signals", SIGNALS, ()),
        "methods": _methods(section),
        "amount_from": _constant(section, "amount_from", parameters),
        "amount_below": _constant(section, "amount_below", parameters),
        "since": section.text("since") if section.has("since") else "",
        "until": section.text("until") if section.has("until") else "",
        "before": section.flag("before", False),
    }


def _methods(section: Section) -> tuple[str, ...]:
    if not section.has("methods"):
        return ()
    known = methods_of(section.words("events", EVENT_WORDS))
    if not known:
        raise section.error("methods", "needs events that are all log-ins or all verifications")
    return section.words("methods", known)


def _constant(section: Section, key: str, parameters: Mapping[str, float]) -> float | None:
    """A number, or an expression over parameters alone."""
    value = section.table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise section.error(key, f"must be an expression or a number, found {kind_of(value)}")
    try:
        return constant(parse_amount(str(value), Scope({}, parameters)))
    except ExpressionError as error:
        raise section.error(key, error.message, error.nearest) from error


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
