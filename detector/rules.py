"""What a rule, a typology and a rulebook's own test are; rules compiled to programs.

All of these are checked when a rulebook is loaded (rulebook.py) and never change afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector.catalogue import FeatureSpec
from detector.expression_tree import Node
from detector.expressions import Programs, compile_expressions

__all__ = ["FeatureSpec", "Rule", "StoryTest", "Typology", "compile_rules"]


@dataclass(frozen=True, slots=True)
class Typology:
    """A pattern that is looked for, and how its alerts fold.

    `kind` "rules": judged by the rules of its file. The others are judged by code: "obligation" by
    the life cycle of obligations, "conduct" by what the lender does, "limit" by limit_advice.py,
    "incident" by the control stage, "model" by what the models say; then `severity`, `actions`,
    `text`, `text_zh` are its alerts' own (else empty), and the raised ones those of a second degree
    ("" and () where it has none).
    """

    name: str
    version: int
    kind: str
    family: str
    entity: str  # whose alert it is, where a rule does not say
    entities: tuple[str, ...]  # all that its rules may name
    purpose: str
    techniques: tuple[str, ...]
    quiet_ms: int  # hits fold into the open alert until quiet for so long
    title: str
    title_zh: str
    misses: str  # what it cannot see
    severity: str
    actions: tuple[str, ...]
    raised_severity: str
    raised_actions: tuple[str, ...]
    text: str
    text_zh: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in force.

    `reads` are the columns of `when`, then those that only its texts and numbers name. `stage` is
    the first stage where all of them are known. `observed`, `normal` and `threshold` are the
    expressions as written ("" for none), the trees beside them what they mean.
    """

    id: str
    version: int
    typology: str
    entity: str
    on: str  # login | identity_verification | disbursement | paid | auto_debit
    when: str
    severity: str
    actions: tuple[str, ...]
    status: str  # shadow | live | off: the policy's word, else the file's
    effect: str  # alert | withdraw
    budget_per_day: int
    observed: str
    normal: str
    threshold: str
    text: str
    text_zh: str
    file: str
    line: int
    stage: str
    reads: tuple[str, ...]
    parameters: Mapping[str, float] = field(hash=False)  # by the bare names that its texts use
    reads_standing: bool
    expression: Node = field(hash=False, repr=False)
    observed_expression: Node = field(hash=False, repr=False)
    normal_expression: Node | None = field(hash=False, repr=False)
    threshold_expression: Node | None = field(hash=False, repr=False)


@dataclass(frozen=True, slots=True)
class StoryTest:
    """A rulebook's own test: a story, and what the rule must say at its last event.

    `rule` is a rule's id, or the name of a typology that has no rules. `policy` is the table of
    keys laid over the policy. `until_ms`: how far the clock goes on; None: to the last event.
    """

    name: str
    rule: str
    expect: str  # hit | clear | abstain
    prelude: str  # "" for none
    policy: Mapping[str, Any] = field(hash=False)
    events: tuple[Mapping[str, Any], ...] = field(hash=False)
    file: str
    line: int
    until_ms: int | None = None  # epoch


def compile_rules(rules: Sequence[Rule], column_index: Mapping[str, int]) -> Programs:
    """The programs of the rules' conditions, in order, over columns at `column_index`.

    Raises:
        KeyError: a column that a rule reads has no place.
    """
    return compile_expressions([rule.expression for rule in rules], column_index)
