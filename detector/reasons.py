"""Why a rule hit: its texts and numbers over what it saw; rules that wait for standing columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.alerts import Hit
from detector.catalogue import STANDING_SUFFIX
from detector.events import KIND_MASK, currency_of
from detector.expression_tree import Node
from detector.expressions import STACK_MAX, Programs, compile_expressions, evaluate
from detector.features import Columns
from detector.hits import ABSTAIN, CLEAR, HIT
from detector.money import Told
from detector.records import number
from detector.rules import Rule
from detector.stage import Finding
from detector.subjects import Subjects


class Reasons:
    """Speaks for the rules of all stages."""

    def __init__(self, rules: Sequence[Rule], columns: Columns, subjects: Subjects) -> None:
        self._columns = columns
        self._subjects = subjects
        self._conditions = {
            rule.id: compile_expressions([rule.expression], columns.index)
            for rule in rules if rule.reads_standing
        }  # fmt: skip
        self._parts = {rule.id: self._compile_parts(rule) for rule in rules}
        self._stack = (np.empty(STACK_MAX), np.empty(STACK_MAX, np.uint8))

    def hit(
        self, finding: Finding, code: int, values: NDArray[np.float64], causes: NDArray[np.uint8]
    ) -> Hit:
        """The hit of a finding over the row that it was found on; `code` is the event's."""
        rule = finding.rule
        currency = currency_of(code) if 8 <= code & KIND_MASK < 32 else ""
        seen = {name: Told(value, currency) for name, value in rule.parameters.items()}
        for name in rule.reads:
            seen[name] = Told(values[self._columns.index[name]], currency)
        numbers = {
            name: None if program is None else number(self._value(program, values, causes)[0])
            for name, program in self._parts[rule.id].items()
        }
        reason: dict[str, Any] = {
            "code": rule.id,
            "text": rule.text.format(**seen),
            "text_zh": rule.text_zh.format(**seen),
            "rule": f"{rule.id}@{rule.version}",
            **numbers,
        }
        return Hit(
            rule.id, rule.version, rule.typology, rule.entity, rule.severity, rule.actions,
            reason, self._named(finding.evidence),
        )  # fmt: skip

    def settle(
        self, rule: Rule, values: NDArray[np.float64], causes: NDArray[np.uint8],
        hit_age_ms: Callable[[str], int],
    ) -> tuple[int, int]:  # fmt: skip
        """The result of a rule with its standing columns told, and the cause of an abstention."""
        values = values.copy()  # the same column means another key at the next stage
        for name in rule.reads:
            if name.endswith(STANDING_SUFFIX):
                values[self._columns.index[name]] = hit_age_ms(name.removesuffix(STANDING_SUFFIX))
        value, cause = self._value(self._conditions[rule.id], values, causes)
        if value != value:
            return ABSTAIN, cause
        return (HIT if value else CLEAR), 0

    def _compile_parts(self, rule: Rule) -> Mapping[str, Programs | None]:
        trees: Mapping[str, Node | None] = {
            "observed": rule.observed_expression,
            "normal": rule.normal_expression,
            "threshold": rule.threshold_expression,
        }
        return {
            name: None if tree is None else compile_expressions([tree], self._columns.index)
            for name, tree in trees.items()
        }

    def _value(
        self, program: Programs, values: NDArray[np.float64], causes: NDArray[np.uint8]
    ) -> tuple[float, int]:
        stack_values, stack_causes = self._stack
        value = evaluate(
            program.ops, program.args, program.consts, 0, len(program.ops), values, causes,
            stack_values, stack_causes,
        )  # fmt: skip
        return value, int(stack_causes[0])

    def _named(self, evidence: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._subjects.event_names.of(value) for value in evidence)
