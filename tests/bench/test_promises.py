"""Promises are held against figures; what was not measured was not kept."""

from __future__ import annotations

from typing import Any

from tests.bench.finding import COMPARED, found, stages_of_typologies, truth_until
from tests.bench.promises import promises


def result(late_ms: float = 2.0, decisions_ms: float = 500.0) -> dict[str, Any]:
    run = {
        "rate": 5_000,
        "sender_late_p99_ms": late_ms,
        "account_alerts": {"p99_ms": 120.0},
        "decisions": {"p99_ms": decisions_ms},
    }
    return {
        "backlog": {
            "lendwatch": {"per_worker_cpu_s": 30_000.0},
            "faust": {"per_worker_cpu_s": 2_000.0},
            "quix": {"per_worker_cpu_s": 16_000.0},
        },
        "steady": {"lendwatch": [run]},
        "restart": {"accounts": 1_000_000, "all_stages_s": 12.0},
    }


def test_each_promise_is_kept_or_broken_by_its_own_figure() -> None:
    checked = promises(result())
    assert [one.kept for one in checked] == [True, True, False, True, True, True]
    assert [one.reached for one in checked] == [False, False, False, True, False, False]
    assert checked[1].measured == 15.0


def test_a_run_whose_sender_was_late_shows_nothing() -> None:
    checked = promises(result(late_ms=10.0))
    assert [one.measured for one in checked[3:5]] == [None, None]
    assert not any(one.kept for one in checked[3:5])


def test_a_run_that_failed_shows_nothing() -> None:
    told = result()
    told["steady"]["lendwatch"], told["restart"] = [{"failed": "why"}], {"failed": "why"}
    assert [one.kept for one in promises(told)[3:]] == [False, False, False]


def test_a_bound_is_kept_where_it_is_just_reached() -> None:
    assert promises(result(decisions_ms=600.0))[4].kept
    assert not promises(result(decisions_ms=600.1))[4].kept


def test_what_was_left_out_is_not_promised() -> None:
    told = result()
    del told["backlog"]["quix"], told["restart"]
    assert len(promises(told)) == 4


def test_only_the_typologies_compared_are_counted_as_found() -> None:
    truth = [
        {"typology": typology, "entity": {"kind": "account", "id": "a"}, "expect": "alert",
         "status": "open", "from": 0, "by": 0, "event_ids": ["e"], "also": []}
        for typology in ("debit_failed", "sim_swap")
    ]  # fmt: skip
    alert = {
        "alert_id": "1", "status": "open", "typology": "debit_failed", "occurred_at": 0,
        "opened_at": 0, "entity": {"kind": "account", "id": "a"}, "trigger_event_id": "e",
        "evidence": ["e"],
    }  # fmt: skip
    wrong = {**alert, "alert_id": "2", "entity": {"kind": "account", "id": "b"}}
    told = found(truth, [alert, wrong, {**alert, "alert_id": "3", "typology": "sim_swap"}])
    assert set(told) == set(COMPARED)
    assert told["debit_failed"]["recall"] == 1.0 and told["debit_failed"]["honest_alerts"] == 1
    assert told["velocity_burst"]["recall"] is None


def test_what_was_under_way_where_a_log_was_cut_is_neither_expected_nor_wrong() -> None:
    line = {"typology": "debit_failed", "entity": {"kind": "account", "id": "a"},
            "expect": "alert", "status": "open", "event_ids": ["e"], "also": []}  # fmt: skip
    truth = [{**line, "from": 0, "by": 5}, {**line, "from": 9, "by": 11},
             {**line, "from": 11, "by": 12}]  # fmt: skip
    assert [one["expect"] for one in truth_until(truth, 10)] == ["alert", "either"]


def test_an_alert_counts_as_the_account_stages_only_where_no_later_stage_can_raise_it() -> None:
    stages = stages_of_typologies()
    assert stages["verification_bypass"] == "account" and stages["debit_failed"] == "account"
    assert stages["account_takeover"] == stages["mule_fan_in"] == "payee"
