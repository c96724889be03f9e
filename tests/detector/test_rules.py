"""Rules as loaded: what they read, at which stage they are judged, and their programs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from detector.events import INPUT_MISSING
from detector.expressions import STACK_MAX, evaluate
from detector.policy import load_policy
from detector.rulebook import Rulebook, RulebookError, load_rulebook
from detector.rules import FeatureSpec, Rule, compile_rules
from tests.detector.small_rulebook import write

OTHER = """
[[rule]]
id = "burst.{name}"
version = 1
on = "{on}"
when = "{when}"
severity = "low"
actions = ["manual_review"]
budget_per_day = 5
observed = "1"
text = "other"
text_zh = "其他"

[[test]]
name = "hit"
rule = "burst.{name}"
expect = "hit"
events = [{{ at = "0m", type = "login" }}]

[[test]]
name = "clear"
rule = "burst.{name}"
expect = "clear"
events = [{{ at = "0m", type = "login" }}]
"""
ABSTAIN = """
[[test]]
name = "abstain"
rule = "burst.{name}"
expect = "abstain"
events = [{{ at = "0m", type = "login" }}]
"""


def load(tmp_path: Path, *changes: tuple[str, str]) -> Rulebook:
    return load_rulebook(write(tmp_path / "rules", *changes), load_policy())


def with_rule(tmp_path: Path, when: str, on: str = "disbursement", abstains: bool = True) -> Rule:
    """The small rulebook's rule `burst.other` with this condition."""
    text = (OTHER + (ABSTAIN if abstains else "")).format(name="other", when=when, on=on)
    anchor = '\n[[test]]\nname = "five"'
    book = load(tmp_path, (anchor, text + anchor))
    return next(rule for rule in book.rules if rule.id == "burst.other")


def test_a_rule_reads_the_columns_of_its_condition_then_those_of_its_texts(tmp_path: Path) -> None:
    count, device = load(tmp_path).rules
    assert count.reads == ("draws", "payee_owner")
    assert device.reads == ("device_accounts", "account_age_ms")
    assert (count.observed, count.normal, count.threshold) == ("draws", "", ":count")
    assert count.normal_expression is None and count.threshold_expression is not None
    assert count.threshold_expression.value == 5
    assert (device.normal, device.threshold) == ("1", "3")


def test_a_rule_is_judged_at_the_last_stage_of_its_features(tmp_path: Path) -> None:
    assert [rule.stage for rule in load(tmp_path).rules] == ["account", "device"]
    assert with_rule(tmp_path, "draws > 1 AND device_accounts > 1").stage == "device"
    assert with_rule(tmp_path, "payee_allowed = 0", abstains=False).stage == "account"


def test_a_rule_that_asks_for_hits_is_judged_where_they_are_found(tmp_path: Path) -> None:
    rule = with_rule(tmp_path, "burst_hit_age_ms < 5 AND device_accounts > 2")
    assert rule.reads_standing and rule.stage == "device"
    rule = with_rule(tmp_path, "burst_hit_age_ms < 5", abstains=False)
    assert rule.reads_standing and rule.stage == "account"
    assert not load(tmp_path).rules[0].reads_standing


def test_a_rule_that_cannot_be_null_needs_no_test_that_abstains(tmp_path: Path) -> None:
    assert not with_rule(tmp_path, "payee_allowed = 1", abstains=False).expression.nullable
    with pytest.raises(RulebookError, match=r"no .* that expects abstain"):
        with_rule(tmp_path, "draws = 1", abstains=False)


def test_what_a_file_leaves_out_is_shadow_an_alert_and_the_typologys_entity(
    tmp_path: Path,
) -> None:
    rule = load(tmp_path).rules[1]
    assert (rule.status, rule.effect, rule.entity) == ("shadow", "alert", "account")
    assert (rule.version, rule.budget_per_day, rule.actions) == (2, 5, ("none",))
    assert (Path(rule.file).name, rule.line) == ("burst.toml", 56)


def test_signals_and_outcomes_are_read_at_a_login(tmp_path: Path) -> None:
    rule = with_rule(tmp_path, "outcome = 'failure' AND signal_tor = 1", on="login")
    assert rule.reads == ("outcome", "signal_tor")


def test_programs_stand_in_the_order_of_the_rules(tmp_path: Path) -> None:
    rules = load(tmp_path).rules
    index = {"draws": 0, "payee_owner": 1, "device_accounts": 2, "account_age_ms": 3}
    programs = compile_rules(rules, index)
    assert len(programs.starts) == 3 and programs.starts[-1] == len(programs.ops)
    assert programs.ops.dtype == np.int16 and programs.args.dtype == np.int32
    causes = np.full(4, INPUT_MISSING, np.uint8)
    stack = np.empty(STACK_MAX), np.empty(STACK_MAX, np.uint8)

    def say(rule: int, *row: float) -> float:
        start, stop = programs.starts[rule], programs.starts[rule + 1]
        return evaluate(*programs[:3], start, stop, np.array(row), causes, *stack)

    assert say(0, 5, 2, 9, 0) == 1.0
    assert say(0, 4, 2, 9, 0) == 0.0
    assert say(0, 5, 1, 9, 0) == 0.0  # to the borrower's own account
    assert math.isnan(say(0, 5, math.nan, 9, 0)) and stack[1][0] == INPUT_MISSING
    assert say(1, 0, 2, 4, math.nan) == 1.0


def test_a_feature_is_as_it_was_declared_with_its_parameters_put_in(tmp_path: Path) -> None:
    age, draws, accounts = load(tmp_path).features
    assert isinstance(draws, FeatureSpec)
    assert (draws.span_ms, draws.of, draws.absent, draws.before) == (1_800_000, None, None, False)
    assert (accounts.entity, accounts.on) == ("device", ("login", "disbursement"))
    assert accounts.rests_on_device and not draws.rests_on_device
    assert age.span_ms is None and age.column.kind == "number"
    change = ('aggregate = "entity_age"', 'aggregate = "covered"\nspan = "1d"\noptional = true')
    covered = load(tmp_path, change, ("{account_age_ms} ", "")).features[0]
    assert covered.column.kind == "boolean" and covered.column.optional
