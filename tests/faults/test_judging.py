"""The judge itself: it sees what is lost, said twice or another, and nothing where all is well."""

from __future__ import annotations

from typing import Any

from tests.faults.judging import judged
from tests.faults.outcome import Outcome
from tests.faults.states import differences

DEBIT_RULE, DEVICE_RULE = "debit_failed@1", "shared_device.accounts@1"


def alert(name: str, revision: int = 1, rule: str = DEBIT_RULE, **words: Any) -> dict[str, Any]:
    kind = "device" if rule == DEVICE_RULE else "account"
    return {
        "alert_id": name, "revision": revision, "status": "open", "typology": rule.split(".")[0],
        "entity": {"kind": kind, "id": "E"}, "detected_at": 1,
        "reasons": [{"code": "c", "rule": rule}], **words,
    }  # fmt: skip


def outcome(*alerts: dict[str, Any], decided: int = 1, **words: Any) -> Outcome:
    found = Outcome()
    for one in alerts:
        found.take_alert(dict(one))
    for _ in range(decided):
        question = {"question": "insufficient_balance", "event_id": "e1", "score": 0.5}
        found.take_decision(question | words)
    return found


def figures(truth: Outcome, service: Outcome) -> str:
    return judged(truth, service).figures


def test_the_same_is_the_same_whenever_it_was_detected() -> None:
    truth = outcome(alert("a"), alert("a", 2))
    service = outcome(alert("a", detected_at=7), alert("a", 2, detected_at=8))
    assert figures(truth, service) == "lost=0 duplicated=0 differing=0"


def test_an_alert_that_is_not_there_is_lost_and_one_too_many_differs() -> None:
    assert figures(outcome(alert("a")), outcome()) == "lost=1 duplicated=0 differing=0"
    assert figures(outcome(), outcome(alert("a"))) == "lost=0 duplicated=0 differing=1"


def test_a_revision_said_twice_is_a_duplicate_and_a_gap_is_one_too() -> None:
    truth = outcome(alert("a"), alert("a", 2))
    twice = outcome(alert("a"), alert("a", 2), alert("a", 2))
    assert figures(truth, twice) == "lost=0 duplicated=1 differing=0"
    assert figures(truth, outcome(alert("a", 2))) == "lost=0 duplicated=1 differing=0"


def test_another_last_content_at_the_account_stage_differs() -> None:
    other = outcome(alert("a", severity="low"))
    assert figures(outcome(alert("a", severity="high")), other) == (
        "lost=0 duplicated=0 differing=1"
    )  # fmt: skip


def test_at_a_later_stage_the_standing_counts_and_not_the_id() -> None:
    truth = outcome(alert("a", rule=DEVICE_RULE))
    assert figures(truth, outcome(alert("b", rule=DEVICE_RULE))) == (
        "lost=0 duplicated=0 differing=0"
    )  # fmt: skip
    withdrawn = alert("a", 2, rule=DEVICE_RULE, status="withdrawn", reasons=[])
    service = outcome(alert("a", rule=DEVICE_RULE), withdrawn)
    assert figures(truth, service) == "lost=1 duplicated=0 differing=0"


def test_a_decision_is_made_once_and_of_a_debit_it_is_the_same() -> None:
    truth = outcome()
    assert figures(truth, outcome(decided=2)) == "lost=0 duplicated=1 differing=0"
    assert figures(truth, outcome(decided=0)) == "lost=1 duplicated=0 differing=0"
    assert figures(truth, outcome(score=0.7)) == "lost=0 duplicated=0 differing=1"


def test_states_differ_by_what_is_lost_invented_or_another() -> None:
    clean = {(0, b"a"): b"1", (0, b"b"): b"2"}
    assert differences(clean, dict(clean)) == []
    assert len(differences(clean, {(0, b"a"): b"9", (1, b"b"): b"2"})) == 3
