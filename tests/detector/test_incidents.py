"""Incidents against the slow reference, in any batches, with late events (laws 31 to 34)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.detector.attempts import HOUR, MINUTE, START_MS, check, debit, told
from tests.reference_incidents import Incidents

OUTAGES = ("channel_outage", "provider_outage")
Record = dict[str, Any]


def world(seed: int, hours: int = 9) -> list[Record]:
    """Two channels and a provider with outages of several depths; some events come late."""
    rng = random.Random(seed)
    outages = {
        (name, start + k): rng.choice((0.08, 0.3, 0.9, 1.0))
        for name in ("c1", "c2", "p1")
        for start in (rng.randrange(190, 300), rng.randrange(300, 500))
        for k in range(rng.choice((5, 30, 80)))
    }
    told: list[tuple[float, Record]] = []
    for minute in range(hours * 60):
        for name, rate in (("c1", 6), ("c2", 2), ("p1", 4)):
            if name == "c2" and 400 < minute < 470:
                continue  # nobody tries
            for _ in range(rng.randrange(rate * 2)):
                at_ms = START_MS + minute * MINUTE + rng.randrange(MINUTE) + 1
                bad = rng.random() < 0.02 + outages.get((name, minute), 0.0)
                n = len(told)
                if name == "p1":
                    event = check(n, at_ms, name, "timeout" if bad else "passed")
                else:
                    word = "channel_error" if bad else rng.choice(
                        ("success", "success", "insufficient_balance", "scheduled")
                    )  # fmt: skip
                    event = debit(n, at_ms, name, word)
                late = (
                    rng.choice((0, 0, 0, 0, 1, 30, 900, 3000)) * 1000 if rng.random() < 0.3 else 0
                )
                told.append((at_ms + late * rng.random(), event))
    return [event for _, event in sorted(told, key=lambda pair: pair[0])]


def as_lines(alerts: Sequence[Record]) -> list[Record]:
    """The alerts as the reference writes them."""
    lines = []
    for alert in alerts:
        if alert["typology"] in OUTAGES:
            reasons = {one["code"]: one["observed"] for one in alert["reasons"]}
            lines.append({
                "typology": alert["typology"], "entity": alert["entity"]["id"],
                "status": alert["status"], "revision": alert["revision"],
                "at": alert["occurred_at"], "began": reasons["incident_began"],
                "ended": reasons.get("incident_ended"), "share": reasons[alert["typology"]],
            })  # fmt: skip
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_incidents_are_those_of_the_slow_reference(seed: int) -> None:
    print(f"seed {seed}")
    events = world(seed)
    slow = Incidents(HOUR)
    expected = [line for event in events for line in slow.handle(event)]
    found = as_lines(told(events, [997], 1))
    assert {line["status"] for line in expected} >= {"open", "updated", "resolved"}
    key = ("at", "typology", "entity", "revision", "began", "status")
    assert sorted(found, key=lambda one: [one[k] for k in key]) == sorted(
        expected, key=lambda one: [one[k] for k in key]
    )


def test_what_is_said_does_not_depend_on_batches() -> None:
    events = world(11, hours=8)
    whole = told(events, [len(events)], 1)
    assert as_lines(whole)
    for sizes in ([1, 2, 3, 5], [64, 1], [4096]):
        assert told(events, sizes, 1) == whole


def test_late_events_move_incidents_that_were_told() -> None:
    """Else the worlds above would show nothing of it."""
    starts: dict[tuple[str, str, int], set[int]] = {}
    for seed in range(4):
        for line in as_lines(told(world(seed), [997], 1)):
            name = line["typology"], line["entity"], seed
            starts.setdefault(name, set()).add(line["began"])
    assert any(len(found) > 2 for found in starts.values())
