"""Laws of the engine that random histories reach too seldom."""

from __future__ import annotations

from typing import Any

from detector.decode import Decoder
from detector.engine import Engine, Outputs
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from tests.streams.lines import disbursement, disposition, login

MINUTE_MS, DAY_MS = 60_000, 86_400_000
RING = 64


def engine() -> tuple[Engine, Decoder]:
    policy, ids = load_policy(), Ids()
    return Engine(load_rulebook(None, policy), policy, ids), Decoder(ids, TIME_MAX_MS)


def told(lines: list[bytes]) -> tuple[Outputs, dict[str, Any]]:
    """What the last line alone gave, and the counts after it."""
    one, decoder = engine()
    one.process(decoder.decode(lines[:-1]))
    outputs = one.process(decoder.decode(lines[-1:]))
    return outputs, one.counts()


def test_a_draw_that_left_the_ring_is_still_known_when_it_is_told_again() -> None:
    draw = disbursement("d", 0)
    logins = [login(f"l{n}", (n + 1) * MINUTE_MS) for n in range(RING + 6)]
    outputs, counts = told([draw, *logins, draw])
    assert counts["repeats"] == 1 and counts["stale"] == 0
    assert outputs.alerts == [] and outputs.decisions == []


def test_another_event_older_than_a_full_ring_is_stale_and_its_decision_degraded() -> None:
    logins = [login(f"l{n}", (n + 1) * MINUTE_MS) for n in range(RING + 6)]
    outputs, counts = told([*logins, disbursement("d", 0)])
    assert counts["stale"] == 1
    assert [(d["degraded"], d["outcome"]) for d in outputs.decisions] == [(True, "review")]


def test_paid_after_requested_is_decided_once() -> None:
    first = disbursement("d1", 0, disbursement_id="D", status="requested")
    outputs, _ = told([first, disbursement("d2", MINUTE_MS, disbursement_id="D", status="paid")])
    assert outputs.decisions == []


def links(draw_at: int, verdict_at: int, known_at: int | None) -> set[str]:
    """The rules of linked_to_fraud that hit the draw of another after the verdict on a draw."""
    taken = {"device_id": "DX", "ip": "198.51.100.9", "payee_id": "PX", "payee_owner": "other"}
    known = [] if known_at is None else [
        login("k", known_at, account_id="V", device_id="DX", ip="198.51.100.9")
    ]  # fmt: skip
    lines = [
        *known,
        disbursement("d1", draw_at, account_id="V", disbursement_id="B1", **taken),
        disposition(
            "v", verdict_at, account_id="V", target_event_id="d1", disposition="confirmed_fraud"
        ),
        disbursement("d2", verdict_at + 1, account_id="A", disbursement_id="B2", **taken),
    ]
    outputs, _ = told(lines)
    return {
        reason["code"] for alert in outputs.alerts if alert["typology"] == "linked_to_fraud"
        for reason in alert["reasons"]
    }  # fmt: skip


def test_a_verdict_reaches_back_ninety_days_and_no_further() -> None:
    every = {f"linked_to_fraud.{kind}" for kind in ("device", "network", "payee")}
    assert links(0, 90 * DAY_MS, None) == every
    assert links(0, 90 * DAY_MS + 1, None) == set()


def test_what_the_victim_had_used_for_more_than_a_day_is_not_to_blame() -> None:
    payee = {"linked_to_fraud.payee"}
    assert links(2 * DAY_MS, 3 * DAY_MS, DAY_MS) == payee | {
        "linked_to_fraud.device", "linked_to_fraud.network",
    }  # fmt: skip
    assert links(2 * DAY_MS, 3 * DAY_MS, DAY_MS - 1000) == payee
