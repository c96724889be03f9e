"""Laws of the engine that random histories reach too seldom."""

from __future__ import annotations

from typing import Any

from detector.decode import Decoder
from detector.engine import Engine, Outputs
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from tests.streams.lines import disbursement, login

MINUTE_MS = 60_000
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
