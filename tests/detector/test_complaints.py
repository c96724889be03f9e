"""Spikes of complaints against a slow look at all that was ever said (law 37)."""

from __future__ import annotations

import random
from collections import defaultdict
from statistics import median
from typing import Any

import orjson
import pytest

from tests.detector.attempts import DAY, HOUR, MINUTE, START_MS, check, debit, engine_of, told

Record = dict[str, Any]


def complaint(n: int, at_ms: int, about: Record, word: str = "complaint") -> Record:
    return {
        "type": "disposition", "event_id": f"x{n}", "occurred_at": at_ms, "disposition": word,
        "account_id": about["account_id"], "target_event_id": about["event_id"],
    }  # fmt: skip


def world(seed: int, days: int = 12) -> list[Record]:
    """A channel and a provider with complaints each day, and spikes on the last two; some late."""
    rng = random.Random(seed)
    targets: list[tuple[int, Record]] = []
    for n in range(days * 24):
        at_ms = START_MS + n * HOUR + rng.randrange(HOUR)
        targets.append((at_ms, debit(2 * n, at_ms, "c1", "insufficient_balance")))
        targets.append((at_ms, check(2 * n + 1, at_ms, "p1", "failed")))
    arrivals = list(targets)
    spikes = {
        name: [(START_MS + (days - k) * DAY + rng.randrange(20 * HOUR), rng.choice((12, 25, 60)))
               for k in (2, 1)]
        for name in ("c1", "p1")
    }  # fmt: skip
    count = 0
    for name, own in spikes.items():
        times = [START_MS + DAY + rng.randrange((days - 1) * DAY) for _ in range(days * 20)]
        times += [start + rng.randrange(70 * MINUTE) for start, many in own for _ in range(many)]
        for at_ms in times:
            about = rng.choice([
                event for t, event in targets
                if at_ms - DAY < t < at_ms - MINUTE
                and name in (event.get("channel"), event.get("provider"))
            ])  # fmt: skip
            word = rng.choice(("complaint", "complaint", "system_fault"))
            late_ms = rng.choice((0, 0, 0, 10, 50)) * MINUTE
            arrivals.append((at_ms + late_ms, complaint(count, at_ms, about, word)))
            count += 1
    return [event for _, event in sorted(arrivals, key=lambda one: one[0])]


def slowly(events: list[Record]) -> list[Record]:
    """At each minute's end all complaints that had arrived, counted anew."""
    entity_of = {
        event["event_id"]: str(event.get("channel") or event.get("provider"))
        for event in events if event["type"] != "disposition"
    }  # fmt: skip
    heard: defaultdict[str, list[int]] = defaultdict(list)
    spikes: dict[str, Record] = {}
    said: list[Record] = []
    first = now = (events[0]["occurred_at"] - 1) // MINUTE
    clock = 0

    def tick(minute: int) -> None:
        for name, minutes in sorted(heard.items()):

            def within(last: int, minutes: list[int] = minutes) -> int:
                return sum(last - 60 < m <= last for m in minutes)

            spike, count = spikes.get(name), within(minute)
            days = [k for k in range(1, 15) if minute - 59 - 1440 * k > first]
            is_spike = count >= 10 and len(days) >= 7 and (
                count > 5 * median(within(minute - 1440 * k) for k in days)
            )  # fmt: skip
            if spike is None and is_spike:
                began = min(m for m in minutes if minute - 60 < m <= minute)
                spike = spikes[name] = {"began": began, "again": 0, "revision": 0}
                status = "open"
            elif spike is None:
                continue
            else:
                total = sum(spike["began"] <= m <= minute for m in minutes)
                status = "updated" if total >= spike["again"] else ""
            if is_spike:
                spike["newest"] = minute
            end = None
            if minute - spike["newest"] >= 60:
                status, end = "resolved", spike["newest"] + 1
                del spikes[name]
            if not status:
                continue
            last = minute if end is None else end - 1
            total = sum(spike["began"] <= m <= last for m in minutes)
            spike["again"] = next(p for p in (2**k for k in range(4, 30)) if p > total)
            spike["revision"] += 1
            said.append({
                "entity": name, "status": status, "revision": spike["revision"],
                "at": (minute + 1) * MINUTE, "began": spike["began"] * MINUTE, "count": total,
                "ended": None if end is None else end * MINUTE,
            })  # fmt: skip

    for event in events:
        clock = max(clock, event["occurred_at"])
        while (now + 1) * MINUTE < clock:
            tick(now)
            now += 1
        if event["type"] == "disposition":
            heard[entity_of[event["target_event_id"]]].append((event["occurred_at"] - 1) // MINUTE)
    return said


def as_lines(alerts: list[Record]) -> list[Record]:
    """The alerts as the slow look writes them."""
    lines = []
    for alert in alerts:
        if alert["typology"] == "complaint_spike":
            reasons = {one["code"]: one["observed"] for one in alert["reasons"]}
            lines.append({
                "entity": alert["entity"]["id"], "status": alert["status"],
                "revision": alert["revision"], "at": alert["occurred_at"],
                "began": reasons["incident_began"], "count": reasons["complaint_spike"],
                "ended": reasons.get("incident_ended"),
            })  # fmt: skip
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_spikes_are_those_of_the_slow_look(seed: int) -> None:
    print(f"seed {seed}")
    events = world(seed)
    expected = slowly(events)
    assert {line["status"] for line in expected} == {"open", "updated", "resolved"}
    assert {line["entity"] for line in expected} == {"c1", "p1"}
    assert as_lines(told(events, [997], 1)) == expected


def test_what_is_said_of_complaints_does_not_depend_on_batches() -> None:
    events = world(5)
    whole = told(events, [len(events)], 1)
    assert as_lines(whole)
    for sizes in ([1, 2, 3], [64, 1], [511]):
        assert told(events, sizes, 1) == whole


def test_a_channel_s_spike_is_of_its_family_and_a_provider_s_of_its() -> None:
    alerts = [one for one in told(world(1), [997], 1) if one["typology"] == "complaint_spike"]
    assert {(one["entity"]["kind"], one["family"]) for one in alerts} == {
        ("channel", "channel_incident"), ("provider", "verification_integrity"),
    }  # fmt: skip


def test_an_alert_names_no_complaint_of_an_erased_account() -> None:
    events = world(2)
    opened_ms = [line["at"] for line in slowly(events) if line["status"] == "open"][-1]
    events = [event for event in events if event["occurred_at"] <= opened_ms]
    whole = evidence(events, erased=None)
    account = next(e["account_id"] for e in events if e["event_id"] == whole[-1][0])
    own = {event["event_id"] for event in events if event["account_id"] == account}
    left = evidence(events, erased=account)
    assert len(left) == len(whole) and left[-1] and not own & set(left[-1])


def evidence(events: list[Record], erased: str | None) -> list[list[str]]:
    """Of each spike's revisions; an account is erased while the last spike is open."""
    engine, decoder = engine_of(1)
    said = engine.process(decoder.decode([orjson.dumps(event) for event in events])).alerts
    if erased is not None:
        engine.complaints.erase(lambda account_id: account_id == erased)
    said += engine.advance(events[-1]["occurred_at"] + 3 * HOUR).alerts
    return [one["evidence"] for one in said if one["typology"] == "complaint_spike"]
