"""Every figure of a judgement on tiny runs made by hand: each can be right and can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.cli import main
from streams.judge import verdict_of
from streams.judging import DAY_MS, Gates, Verdict

T = 1_767_196_800_000
Record = dict[str, Any]


def planted(event: str, account: str = "a1", at: int = T, **more: Any) -> Record:
    """A line of truth: an alert to be found, unless `more` says otherwise."""
    line = {
        "typology": "velocity_burst", "entity": {"kind": "account", "id": account},
        "account_id": account, "expect": "alert", "from": at, "by": at, "event_ids": [event],
        "note": "a note",
    }  # fmt: skip
    return line | more


def alert(event: str, account: str = "a1", at: int = T, **more: Any) -> Record:
    """A revision of an alert, with what a judge reads of it."""
    record = {
        "alert_id": f"x-{event}", "revision": 1, "status": "open", "typology": "velocity_burst",
        "entity": {"kind": "account", "id": account}, "occurred_at": at, "opened_at": at,
        "evidence": [event], "trigger_event_id": event, "actions": ["manual_review"],
    }  # fmt: skip
    return record | more


def decision(event: str, account: str = "a1", at: int = T, **more: Any) -> Record:
    record = {
        "event_id": event, "account_id": account, "occurred_at": at, "outcome": "approve",
        "question": "unauthorized_transfer", "alert_ids": [],
    }  # fmt: skip
    return record | more


@pytest.fixture
def judge(tmp_path: Path) -> Any:
    def of(
        truth: list[Record], alerts: list[Record], decisions: list[Record], days: int = 10
    ) -> Verdict:
        written(tmp_path, truth, alerts, decisions, days)
        return verdict_of(tmp_path, tmp_path / "truth.jsonl")

    return of


def written(
    folder: Path,
    truth: list[Record],
    alerts: list[Record],
    decisions: list[Record],
    days: int = 10,
) -> list[str]:
    """Writes a run and its truth; gives the words of the command that judges it."""
    for name, records in (("truth", truth), ("alerts", alerts), ("decisions", decisions)):
        text = b"".join(orjson.dumps(record) + b"\n" for record in records)
        (folder / f"{name}.jsonl").write_bytes(text)
    summary = {"last_event_at": T + days * DAY_MS, "interrupted": False}
    (folder / "summary.json").write_bytes(orjson.dumps(summary))
    return ["judge", "--run", str(folder), "--truth", str(folder / "truth.jsonl")]


def figures(verdict: Verdict, typology: str = "velocity_burst") -> tuple[int, ...]:
    score = verdict.scored.table[typology]
    return score.planted, score.found, score.near_misses, score.hits, score.honest_alerts


def test_what_was_planted_is_found_or_missed(judge: Any) -> None:
    truth = [planted("e1"), planted("e2", "a2")]
    verdict = judge(truth, [alert("e1")], [])
    assert figures(verdict) == (2, 1, 0, 0, 0)
    assert [line["account_id"] for line in verdict.scored.missed] == ["a2"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"typology": "otp_flood"},
        {"entity": {"kind": "account", "id": "a9"}},
        {"evidence": ["e9"], "trigger_event_id": "e9"},
        {"occurred_at": T + 2 * DAY_MS},
        {"status": "withdrawn"},
    ],
    ids=str,
)
def test_an_alert_of_another_kind_entity_event_or_time_finds_nothing(
    judge: Any, wrong: Record
) -> None:
    assert judge([planted("e1")], [alert("e1")], []).scored.table["velocity_burst"].found == 1
    verdict = judge([planted("e1")], [alert("e1", **wrong)], [])
    assert verdict.scored.table["velocity_burst"].found == 0


def test_what_should_be_withdrawn_is_found_only_if_it_was(judge: Any) -> None:
    truth = [planted("e1", status="withdrawn")]
    taken = alert("e1", revision=2, status="withdrawn")
    assert figures(judge(truth, [alert("e1"), taken], []))[:2] == (1, 1)
    assert figures(judge(truth, [alert("e1")], []))[:2] == (1, 0)


def test_a_near_miss_is_left_alone_or_hit_and_a_withdrawn_alert_is_none(judge: Any) -> None:
    truth = [planted("e1", expect="silent")]
    assert figures(judge(truth, [], [])) == (0, 0, 1, 0, 0)
    verdict = judge(truth, [alert("e1")], [])
    assert figures(verdict) == (0, 0, 1, 1, 1) and verdict.near_misses_hit == 1
    taken = alert("e1", revision=2, status="withdrawn")
    assert figures(judge(truth, [alert("e1"), taken], [])) == (0, 0, 1, 0, 0)


def test_an_alert_about_nothing_planted_is_honest_unless_it_may_also_be_said(judge: Any) -> None:
    other = alert("e1", typology="rapid_stacking")
    verdict = judge([planted("e1")], [other], [], 4)
    assert figures(verdict, "rapid_stacking") == (0, 0, 0, 0, 1)
    assert verdict.told()["typologies"][0]["honest_alerts_a_day"] == 0.25
    for expect in ("alert", "silent"):
        line = planted("e1", expect=expect, also=["rapid_stacking"])
        assert "rapid_stacking" not in judge([line], [other], []).scored.table
    assert judge([planted("e1", expect="either")], [other], []).scored.table == {}
    elsewhere = alert("e2", typology="rapid_stacking")
    line = planted("e1", also=["rapid_stacking"])
    assert figures(judge([line], [elsewhere], []), "rapid_stacking")[4] == 1


def test_an_obligation_is_found_by_any_state_that_its_alert_went_through(judge: Any) -> None:
    truth = [planted("e1", typology="debit_failed")]
    states = [
        alert("e1", typology="debit_failed"),
        alert("e1", typology="overdue", revision=2, status="updated", trigger_event_id="e5"),
    ]
    assert figures(judge(truth, states, []), "debit_failed") == (1, 1, 0, 0, 0)


def test_time_to_detect_is_of_event_time_from_the_truth_to_the_first_word(judge: Any) -> None:
    truth = [planted(f"e{n}", f"a{n}") for n in range(3)]
    alerts = [alert(f"e{n}", f"a{n}", T + wait) for n, wait in enumerate((0, 60_000, 3_600_000))]
    later = alert("e1", "a1", T + 7_200_000, opened_at=T + 60_000, revision=2, status="updated")
    told = judge(truth, [*alerts, later], []).told()["typologies"][0]
    assert (told["median_ms_to_detect"], told["worst_ms_to_detect"]) == (60_000, 3_600_000)


def disturbance(judge: Any, alerts: list[Record], **more: Any) -> tuple[int, int, int]:
    """Of one honest draw beside three others: honest, disturbed, taken back."""
    others = [decision(f"o{n}", f"b{n}") for n in range(3)]
    told = judge([], alerts, [decision("e1", **more), *others]).disturbance
    return told.honest, told.disturbed, told.taken_back


def test_a_strict_decision_disturbs_and_a_review_does_not(judge: Any) -> None:
    assert disturbance(judge, [], outcome="approve") == (4, 0, 0)
    assert disturbance(judge, [], outcome="review") == (4, 0, 0)
    assert disturbance(judge, [], outcome="challenge") == (4, 1, 0)
    assert disturbance(judge, [], outcome="decline") == (4, 1, 0)


def test_a_standing_alert_that_holds_or_steps_up_disturbs(judge: Any) -> None:
    named = {"outcome": "review", "alert_ids": ["x-e1"]}
    for action, disturbed in (
        ("hold_disbursement", 1), ("step_up_verification", 1), ("manual_review", 0),
    ):  # fmt: skip
        told = disturbance(judge, [alert("e1", actions=[action])], **named)
        assert told == (4, disturbed, 0), action


def test_what_late_evidence_withdrew_is_taken_back(judge: Any) -> None:
    hold = alert("e1", actions=["hold_disbursement"])
    taken = hold | {"revision": 2, "status": "withdrawn"}
    named = {"outcome": "decline", "alert_ids": ["x-e1"]}
    assert disturbance(judge, [hold], **named) == (4, 1, 0)
    assert disturbance(judge, [hold, taken], **named) == (4, 0, 1)
    both = {"outcome": "decline", "alert_ids": ["x-e1", "x-e2"]}
    stays = alert("e2", actions=["step_up_verification"])
    assert disturbance(judge, [hold, taken, stays], **both) == (4, 1, 0)


def test_planted_wrongs_and_their_aftermath_are_not_honest(judge: Any) -> None:
    strict = {"outcome": "decline"}
    decisions = [
        decision("e0", at=T - 5, **strict),  # before the wrong: honest
        decision("e1", at=T, **strict),
        decision("e2", at=T + 5, **strict),  # the aftermath
        decision("e3", "a2", **strict),  # somebody else
    ]
    told = judge([planted("e1")], [], decisions).disturbance
    assert (told.honest, told.disturbed, told.events) == (2, 2, ["e0", "e3"])
    assert judge([planted("e1", expect="either")], [], decisions).disturbance.honest == 2
    assert judge([planted("e1", expect="silent")], [], decisions).disturbance.honest == 4
    assert judge([planted("e1", status="withdrawn")], [], decisions).disturbance.honest == 4


def test_a_scheduled_debit_is_no_disbursement(judge: Any) -> None:
    asked = decision("e1", question="insufficient_balance", outcome="review")
    assert judge([], [], [asked]).disturbance.honest == 0


def test_missed_money_counts_each_draw_once(judge: Any) -> None:
    truth = [
        planted("e1", amounts={"e1": 700}),
        planted("e1", typology="sim_swap", amounts={"e1": 700}),
        planted("e2", "a2", amounts={"e2": 300}),
        planted("e3", "a3", status="withdrawn", amounts={"e3": 9_000}),
        planted("e4", "a4", expect="either", amounts={"e4": 9_000}),
    ]
    verdict = judge(truth, [], [])
    assert (verdict.planted_minor, verdict.missed_minor) == (1000, 1000)
    # One of the two lines that name e1 is enough.
    verdict = judge(truth, [alert("e1", typology="sim_swap")], [])
    assert (verdict.missed_minor, verdict.missed_value) == (300, 0.3)
    assert judge(truth, [alert("e1"), alert("e2", "a2")], []).missed_value == 0.0


def test_each_gate_can_fail_and_be_kept(judge: Any) -> None:
    truth = [planted("e1"), planted("e2", "a2"), planted("e3", "a3", expect="silent")]
    decisions = [decision(f"o{n}", f"b{n}", outcome="decline" if n == 0 else "approve")
                 for n in range(4)]  # fmt: skip
    verdict = judge(truth, [alert("e1"), alert("e3", "a3")], decisions)
    for kept, failed, words in (
        (Gates(recall_min=0.5), Gates(recall_min=0.6), "recall of velocity_burst is 0.500"),
        (Gates(disturbed_max=25_000), Gates(disturbed_max=24_999), "25000.0 of 100,000"),
        (Gates(near_misses_max=1), Gates(near_misses_max=0), "1 near misses alerted"),
    ):
        assert kept.failures(verdict) == []
        (told,) = failed.failures(verdict)
        assert words in told


def test_the_command_prints_its_table_and_exits_with_1_where_a_gate_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = written(tmp_path, [planted("e1"), planted("e2", "a2")], [alert("e1")], [decision("o1")])
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "velocity_burst" in told and "0.500" in told and "1 honest disbursements" in told
    assert "missed: velocity_burst of a2: a note" in told
    assert main([*words, "--recall-min", "0.9", "--json"]) == 1
    told = capsys.readouterr()
    assert told.err == "lendwatch: gate failed: recall of velocity_burst is 0.500, below 0.9\n"
    figures = orjson.loads(told.out)
    assert figures["failed"] and figures["typologies"][0]["recall"] == 0.5


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("summary.json", None, "summary.json: cannot be read"),
        ("summary.json", b"[]", "summary.json: is no JSON object"),
        ("summary.json", b'{"interrupted":true}', "was interrupted"),
        ("truth.jsonl", None, "truth.jsonl: cannot be read"),
        ("truth.jsonl", b"{\n", "truth.jsonl:1: is no JSON object"),
        ("truth.jsonl", b'{"typology":"x"}\n', "truth.jsonl:1: lacks by, entity"),
        ("alerts.jsonl", None, "alerts.jsonl: cannot be read"),
        ("decisions.jsonl", b'{"event_id":"e1"}\n', "decisions.jsonl:1: lacks question"),
        ("decisions.jsonl", b'{"event_id":"e1","question":"unauthorized_transfer"}\n', "is no run"),
    ],
)
def test_a_file_that_cannot_be_read_or_is_none_of_ours_is_one_line_and_2(
    tmp_path: Path, name: str, text: bytes | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = written(tmp_path, [planted("e1")], [alert("e1")], [decision("o1")])
    (tmp_path / name).unlink() if text is None else (tmp_path / name).write_bytes(text)
    assert main(words) == 2
    told = capsys.readouterr().err
    assert says in told and told.startswith("lendwatch: ") and told.count("\n") == 1
