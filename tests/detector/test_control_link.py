"""The control stage apart from the account stage: counts that travel, and a state that is kept."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from detector.chain import Link
from detector.coming import WAITS_MS
from detector.counted import nothing_counted
from detector.counted_blocks import Come, CountsError, packed, unpacked
from detector.counted_grouping import by_minute, together
from detector.decode import Decoder
from detector.events import TIME_MAX_MS, T
from detector.feed_breaks import DeadLetter
from detector.ids import Ids
from detector.memory import STAGES
from detector.newest import kinds_of
from detector.outages import Fact
from detector.parts import Parts
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.sealing import SCHEMA
from detector.state import StateError
from tests.detector import test_complaints, test_surges
from tests.detector.attempts import HOUR, MINUTE, engine_of
from tests.detector.test_incidents import as_lines, world
from tests.streams import test_feed_breaks

LATENESS_HOURS = 1
ARRIVED = bytes(8)
Record = dict[str, Any]


class Pair:
    """An account stage of some partitions, and the control stage behind it."""

    def __init__(self, partitions: int = 1) -> None:
        policy = replace(load_policy(), lateness_hours=LATENESS_HOURS)
        self.ids = Ids()
        self.parts = Parts(load_rulebook(None, policy), policy, self.ids, partitions=partitions)
        self.accounts = [Link(STAGES[0], self.parts) for _ in range(partitions)]
        self.decoder = Decoder(self.ids, TIME_MAX_MS)
        self.log: dict[bytes, bytes] = {}
        self.restart()

    def restart(self) -> None:
        self.control = self.parts.control_link()
        self.control.restore(kinds_of(self.log))

    def block(self, events: list[Record], left: Sequence[int] = ()) -> bytes:
        parts = []
        for p, link in enumerate(self.accounts):
            own = [orjson.dumps(one) for one in events
                   if self.ids.hash(one["account_id"]) % len(self.accounts) == p]  # fmt: skip
            if own and (counted := link.take(self.decoder.decode(own)).counted) is not None:
                parts.append(counted)
        come = {p: Come(link.clock_ms, p in left) for p, link in enumerate(self.accounts)}
        return ARRIVED + packed(by_minute(together(parts or [nothing_counted()])), come)

    def gone_on(self, clock_ms: int) -> bytes:
        """What the clocks' going on makes known."""
        parts = [link.advance(clock_ms).counted for link in self.accounts]
        told = [one for one in parts if one is not None]
        come = {p: Come(link.clock_ms, False) for p, link in enumerate(self.accounts)}
        return ARRIVED + packed(by_minute(together(told or [nothing_counted()])), come)

    def take(self, blocks: list[bytes]) -> tuple[list[Record], list[Fact]]:
        words = self.control.take(blocks)
        self.keep()
        return [a for w in words for a in w.alerts], [f for w in words for f in w.facts]

    def keep(self) -> None:
        for key, value in self.control.changes():
            if value is None:
                del self.log[key]
            else:
                self.log[key] = value


def split(events: list[Record], seed: int) -> Iterator[list[Record]]:
    rng, at = random.Random(seed), 0
    while at < len(events):
        size = rng.choice((1, 3, 40, 700))
        yield events[at : at + size]
        at += size


def in_order(seed: int) -> list[Record]:
    return sorted(world(seed), key=lambda one: one["occurred_at"])


def of_replay(events: list[Record]) -> list[Record]:
    engine, decoder = engine_of(LATENESS_HOURS)
    return [
        alert for alert in engine.process(decoder.decode(list(map(orjson.dumps, events)))).alerts
        if alert["entity"]["kind"] in ("channel", "provider", "feed")
    ]  # fmt: skip


@pytest.mark.parametrize("partitions", [1, 3])
def test_counts_of_a_minute_say_what_their_events_say(partitions: int) -> None:
    events = in_order(2)
    pair, found = Pair(partitions), []
    for some in split(events, 5):
        found += pair.take([pair.block(some)])[0]
    expected = of_replay(events)
    assert len(expected) > 10
    if partitions == 1:
        assert found == expected
    assert as_lines(found) == as_lines(expected)


def test_a_partition_that_is_behind_is_waited_for() -> None:
    """One of two is always half an hour behind, or says nothing of what is left to it."""
    events = in_order(3)
    expected = as_lines(of_replay(events))
    for knows in (True, False):
        pair, found = Pair(2), []
        parts: list[list[Record]] = [[], []]
        for one in events:
            parts[pair.ids.hash(one["account_id"]) % 2].append(one)
        halves = sorted({one["occurred_at"] // (HOUR // 2) for one in events})
        for half in [*halves, halves[-1] + 1]:
            for lag, part in enumerate(parts):
                some = [one for one in part if one["occurred_at"] // (HOUR // 2) == half - lag]
                is_last = half > halves[-1]
                block = pair.block(some, () if is_last or not knows else (1,))
                found += pair.take([block])[0]
        if knows:
            assert as_lines(found) == expected
        else:
            assert as_lines(found) != expected, "else nobody need wait"
            assert standing(found) == standing(of_replay(events))


def test_a_partition_of_which_nobody_tells_is_not_waited_for_for_long() -> None:
    events = in_order(2)
    pair = Pair(2)
    ahead = [one for one in events if pair.ids.hash(one["account_id"]) % 2 == 0]
    pair.take([pair.block(events[:50], (1,))])
    gone = {
        p: come for p, come in unpacked(pair.block(ahead[50:], (1,))[8:]).come.items() if p == 0
    }
    block = packed(nothing_counted(), gone)
    before_ms = pair.control.clock_ms
    pair.take([(WAITS_MS - 1).to_bytes(8, "big") + block])
    assert pair.control.clock_ms == before_ms
    pair.take([WAITS_MS.to_bytes(8, "big") + block])
    assert pair.control.clock_ms == pair.accounts[0].clock_ms


def standing(alerts: list[Record]) -> set[tuple[Any, ...]]:
    last = {one["alert_id"]: one for one in alerts}
    names = {}
    for one in last.values():
        edges = {reason["code"]: reason["observed"] for reason in one["reasons"]}
        if one["status"] != "withdrawn":
            began, ended = (edges.get(name) for name in ("incident_began", "incident_ended"))
            names[one["typology"], one["entity"]["id"], began] = one["status"], ended
    return {(*key, *value) for key, value in names.items()}


def test_complaints_travel_and_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage is made again now and then, from the whole and from blocks."""
    monkeypatch.setattr("detector.input_log.BLOCKS_MIN", 3)
    monkeypatch.setattr("detector.input_log.BLOCKS_A_PIECE", 0)
    events = sorted(test_complaints.world(1), key=lambda one: one["occurred_at"])
    pair, found = Pair(2), []
    for at, some in enumerate(split(events, 3)):
        found += pair.take([pair.block(some)])[0]
        if at % 5 == 4:
            pair.restart()
    expected = of_replay(events)
    assert {"complaint_spike"} <= {one["typology"] for one in expected}
    assert complained(found) == complained(expected)


@pytest.mark.parametrize("partitions", [1, 3])
def test_how_obligations_went_travels_and_is_kept(
    partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines too: a partition without an event past one says so when its clock goes on."""
    monkeypatch.setattr("detector.input_log.BLOCKS_MIN", 3)
    monkeypatch.setattr("detector.input_log.BLOCKS_A_PIECE", 0)
    events = sorted(test_surges.world(4), key=lambda one: one["occurred_at"])
    pair, found = Pair(partitions), []
    for at, some in enumerate(split(events, 3)):
        found += pair.take([pair.block(some, range(partitions))])[0]
        if at % 9 == 8:
            pair.restart()
    found += pair.take([pair.gone_on(events[-1]["occurred_at"])])[0]
    expected = of_replay(events)
    surges = [one for one in expected if one["typology"] == "delinquency_surge"]
    causes = {one["reasons"][1]["text"] for one in surges}
    assert len(causes) == 2
    assert test_surges.as_lines(surged(found)) == test_surges.as_lines(surges)
    if partitions == 1:
        assert surged(found) == surges


def surged(alerts: list[Record]) -> list[Record]:
    return [one for one in alerts if one["typology"] == "delinquency_surge"]


def test_what_arrives_is_counted_elsewhere_and_breaks_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A minute of lines at once, their dead letters at its last event."""
    monkeypatch.setattr("detector.input_log.BLOCKS_MIN", 3)
    monkeypatch.setattr("detector.input_log.BLOCKS_A_PIECE", 0)
    engine, decoder = engine_of(LATENESS_HOURS)
    pair, found, expected = Pair(), [], []
    minutes: dict[int, list[bytes]] = {}
    for at_ms, _, line in test_feed_breaks.world(1):
        minutes.setdefault(at_ms // MINUTE, []).append(line)
    for minute, lines in sorted(minutes.items()):
        batch = decoder.decode(lines)
        marks = [zlib.crc32(lines[one.position]) for one in batch.dead]
        last_ms = max(int(words[T]) for words in batch.words)
        dead = [DeadLetter("login", last_ms, mark) for mark in marks]
        expected += engine.process(batch, dead).alerts
        counted = pair.accounts[0].take(decoder.decode(lines), [("login", mark) for mark in marks])
        assert counted.counted is not None
        come = {0: Come(pair.accounts[0].clock_ms, False)}
        found += pair.take([ARRIVED + packed(by_minute(counted.counted), come)])[0]
        if minute % 7 == 6:
            pair.restart()
    causes = [one["reasons"][1]["text"] for one in broken(expected)]
    assert len(set(causes)) == 2
    assert broken(found) == broken(expected)


def broken(alerts: list[Record]) -> list[Record]:
    """Without the newest event: to a replay that may be one that came again."""
    return [
        {name: told for name, told in one.items() if name != "trigger_event_id"}
        for one in alerts if one["typology"] == "feed_broken"
    ]  # fmt: skip


def complained(alerts: list[Record]) -> list[Record]:
    return [one for one in alerts if one["typology"] == "complaint_spike"]


@pytest.mark.parametrize("seed", range(3))
def test_a_stage_made_again_goes_on_as_if_it_had_never_stopped(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.input_log.BLOCKS_MIN", 5)
    monkeypatch.setattr("detector.input_log.PIECE_BYTES", 3_000)
    monkeypatch.setattr("detector.input_log.BLOCKS_A_PIECE", 0)
    print(f"seed {seed}")
    rng, events = random.Random(seed), world(seed)
    straight, stopped = Pair(), Pair()
    kinds, blocks = set(), []
    for some in split(events, seed):
        blocks.append(straight.block(some))
        if len(blocks) < 3:
            continue
        assert straight.take(blocks) == stopped.take(blocks)
        blocks = []
        if rng.random() < 0.7:
            kinds |= {key[:1] for key in stopped.log}
            stopped.restart()
            if rng.random() < 0.5:
                clock_ms = straight.control.clock_ms + rng.randrange(HOUR // 4)
                said = [str(one.control.advance(clock_ms)) for one in (straight, stopped)]
                assert said[0] == said[1]
                straight.keep()
                stopped.keep()
    assert kinds == {b"W", b"D"}


def test_an_account_that_was_erased_is_in_no_record() -> None:
    events = in_order(1)
    pair = Pair()
    failed = next(one for one in events if one["outcome"] in ("channel_error", "timeout"))
    for some in split(events, 1):
        pair.take([pair.block(some)])
    name = failed["account_id"]
    pair.control.control.samples[0, 0].kept.append((1, "e", name))
    pair.control.erase(pair.ids.hash(name))
    pair.keep()
    quoted = orjson.dumps(name)[1:-1]
    told = b"".join(pair.log.values())
    assert b"W" in {key[:1] for key in pair.log}
    assert bytes((0xA0 | len(quoted),)) + quoted not in told
    other = pair.control.control.samples[0, 0].kept[-1][2].encode()
    assert bytes((0xA0 | len(other),)) + other in told, "others stay"


def test_damaged_counts_and_records_are_refused_with_words() -> None:
    pair = Pair()
    block = pair.block(in_order(0)[:50])[8:]
    for value, why in (
        (block[:-1] + bytes((block[-1] ^ 1,)), "damaged"),
        (bytes((SCHEMA - 1,)) + block[1:], "schema"),
        (b"", "none"),
    ):
        with pytest.raises(CountsError, match=why):
            unpacked(value)
    pair.take([ARRIVED + block])
    pair.take([ARRIVED + block])
    key = min(pair.log)
    del pair.log[key]
    with pytest.raises(StateError, match="missing"):
        pair.restart()
