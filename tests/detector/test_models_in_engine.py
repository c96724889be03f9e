"""Laws of an engine that learns: how a log is cut changes nothing; a record repeats its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from detector.costs import Costs
from detector.decisions import OUTCOMES
from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.models.learner import Version
from detector.policy import load_policy
from detector.rulebook import load_rulebook

SEED = 11
HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000
POLICY = """
[sources]
login = false
identity_verification = false
[learning]
label_delay_days = 1
[budget]
model_risk_per_10000_disbursements = 1000
"""


def log_of(days: int, a_day: int = 120) -> list[bytes]:
    """Draws of 40 accounts, some of a stranger's; instalments; what became of them. In order."""
    draw, events = np.random.default_rng(SEED), []
    print("seed", SEED)
    for k in range(days * a_day):
        t, account = START_MS + k * (24 * HOUR_MS // a_day), f"a{draw.integers(40)}"
        is_fraud = draw.random() < 0.08
        amount = int(draw.integers(9_000, 11_000)) * (8 if is_fraud else 1)
        payee = f"mule{draw.integers(3)}" if is_fraud else f"p{account}{draw.integers(3)}"
        base = {"account_id": account, "occurred_at": t}
        events.append({
            **base, "type": "disbursement", "event_id": f"d{k}", "disbursement_id": f"x{k}",
            "amount_minor": amount, "currency": "CNY", "payee_id": payee, "payee_owner": "other",
            "credit_limit_minor": 10_000_000, "outstanding_minor": 0, "status": "paid",
        })  # fmt: skip
        if is_fraud:
            events.append({
                **base, "type": "disposition", "event_id": f"v{k}", "target_event_id": f"d{k}",
                "disposition": "confirmed_fraud", "occurred_at": t + 20 * HOUR_MS,
            })  # fmt: skip
        if k % 3 == 0:
            events += instalment(k, base, is_short=draw.random() < 0.3)
    return [orjson.dumps(event) for event in sorted(events, key=lambda e: e["occurred_at"])]


def instalment(k: int, base: dict[str, Any], *, is_short: bool) -> list[dict[str, Any]]:
    """A debit as scheduled, and what came of it two hours later."""
    t = base["occurred_at"]
    told = {
        **base, "type": "auto_debit", "debit_id": f"t{k}", "obligation_id": f"o{k}",
        "mandate_id": "m", "channel": "bank", "amount_due_minor": 5_000, "currency": "CNY",
        "due_at": t + 3 * HOUR_MS, "overdue_at": t + 90 * HOUR_MS,
    }  # fmt: skip
    outcome = "insufficient_balance" if is_short else "success"
    paid = 0 if is_short else 5_000
    first = {"event_id": f"s{k}", "outcome": "scheduled", "attempt": 0, "amount_debited_minor": 0}
    then = {"event_id": f"r{k}", "outcome": outcome, "attempt": 1, "amount_debited_minor": paid,
            "occurred_at": t + 2 * HOUR_MS}  # fmt: skip
    return [{**told, **first}, {**told, **then}]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(POLICY)
    return path


def lived(
    lines: list[bytes], policy_path: Path, batch: int, recorded: list[Version] | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Version]]:
    """Decisions, alerts and versions of a log cut into batches."""
    policy, ids = load_policy(policy_path), Ids()
    engine = Engine(
        load_rulebook(None, policy), policy, ids, learns=recorded is None, recorded=recorded
    )
    decoder = Decoder(ids, TIME_MAX_MS)
    decisions, alerts, versions = [], [], []
    for start in range(0, len(lines), batch):
        outputs = engine.process(decoder.decode(lines[start : start + batch]))
        decisions += outputs.decisions
        alerts += outputs.alerts
        assert engine.models is not None
        versions += engine.models.take_versions()
    return decisions, alerts, versions


def assert_risks_are_told(alerts: list[dict[str, Any]], decisions: list[dict[str, Any]]) -> None:
    """Alerts of models: of draws on which no rule hit, by a part that is named with its version."""
    risks = [alert for alert in alerts if alert["typology"] == "model_risk"]
    decided = {one["event_id"]: one for one in decisions}
    parts, told = set(), 0
    for alert in risks:
        decision = decided[alert["trigger_event_id"]]
        assert decision["components"]["rules"] == 0.0 and decision["outcome"] != "approve"
        assert alert["alert_id"] in decision["alert_ids"]
        assert alert["versions"]["models"] == decision["versions"]["models"] is not None
        assert alert["actions"] == ["manual_review"] and alert["human_review"] == "required"
        for reason in alert["reasons"]:
            parts.add(reason["model"].split("@")[0])
            assert reason["observed"] >= reason["threshold"] and "rule" not in reason
            assert "usually" in reason["text"] or "above all nothing" in reason["text"]
            assert ("usually" in reason["text"]) == ("平时" in reason["text_zh"])
            told += "usually" in reason["text"]
    assert parts == {"supervised", "anomaly"} and told > len(risks) / 2


def test_neither_batches_nor_a_record_change_what_is_said(policy: Path) -> None:
    lines = log_of(days=14)
    whole = lived(lines, policy, len(lines))
    assert lived(lines, policy, 37) == whole
    decisions, alerts, versions = whole
    assert [version.forest for version in versions if version.forest is not None]
    assert lived(lines, policy, 500, recorded=versions)[:2] == (decisions, alerts)
    assert_risks_are_told(alerts, decisions)
    draws = [one for one in decisions if one["question"] == "unauthorized_transfer"]
    late = draws[-300:]
    assert all(one["components"]["supervised"] is not None for one in late)
    assert draws[0]["components"]["supervised"] is None and draws[0]["versions"]["models"] is None


def test_a_policy_goes_back_to_a_version_and_no_later_one_scores(
    policy: Path, tmp_path: Path
) -> None:
    lines = log_of(days=8)
    decisions, _, versions = lived(lines, policy, 500)
    back = tmp_path / "policy.toml"
    words = "[learning]\ndraw_version_max = 60\ndebit_version_max = 0\n"
    back.write_text(POLICY.replace("[learning]\n", words))
    told, _, made = lived(lines, back, 500)
    assert [one.number for one in made] == [one.number for one in versions]
    used = {one["versions"]["models"] for one in told if one["question"][:2] == "un"}
    assert used == {None, *map(str, range(1, 61))}
    assert {one["versions"]["models"] for one in told if one["question"][:2] == "in"} == {None}
    same = [one for one in decisions if int(one["versions"]["models"] or 0) < 60]
    kept = {one["event_id"]: one for one in told}
    draws = [one for one in same if one["question"] == "unauthorized_transfer"]
    assert draws and all(kept[one["event_id"]] == one for one in draws)


def test_costs_raise_outcomes_by_the_score_and_change_nothing_else(
    policy: Path, tmp_path: Path
) -> None:
    lines, dear = log_of(days=10), tmp_path / "policy.toml"
    costs = Costs("CNY", review_minor=20, challenge_minor=300)
    words = '[costs]\ncurrency = "CNY"\nreview_minor = 20\nchallenge_minor = 300\n'
    dear.write_text(POLICY + words)
    amounts = {event["event_id"]: event.get("amount_minor") for event in map(orjson.loads, lines)}
    raised = set()
    for one, other in zip(lived(lines, policy, 500)[0], lived(lines, dear, 500)[0], strict=True):
        assert {**one, "outcome": ""} == {**other, "outcome": ""}
        if other["outcome"] != one["outcome"]:
            assert OUTCOMES.index(other["outcome"]) > OUTCOMES.index(one["outcome"])
            wanted = costs.outcome(one["score"], amounts[one["event_id"]], "CNY")
            assert other["outcome"] == wanted and one["components"]["supervised"] is not None
            raised.add(other["outcome"])
    assert "challenge" in raised


def test_nothing_more_is_learnt_of_an_account_that_is_erased(policy: Path) -> None:
    rules, ids = load_policy(policy), Ids()
    engine = Engine(load_rulebook(None, rules), rules, ids, learns=True)
    engine.process(Decoder(ids, TIME_MAX_MS).decode(log_of(days=6)))
    assert engine.models is not None
    account, other = ids.hash("a5"), ids.hash("a6")
    for follower in (engine.models.draws.follower, engine.models.debits.follower):
        assert follower.learner is not None
        known = follower.learner.examples._known
        assert {account, other} <= {one.account for one in known.values()}
    engine.erase_from_models("a5")
    for follower in (engine.models.draws.follower, engine.models.debits.follower):
        assert follower.learner is not None
        known = follower.learner.examples._known
        assert other in {one.account for one in known.values()}
        assert account not in {one.account for one in known.values()}


def test_a_debit_that_follows_one_that_was_never_made_good_is_riskier(policy: Path) -> None:
    base = {"account_id": "a", "occurred_at": START_MS}
    first = instalment(0, base, is_short=True)
    healed = instalment(1, {**base, "account_id": "b"}, is_short=True)
    paid = {**healed[1], "event_id": "c", "outcome": "settled", "attempt": 0,
            "occurred_at": START_MS + 5 * HOUR_MS}  # fmt: skip
    later = START_MS + 700 * HOUR_MS
    second = [instalment(k, {"account_id": name, "occurred_at": later}, is_short=True)[0]
              for k, name in ((2, "a"), (3, "b"))]  # fmt: skip
    events = sorted([*first, *healed, paid, *second], key=lambda event: event["occurred_at"])
    decisions, _, _ = lived([orjson.dumps(event) for event in events], policy, 50)
    open_, cured = (one["score"] for one in decisions[-2:])
    assert open_ > cured + 0.3
