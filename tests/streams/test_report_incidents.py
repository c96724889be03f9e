"""Incidents in the report: who was held, what became of them, what would have gone out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detector.policy import load_policy
from detector.rulebook import SHIPPED, load_rulebook
from detector.schema import AutoDebit
from streams.explain_log import scan
from streams.explain_run import Run, lines
from streams.explain_values import Clock
from streams.replay import Options, replay
from streams.report.gather import Data
from streams.report.incident_sections import Axis, states
from streams.report.incidents import (
    Held,
    Incident,
    Instalment,
    alert_ids,
    incidents_of,
    without_outages,
)  # fmt: skip
from streams.report.sections import names_of
from streams.simulate.world import HOUR_MS, START_MS
from tests.streams.conftest import World
from tests.streams.test_explain import history, replayed
from tests.streams.test_report import reported

POLICY = load_policy()
RULEBOOK = load_rulebook(None, POLICY)
REPAYMENT = "insufficient_balance"
Record = dict[str, Any]


@pytest.fixture(scope="module")
def run(world: World) -> Run:
    return Run(world.run)


@pytest.fixture(scope="module")
def held(run: Run) -> Held:
    found = Held([one for one in incidents_of(run, RULEBOOK) if one.is_outage])
    assert scan(run.summary, (), [found.take]) is None
    return found


def test_those_held_are_all_whose_attempt_failed_within_the_outage(
    world: World, held: Held
) -> None:
    """Read anew from the log; the outage is the one that was planted."""
    (outage,) = held.outages
    (line,) = [one for one in lines(world.truth) if one["typology"] == "channel_outage"]
    assert outage.ended_ms is not None and abs(outage.began_ms - line["from"]) < HOUR_MS // 4
    hit = {
        (event["account_id"], event["obligation_id"])
        for event in lines(world.log)
        if event.get("channel") == outage.last["entity"]["id"]
        and event["outcome"] == "channel_error"
        and outage.began_ms < event["occurred_at"] <= outage.ended_ms
    }
    assert set(held.instalments) == hit == set(held.of(outage)) and len(hit) > 50


def test_what_would_have_gone_out_is_what_a_replay_without_the_rule_says(
    world: World, run: Run, held: Held, tmp_path: Path
) -> None:
    folder = tmp_path / "rulebook"
    shutil.copytree(SHIPPED, folder)
    (folder / "channel_outage.toml").unlink()
    as_of_ms = run.summary["as_of"]
    replay(Options([str(world.log)], tmp_path / "run", rulebook=folder, as_of_ms=as_of_ms))
    wanted = set(alert_ids(held.instalments).values())
    expected: dict[str, list[tuple[Any, ...]]] = {}
    for one in lines(tmp_path / "run" / "alerts.jsonl"):
        if one["alert_id"] in wanted and one["typology"] != "shortfall_forecast":
            expected.setdefault(one["alert_id"], []).append(_said(one))
    end_ms = run.summary["last_event_at"]
    found = without_outages(held, RULEBOOK, POLICY, end_ms)
    assert {name: [_said(one) for one in said] for name, said in found.items()} == expected
    with_it = [name for name in wanted if name in run.alerts]
    assert len(with_it) < len(found) / 2, "else the incident spares nobody anything"


def _said(alert: Record) -> tuple[Any, ...]:
    return alert["typology"], alert["severity"], alert["status"], alert["occurred_at"]


def test_every_instalment_stands_in_one_state(world: World, run: Run) -> None:
    data = Data(Clock(POLICY.timezone), has_repeats=False)
    scan(run.summary, (), [data.take])
    bars = states(data.instalments, run.alerts, names_of(RULEBOOK))
    known = {(one["account_id"], one["obligation_id"])
             for one in lines(world.log) if one["type"] == "auto_debit"}  # fmt: skip
    assert sum(bar.count for bar in bars) == len(known) == len(data.instalments)
    ended = sum(
        known[-1]["status"] == "resolved" for known in run.alerts.values()
        if known[-1]["evidence"] and known[-1]["family"] == REPAYMENT
        and known[-1]["entity"]["kind"] == "account"
    )  # fmt: skip
    assert {bar.label.en: bar.count for bar in bars}["Paid after an alert"] == ended


def test_the_page_tells_of_an_outage_and_of_what_it_spared(
    world: World, held: Held, tmp_path: Path
) -> None:
    told = reported(world.run, tmp_path / "r.html")
    assert f"{len(held.instalments)} instalments were hit" in told
    assert f"{len(held.instalments)}期扣款受影响" in told
    assert told.count('class="lane whole"') == 1 and "held under the incident" in told


def test_without_incidents_the_page_says_so(tmp_path: Path) -> None:
    told = reported(replayed(tmp_path / "a", history()), tmp_path / "r.html")
    assert "No incident was found." in told and 'class="lane whole"' not in told


def debit(at_ms: int, outcome: str, debited: int = 0) -> AutoDebit:
    fields = {
        "event_id": f"e{at_ms}", "account_id": "A", "occurred_at": at_ms, "debit_id": "d",
        "obligation_id": "O", "mandate_id": "M", "channel": "c", "amount_due_minor": 100,
        "amount_debited_minor": debited, "currency": "CNY", "outcome": outcome, "attempt": 1,
        "due_at": 0, "overdue_at": 10,
    }  # fmt: skip
    return msgspec.convert(fields | {"type": "auto_debit"}, AutoDebit)


@pytest.mark.parametrize(
    ("steps", "fate"),
    [
        ([(5, "success", 100)], ("paid", 5)),
        ([(5, "settled", 0)], ("paid", 5)),
        ([(5, "insufficient_balance", 0), (7, "success", 100)], ("short", 7)),
        ([(5, "partial", 40), (7, "partial", 60)], ("short", 7)),
        ([(5, "partial", 40)], ("open", None)),
        ([(5, "channel_error", 0)], ("open", None)),
    ],
)
def test_what_became_of_one_that_was_held(
    steps: list[tuple[int, str, int]], fate: tuple[str, int | None]
) -> None:
    told = [debit(1, "channel_error"), *(debit(*step) for step in steps)]
    assert Instalment("i", 1, told).fate == fate


def test_an_attempt_is_held_after_the_beginning_and_up_to_the_end() -> None:
    last = {"entity": {"id": "c"}, "typology": "channel_outage", "status": "resolved"}
    one = Incident(last, 10, 20)
    held = [at for at in range(9, 23) if one.holds(debit(at, "channel_error"))]
    assert held == list(range(11, 21))
    assert not one.holds(debit(15, "insufficient_balance"))
    assert Incident(last, 10, None).holds(debit(99, "channel_error"))


@pytest.mark.parametrize("hours", [1, 5, 30, 24 * 9, 24 * 90])
def test_an_axis_is_ticked_at_whole_local_hours_within_it(hours: int) -> None:
    axis = Axis(START_MS, START_MS + hours * HOUR_MS)
    ticks = axis.ticks(Clock("Asia/Shanghai"))
    assert 1 <= len(ticks) <= 8
    places = [left for left, _ in ticks]
    assert places == sorted(places) and all(0 <= left <= 100 for left in places)
