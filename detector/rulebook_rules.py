"""A rulebook file's [[rule]] tables, read and checked against everything that they may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detector.catalogue import (
    ACTIONS,
    EFFECTS,
    FIELDS_OF,
    PRIVATE_FIELDS,
    SEVERITIES,
    STANDING_SUFFIX,
    TRIGGERS,
    TYPES_AT,
    FeatureSpec,
)  # fmt: skip
from detector.expression_syntax import parse_amount, parse_condition
from detector.expression_tree import Column, ExpressionError, Node, Scope
from detector.memory import STAGES
from detector.policy import STATUSES
from detector.rulebook_sections import NAME
from detector.rules import Rule, Typology
from detector.texts import names_in
from detector.toml_section import Section, kind_of

_KEYS: Final = (
    "id", "version", "on", "entity", "when", "severity", "actions", "status", "effect",
    "budget_per_day", "observed", "normal", "threshold", "text", "text_zh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Book:
    """What is known of the whole rulebook before its rules are read."""

    features: Mapping[str, FeatureSpec]
    typologies: Mapping[str, Typology]

    def scope(self, on: str, parameters: Mapping[str, float]) -> Scope:
        """What a rule on this trigger may name."""
        event_type = TRIGGERS[on]
        columns = dict(FIELDS_OF[on])
        elsewhere = {
            name: f"is no field of {on} events"
            for fields in FIELDS_OF.values()
            for name in fields
            if name not in columns
        }
        for name, feature in self.features.items():
            if event_type in feature.on:
                columns[name] = feature.column
            else:
                elsewhere[name] = f"is not read on {event_type} events"
        for typology in self.typologies.values():
            if typology.kind == "rules":
                name = typology.name + STANDING_SUFFIX
                columns[name] = Column(name, nullable=False)
        return Scope(columns, parameters, elsewhere)


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule that is read, but whose stage may wait for the rules of other typologies."""

    section: Section
    rule: Rule  # its stage is that of its features alone

    @property
    def standing(self) -> list[str]:
        """The typologies whose newest hit it asks for."""
        return [
            name.removesuffix(STANDING_SUFFIX)
            for name in self.rule.reads
            if name.endswith(STANDING_SUFFIX)
        ]


def read_rule(
    section: Section, typology: Typology, book: Book, parameters: Mapping[str, float],
    statuses: Mapping[str, str],
) -> Draft:  # fmt: skip
    """One [[rule]] of a typology's file."""
    section.only(_KEYS)
    rule_id = _rule_id(section, typology)
    on = section.choice("on", TRIGGERS)
    scope = book.scope(on, parameters)
    when = section.text("when")
    expression = _tree(section, "when", when, scope)
    numbers = {key: _number(section, key) for key in ("observed", "normal", "threshold")}
    trees = {
        key: _tree(section, key, text, scope) if text else None for key, text in numbers.items()
    }
    observed = trees["observed"]
    if observed is None:
        raise section.error("", 'lacks "observed"')
    named = [name for key in ("text", "text_zh") for name in _names(section, key, scope)]
    reads = dict.fromkeys(expression.columns())
    for tree in trees.values():
        reads.update(dict.fromkeys(tree.columns() if tree else ()))
    reads.update(dict.fromkeys(name for name in named if name in scope.columns))
    _check_purpose(section, typology, book, list(reads))
    rule = Rule(
        id=rule_id,
        version=section.integer("version", 1, 1_000_000),
        typology=typology.name,
        entity=_entity(section, typology, on),
        on=on,
        when=when,
        severity=section.choice("severity", SEVERITIES),
        actions=_actions(section),
        status=statuses.get(rule_id, section.choice("status", STATUSES, "shadow")),
        effect=section.choice("effect", EFFECTS, "alert"),
        budget_per_day=section.integer("budget_per_day", 1, 1_000_000_000),
        **numbers,
        text=section.text("text"),
        text_zh=section.text("text_zh"),
        file=section.file.name,
        line=section.line,
        stage=_stage_of(list(reads), book.features),
        reads=tuple(reads),
        parameters=dict(parameters),
        reads_standing=any(name.endswith(STANDING_SUFFIX) for name in reads),
        expression=expression,
        observed_expression=observed,
        normal_expression=trees["normal"],
        threshold_expression=trees["threshold"],
    )
    return Draft(section, rule)


def _rule_id(section: Section, typology: Typology) -> str:
    rule_id = section.text("id")
    prefix, _, rest = rule_id.partition(".")
    if prefix != typology.name or not NAME.fullmatch(rest):
        nearest = f"{typology.name}.{rest or prefix}"
        raise section.error("id", f'"{rule_id}" must be "{typology.name}." and a name', nearest)
    return rule_id


def _entity(section: Section, typology: Typology, on: str) -> str:
    entity = section.choice("entity", typology.entities, typology.entity)
    if TRIGGERS[on] not in TYPES_AT[entity]:
        key = "entity" if section.has("entity") else "on"
        raise section.error(key, f"{on} events have no {entity}")
    return entity


def _actions(section: Section) -> tuple[str, ...]:
    actions = section.words("actions", ACTIONS)
    if not actions:
        raise section.error("actions", "must name an action", "none")
    if "none" in actions and len(actions) > 1:
        raise section.error("actions", '"none" stands alone')
    return actions


def _tree(section: Section, key: str, text: str, scope: Scope) -> Node:
    parse = parse_condition if key == "when" else parse_amount
    try:
        return parse(text, scope)
    except ExpressionError as error:
        raise section.error(key, error.message, error.nearest) from error


def _number(section: Section, key: str) -> str:
    """An expression as text; a plain number may stand for itself; "" where there is none."""
    value = section.table.get(key, "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise section.error(key, f"must be an expression or a number, found {kind_of(value)}")
    return value.strip() if isinstance(value, str) else repr(value)


def _names(section: Section, key: str, scope: Scope) -> list[str]:
    numbers = {name for name, column in scope.columns.items() if column.kind != "enumeration"}
    return names_in(section, key, numbers | set(scope.parameters), 1.5)


def _stage_of(reads: list[str], features: Mapping[str, FeatureSpec]) -> str:
    places = [STAGES.index(features[name].entity) for name in reads if name in features]
    return STAGES[max(places, default=0)]


def _check_purpose(section: Section, typology: Typology, book: Book, reads: list[str]) -> None:
    if typology.purpose != "repayment":
        return
    for name in reads:
        asked = book.typologies.get(name.removesuffix(STANDING_SUFFIX))
        feature = book.features.get(name)
        private = name in PRIVATE_FIELDS or (feature is not None and feature.rests_on_device)
        if private or (asked is not None and asked.purpose != "repayment"):
            raise section.error(
                "when",
                f'purpose "repayment" may not read "{name}", which rests on device, network, '
                "session or signals",
            )
