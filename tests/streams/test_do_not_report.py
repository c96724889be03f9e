"""`lendwatch do-not-report`: what must not reach credit reporting, and nothing else."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.cli import main
from streams.do_not_report_command import listed


def alert(name: str, status: str, typology: str = "overdue", **treatment: Any) -> dict[str, Any]:
    told = {"hardship": False, "system_caused": False, "do_not_report": False} | treatment
    return {
        "alert_id": name, "status": status, "typology": typology, "account_id": f"A-{name}",
        "opened_at": 5, "amount_minor": 100, "currency": "CNY", "trigger_event_id": "e",
        "treatment": told,
    }  # fmt: skip


def found(*alerts: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["alert_id"], one["status"], one["reason"]) for one in listed(alerts)]


def test_what_the_newest_revision_says_counts() -> None:
    caused = {"system_caused": True, "do_not_report": True}
    assert found(alert("a", "open"), alert("a", "updated", **caused)) == [
        ("a", "updated", "system_caused")
    ]
    assert found(alert("a", "open", **caused), alert("a", "updated")) == []


def test_one_that_was_paid_late_by_the_systems_doing_stays_listed() -> None:
    caused = {"system_caused": True, "do_not_report": True}
    assert found(alert("a", "open", **caused), alert("a", "resolved")) == [
        ("a", "resolved", "system_caused")
    ]
    assert found(alert("a", "open", **caused), alert("a", "withdrawn")) == []


def test_hardship_comes_before_the_system_and_a_plan_is_deferred() -> None:
    both = {"system_caused": True, "hardship": True, "do_not_report": True}
    assert found(alert("a", "open", **both), alert("b", "open", do_not_report=True)) == [
        ("a", "open", "hardship"), ("b", "open", "deferred"),
    ]  # fmt: skip


def test_alerts_of_nobodys_account_are_left_out() -> None:
    no_account = alert("a", "open", do_not_report=True) | {"account_id": None}
    assert found(no_account, no_account | {"alert_id": "b", "treatment": None}) == []


def test_the_command_prints_csv_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [alert("a", "open", do_not_report=True), alert("b", "open")]
    (tmp_path / "alerts.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in lines))
    assert main(["do-not-report", "--run", str(tmp_path)]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (row["account_id"], row["reason"]) == ("A-a", "deferred")
    assert main(["do-not-report", "--run", str(tmp_path / "no")]) == 2
    assert "name a run's folder" in capsys.readouterr().err
