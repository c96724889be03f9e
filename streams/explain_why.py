"""Why a rule hit and what would have cleared it; what was not known, and who abstained for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from detector.catalogue import STANDING_SUFFIX, TRIGGERS
from detector.counterfactual import Change, clearing, value_of
from detector.expression_tree import Node
from detector.memory import STAGES
from detector.rulebook import Rulebook
from detector.rules import Rule
from streams.explain_values import Told, duration, filled, listed, money, number, same, say, word
from streams.explain_words import ENUMERATIONS, FIELDS, FLAG_PREFIXES, FLAG_SUFFIXES, FLAGS, WORDS

CHANGES_MAX: Final = 8  # of one rule; the smallest
SIGNED: Final = frozenset({"days_early", "mandate_end_age_ms"})  # numbers that may be negative
# What is counted in whole numbers, so that "under 5" is better said as "4 or less".
COUNTS: Final = frozenset({
    "count", "distinct", "newcomers", "seen_accounts", "fraud_accounts", "minute_logins",
    "minute_failures", "population_logins", "population_failures", "new_signals",
})  # fmt: skip
SIGNS: Final = {"+": "+", "-": "−", "*": "×", "/": "÷"}
Finding = Mapping[str, Any]


class Speaker:
    """Says columns, their values and formulas over them, for one alert's currency."""

    def __init__(self, rulebook: Rulebook, currency: str | None) -> None:
        self._features = {feature.name: feature for feature in rulebook.features}
        self._typologies = rulebook.typologies
        self._currency = currency

    def name(self, column: str) -> Told:
        """What a column is."""
        feature = self._features.get(column)
        if feature is not None:
            return Told(feature.text, feature.text_zh)
        if column in FIELDS:
            return Told(*FIELDS[column])
        if column.startswith("signal_"):
            return say("signal", signal=word("signal", column.removeprefix("signal_")))
        typology = self._typologies.get(column.removesuffix(STANDING_SUFFIX))
        if typology is not None:
            return say("hit_age", title=Told(typology.title, typology.title_zh))
        return same(column)

    def value(self, value: float | None, unit: str) -> Told:
        """A number in its unit; a dash where it is not known."""
        if value is None or math.isnan(value):
            return say("none_told")
        if unit == "money":
            return money(value, self._currency)
        return duration(value) if unit == "ms" else same(number(value))

    def choice(self, rule: Rule, node: Node, value: float) -> Told:
        """A word of an enumeration, or the yes or no of a flag."""
        if not node.codes:
            return word("flag", str(int(value)))
        told = next(name for name, code in node.codes.items() if code == value)
        table = ENUMERATIONS[TRIGGERS[rule.on]].get(node.name, "")
        return word(table, told) if table in WORDS else same(told)

    def is_count(self, column: str) -> bool:
        """Whether a column is counted in whole numbers."""
        feature = self._features.get(column)
        return feature is not None and feature.aggregate in COUNTS

    def formula(self, node: Node, values: Mapping[str, float]) -> Told:
        """An expression with its columns named and told."""
        if node.op == "column":
            return filled(same("{0} {1}"), self.name(node.name),
                          self.value(values.get(node.name), unit_of(node)))  # fmt: skip
        if node.op in SIGNS:
            left, right = (self.formula(child, values) for child in node.children)
            return filled(same(f"{{0}} {SIGNS[node.op]} {{1}}"), left, right)
        return self.value(value_of(node, values), unit_of(node))


def unit_of(node: Node | None) -> str:
    """The unit of a number, by the names that it is made of: money, ms or none."""
    if node is None:
        return ""
    if node.name:
        return (
            "money" if node.name.endswith("_minor") else "ms" if node.name.endswith("_ms") else ""
        )
    units = [unit_of(child) for child in node.children]
    if node.op == "/" and units[0] == units[1]:
        return ""
    return next((unit for unit in units if unit), "")


def is_flag(column: str) -> bool:
    """Whether a column is a plain yes or no."""
    by_name = column.startswith(FLAG_PREFIXES) or column.endswith(FLAG_SUFFIXES)
    return by_name or column in FLAGS


def cleared_by(rule: Rule, finding: Finding, speaker: Speaker) -> dict[str, Any]:
    """What alone would have kept a rule from hitting at the event of a finding, in words."""
    columns: Mapping[str, float] = finding["columns"]
    names = {"rule": rule.id, "event": finding["event_id"]}
    if value_of(rule.expression, columns) != 1.0:
        return {"intro": say("clearing_not_recorded", **names), "changes": [], "unsolved": None}
    reads = rule.expression.columns()
    found = clearing(
        rule.expression, columns,
        choices={name: (0.0, 1.0) for name in reads if is_flag(name)},
        lows={name: 0.0 for name in reads if name not in SIGNED},
    )  # fmt: skip
    nodes = {node.name: node for node in rule.expression.walk() if node.op == "column"}
    changes = [
        _changed(change, nodes[change.column], rule, columns, speaker)
        for change in found.changes[:CHANGES_MAX]
    ]
    unsolved = [speaker.name(name) for name in found.unsolved]
    return {
        "intro": say("clearing_of" if changes else "no_change", **names),
        "changes": changes,
        "unsolved": say("unsolved", names=listed(unsolved)) if unsolved else None,
    }


def _changed(
    change: Change, node: Node, rule: Rule, columns: Mapping[str, float], speaker: Speaker
) -> Told:
    name = speaker.name(change.column)
    if change.relation == "in":
        choices = [speaker.choice(rule, node, choice) for choice in change.choices]
        return say("change", name=name, wanted=listed(choices, "or"), why="",
                   value=speaker.choice(rule, node, change.value))  # fmt: skip
    unit = unit_of(node)
    relation, edge = change.relation, change.bound
    if speaker.is_count(change.column):
        relation, edge = _whole(relation, edge)
    if relation == "<=" and edge == 0 and change.column not in SIGNED:
        relation = "="
    bound = speaker.value(edge, unit)
    if change.until is None or relation == "=":
        wanted = filled(word("relation", relation), bound)
    else:
        until = speaker.value(change.until, unit)
        wanted = filled(word("relation_until", relation), bound, until)
    against, why = change.against, same("")
    if against is not None and against.columns():
        why = say("change_why", formula=speaker.formula(against, columns))
    return say("change", name=name, wanted=wanted, why=why,
               value=speaker.value(change.value, unit))  # fmt: skip


def _whole(relation: str, bound: float) -> tuple[str, float]:
    """The same range of whole numbers, its end included."""
    if relation == "<":
        return "<=", math.ceil(bound) - 1
    if relation == ">":
        return ">=", math.floor(bound) + 1
    return relation, bound


def not_known(findings: Sequence[Finding], rulebook: Rulebook, speaker: Speaker) -> dict[str, Any]:
    """What was NULL at an event, why, and which rules of its trigger abstained for it."""
    columns: dict[str, float] = {}
    missing: dict[str, str] = {}
    for finding in sorted(findings, key=lambda finding: STAGES.index(finding["stage"])):
        columns |= finding["columns"]
        missing |= finding["missing"]
    missing = {name: cause for name, cause in missing.items() if name not in columns}
    rules = list(_asked(findings, rulebook, columns.keys() | missing.keys()))
    read = {name for rule in rules for name in rule.expression.columns()}
    lacking = {name: missing[name] for name in sorted(read & missing.keys())}
    event = findings[0]["event_id"]
    if not lacking:
        none: dict[str, Any] = {"causes": [], "columns": {}, "abstained": None}
        return {"intro": say("missing_none", event=event), **none}
    abstained = [
        say("lacking", rule=rule.id, names=listed(
            speaker.name(name) for name in rule.expression.columns() if name in lacking))
        for rule in rules
        if math.isnan(value_of(rule.expression, columns))
    ]  # fmt: skip
    return {
        "intro": say("missing_at", event=event),
        "causes": [
            say("missing_cause", cause=word("cause", cause), names=listed(
                (speaker.name(name) for name in lacking if lacking[name] == cause), "semicolon"))
            for cause in sorted(set(lacking.values()))
        ],
        "columns": lacking,
        "abstained": say("abstained", rules=listed(abstained)) if abstained
        else say("abstained_none"),
    }  # fmt: skip


def _asked(findings: Sequence[Finding], rulebook: Rulebook, recorded: set[str]) -> Iterator[Rule]:
    """The rules that the same triggers pull, at the stages whose columns are recorded."""
    by_id = {rule.id: rule for rule in rulebook.rules}
    hit = {told["id"] for finding in findings for told in finding["rules"]}
    triggers = {by_id[name].on for name in hit if name in by_id}
    last = max(STAGES.index(finding["stage"]) for finding in findings)
    for rule in rulebook.rules:
        judged = rule.on in triggers and STAGES.index(rule.stage) <= last
        if judged and rule.status != "off" and recorded.issuperset(rule.expression.columns()):
            yield rule
