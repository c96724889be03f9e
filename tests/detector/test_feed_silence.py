"""Silent feeds against a slow look at each minute (law 35)."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest

from tests.detector.attempts import DAY, HOUR, MINUTE, START_MS, debit, told

Record = dict[str, Any]
DAYS = 14
MIDNIGHT_MS = START_MS - 2 * HOUR  # UTC


def login(n: int, at_ms: int) -> Record:
    return {
        "type": "login", "event_id": f"l{n}", "account_id": f"a{n}", "occurred_at": at_ms,
        "outcome": "success", "method": "otp",
    }  # fmt: skip


def world(seed: int, *, is_struck: bool) -> list[Record]:
    """Log-ins all day, debits from eight to noon and again in the evening, for whole minutes from
    the hour on: some evenings begin a minute later. Struck: one feed or the other stops."""
    rng = random.Random(seed)
    events = []
    for minute in range(DAYS * 1440):
        at_ms = MIDNIGHT_MS + minute * MINUTE
        hour = minute // 60 % 24
        if rng.random() < 0.7:
            events.append(login(minute, at_ms + rng.randrange(1, MINUTE)))
        is_run = 8 <= hour < 12 or 19 <= hour < 23
        is_late = minute % 60 == 0 and rng.random() < 0.5
        if is_run and not is_late and rng.random() < 0.8:
            late_ms = 0 if minute % 60 == 0 else rng.randrange(1, MINUTE)
            events.append(debit(minute, at_ms + late_ms, "c", "success"))
    spans = {
        "login": (12 * DAY + 9 * HOUR, 3 * HOUR),
        "auto_debit": (13 * DAY + 8 * HOUR, 2 * HOUR),
    }
    if is_struck:
        events = [
            one for one in events
            if not 0 <= one["occurred_at"] - MIDNIGHT_MS - spans[one["type"]][0]
            < spans[one["type"]][1]
        ]  # fmt: skip
    return sorted(events, key=lambda one: one["occurred_at"])


def slowly(events: list[Record]) -> list[tuple[Any, ...]]:
    """What is said of log-ins and debits, minute after minute."""
    said = []
    minutes: defaultdict[str, set[int]] = defaultdict(set)
    for event in events:
        minutes[event["type"]].add((event["occurred_at"] - 1) // MINUTE)
    every = set().union(*minutes.values())
    first, end = min(every), (events[-1]["occurred_at"] - 1) // MINUTE
    for feed in sorted(minutes):
        longest: dict[tuple[int, int], int] = {}  # by hour and day
        ticks: defaultdict[tuple[int, int], int] = defaultdict(int)
        silence, weight, since, last, newest = -1, 0, None, None, first
        for minute in range(first, end):
            newest = minute if minute in every else newest
            if minute - newest >= 60:
                continue
            day, hour = divmod(minute // 60, 24)
            ticks[hour, day] += 1
            last = minute if minute in minutes[feed] else last
            if last is None:
                continue
            usual = _usual(longest, ticks, hour, day)
            silence = 0 if last == minute else silence + 1
            longest[hour, day] = max(longest.get((hour, day), 0), silence)
            own = 0 if usual is None else 1_000_000 // max(1, usual)
            weight = own + (weight if silence > 1 else 0)
            at_ms = (minute + 1) * MINUTE
            if since is None and silence >= 30 and usual is not None and weight > 20_000_000:
                since = last
                said.append((at_ms, feed, "open", silence))
            elif since is not None and last > since:
                said.append((at_ms, feed, "resolved", last - since - 1))
                since = None
    return sorted(said)


def _usual(
    longest: dict[tuple[int, int], int], ticks: dict[tuple[int, int], int], hour: int, day: int
) -> int | None:
    seen = sorted((d for h, d in ticks if h == hour and d < day), reverse=True)[:13]
    gaps = sorted(longest[hour, d] for d in seen if ticks[hour, d] == 60 and (hour, d) in longest)
    return gaps[(len(gaps) - 1) // 2] if len(gaps) >= 7 else None


def as_lines(alerts: list[Record]) -> list[tuple[Any, ...]]:
    found = []
    for one in alerts:
        if one["typology"] == "feed_silent":
            minutes = one["reasons"][0]["observed"]
            found.append((one["occurred_at"], one["entity"]["id"], one["status"], minutes))
    return sorted(found)


@pytest.mark.parametrize("seed", range(2))
def test_silences_are_those_of_the_slow_look(seed: int) -> None:
    print(f"seed {seed}")
    events = world(seed, is_struck=True)
    expected = slowly(events)
    assert {(line[1], line[2]) for line in expected} == {
        (feed, status) for feed in ("login", "auto_debit") for status in ("open", "resolved")
    }
    assert as_lines(told(events, [997], 1)) == expected


def test_a_feed_that_comes_in_runs_is_not_silent_between_them() -> None:
    """Nothing came all afternoon, as always; the evening's run begins a minute late."""
    for seed in range(3):
        assert as_lines(told(world(seed, is_struck=False), [4096], 1)) == []
