"""What holds of every alert of repayment, whatever happened: of random histories, with a margin."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from detector.arrangements import Reliefs
from detector.decode import Decoder
from detector.engine import Engine
from detector.ids import Ids
from detector.policy import PolicyError, load_policy
from tests.comparing import FAR_FUTURE_MS, rulebook_of
from tests.histories import History, history
from tests.reference_memory import DAY, HOUR

SEEDS = range(40)
LASTING = {"manual_review", "reduce_limit", "freeze_limit", "report_suspicious"}
PRESSING = {"remind", "escalate", "manual_review"}
Record = dict[str, Any]


def told(one: History) -> list[Record]:
    """All that is said of a history and of the ten days after it."""
    ids = Ids()
    engine, decoder = Engine(*rulebook_of(one.terms), ids), Decoder(ids, FAR_FUTURE_MS)
    lines = [orjson.dumps(event) for event in one.events]
    alerts = engine.process(decoder.decode(lines)).alerts
    end_ms = max(int(event["occurred_at"]) for event in one.events)
    return alerts + engine.advance(end_ms + 10 * DAY).alerts


@pytest.fixture(scope="module", params=SEEDS)
def said(request: pytest.FixtureRequest) -> tuple[History, list[Record]]:
    seed = int(request.param)
    one = history(seed, "arrears" if seed % 2 else "insolvent")
    return one, [alert for alert in told(one) if alert["treatment"] is not None]


def test_nobody_is_to_be_contacted_by_night_or_beyond_the_days_number(
    said: tuple[History, list[Record]],
) -> None:
    one, alerts = said
    zone = ZoneInfo(one.terms.timezone)
    for alert in alerts:
        treatment = alert["treatment"]
        earliest = datetime.fromtimestamp(treatment["earliest_contact_at"] / 1000, zone)
        now = datetime.fromtimestamp(alert["occurred_at"] / 1000, zone)
        assert 8 <= earliest.hour < 22 and earliest >= now
        assert 0 <= treatment["contacts_left_today"] <= 3
        assert treatment["contacts_left_today"] > 0 or earliest.date() > now.date()


def test_what_is_the_systems_doing_or_deferred_is_not_to_be_reported(
    said: tuple[History, list[Record]],
) -> None:
    for alert in said[1]:
        treatment = alert["treatment"]
        if alert["typology"] == "deferred" and alert["status"] != "resolved":
            assert treatment["do_not_report"] and not PRESSING & set(alert["actions"])
        if treatment["system_caused"] or treatment["hardship"]:
            assert treatment["do_not_report"]
        if alert["typology"] in ("debit_missed", "excessive_retry"):
            assert "remind" not in alert["actions"]


def test_nothing_lasting_happens_without_a_person_and_a_freeze_ends(
    said: tuple[History, list[Record]],
) -> None:
    for alert in said[1]:
        lasting = bool(LASTING & set(alert["actions"]))
        assert (alert["human_review"] == "required") == lasting
        if "freeze_limit" in alert["actions"]:
            assert 0 < alert["expires_at"] - alert["occurred_at"] <= DAY


def test_an_obligation_has_one_alert_whose_revisions_follow_one_another(
    said: tuple[History, list[Record]],
) -> None:
    revisions: dict[str, list[Record]] = defaultdict(list)
    for alert in said[1]:
        revisions[alert["alert_id"]].append(alert)
    for of_one in revisions.values():
        assert [one["revision"] for one in of_one] == list(range(1, len(of_one) + 1))
        assert of_one[0]["status"] == "open"
        assert len({(one["opened_at"], one["case_id"]) for one in of_one}) == 1
        for before, after in pairwise(of_one):
            over = before["status"] in ("resolved", "withdrawn")
            assert (after["status"] == "open") == over


def test_advice_on_a_retry_is_never_by_night(said: tuple[History, list[Record]]) -> None:
    zone = ZoneInfo(said[0].terms.timezone)
    for alert in said[1]:
        for reason in alert["reasons"]:
            if reason["code"] == "retry_advice" and reason["observed"] is not None:
                at = datetime.fromtimestamp(reason["observed"] / 1000, zone)
                assert 8 <= at.hour < 22 and reason["observed"] >= alert["occurred_at"]


def test_whoever_failed_or_was_never_tried_has_an_alert_once_it_is_overdue() -> None:
    """Of instalments in order: every one that was not paid in time."""
    for seed in SEEDS:
        one = history(seed, "insolvent")
        if one.terms.missing_sources or one.terms.relief:
            continue
        events = sorted(one.events, key=lambda event: int(event["occurred_at"]))
        alerts = told(History(seed, "", events, one.terms))
        known = {id for alert in alerts for id in alert["evidence"] if alert["treatment"]}
        for event in events:
            if event["type"] == "auto_debit" and event["outcome"] == "insufficient_balance":
                assert event["event_id"] in known


def test_an_account_that_a_relief_names_is_relieved_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "accounts.txt").write_text("A1\n\n A2 \n", "utf-8")
    (tmp_path / "policy.toml").write_text(
        '[[relief]]\nname = "flood"\nfrom = 2026-07-01T00:00:00+08:00\n'
        'until = 2026-08-01T00:00:00+08:00\naccounts_file = "accounts.txt"\n'
    )
    reliefs = Reliefs(load_policy(tmp_path / "policy.toml"))
    covered = [name for name in ("A", "A1", "A2", "A3") if list(reliefs.of(name, "bank"))]
    assert covered == ["A1", "A2"]
    ((from_ms, until_ms),) = reliefs.of("A1", "bank")
    assert until_ms - from_ms == 31 * 24 * HOUR
    (tmp_path / "accounts.txt").unlink()
    with pytest.raises(PolicyError, match="accounts_file"):
        Reliefs(load_policy(tmp_path / "policy.toml"))
