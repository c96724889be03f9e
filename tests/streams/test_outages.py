"""Outages laid over a log: who fails, who is tried again, what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from streams.simulate import simulate
from streams.simulate.outages import AGAIN_WITHIN_MS, Laid, Outage
from streams.simulate.world import DAY_MS, HOUR_MS, START_MS

FROM_MS = START_MS + 8 * DAY_MS + 9 * HOUR_MS
UNTIL_MS = FROM_MS + 2 * HOUR_MS
Record = dict[str, Any]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    events = simulate(tmp_path_factory.mktemp("world"), 3, 800, 14, "honest").events
    return events.read_bytes().splitlines()


def laid(lines: list[bytes], outage: Outage) -> tuple[Laid, list[Record]]:
    told = Laid(outage, 3)
    return told, [orjson.loads(line) for line in told.over(lines)]


def hit(events: list[Record], outage: Outage) -> Iterator[Record]:
    for event in events:
        is_now = outage.from_ms <= event["occurred_at"] < outage.until_ms
        is_theirs = event.get(outage.kind) == outage.name
        if is_now and is_theirs and event["outcome"] != "scheduled":
            yield event


def test_a_channel_fails_and_everybody_is_tried_again(lines: list[bytes]) -> None:
    outage = Outage("channel", "bank-a", FROM_MS, UNTIL_MS, untried=0.3)
    told, events = laid(lines, outage)
    assert told.failed and told.untried
    assert {event["outcome"] for event in hit(events, outage)} == {"channel_error"}
    again = [event for event in events if event["event_id"].endswith("r")]
    assert len(again) == told.counts["hit"]
    assert all(0 < one["occurred_at"] - UNTIL_MS < AGAIN_WITHIN_MS for one in again)
    times = [event["occurred_at"] for event in events]
    assert times == sorted(times)


def test_a_provider_fails_in_part(lines: list[bytes]) -> None:
    outage = Outage("provider", "face-one", FROM_MS, UNTIL_MS, depth=0.5)
    told, events = laid(lines, outage)
    words = [event["outcome"] for event in hit(events, outage)]
    failed = sum(word in ("error", "timeout") for word in words)
    assert len(told.failed) <= failed < len(words)


def test_a_feed_falls_silent_and_the_rest_stays_as_it_was(lines: list[bytes]) -> None:
    outage = Outage("feed", "login", FROM_MS, UNTIL_MS)
    told, events = laid(lines, outage)
    assert told.counts["hit"] == len(lines) - len(events) > 0
    kept = [orjson.loads(line) for line in lines]
    assert events == [
        one for one in kept
        if one["type"] != "login" or not FROM_MS <= one["occurred_at"] < UNTIL_MS
    ]  # fmt: skip
