"""Laws of the merge of a partition's inputs by event time."""

from __future__ import annotations

import random

import pytest

from streams.alignment import GRACE_MS, Alignment

NAMES = ("disposition", "login", "check", "draw", "debit")
Record = tuple[int, str]


def test_a_draw_waits_until_the_checks_are_known_to_be_drained() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    one.add("draw", [(10, "draw")], 1, now_ms=1_000)
    assert one.release(9) == []
    one.ends({"check": 0}, asked_ms=1_000 + GRACE_MS - 1)  # a check may still be on its way
    assert one.release(9) == []
    assert one.unsure_of(1_000 + GRACE_MS) == ["check"]
    one.ends({"check": 0}, asked_ms=1_000 + GRACE_MS)
    assert one.release(9) == ["draw"]


def test_an_input_with_records_on_the_broker_holds_the_others() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    one.add("draw", [(10, "draw")], 1, now_ms=0)
    one.ends({"check": 5}, asked_ms=GRACE_MS)
    assert one.release(9) == []
    one.add("check", [(9, "check"), (11, "later")], 5, now_ms=GRACE_MS + 1)
    assert one.release(9) == ["check", "draw"]
    assert one.waiting == 1


def test_at_equal_times_the_order_of_the_names_decides() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    one.add("draw", [(10, "draw"), (12, "x")], 2, now_ms=0)
    one.add("check", [(10, "check"), (12, "y")], 2, now_ms=0)
    assert one.release(9) == ["check", "draw", "y"]


def test_no_input_is_reordered_within_itself() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    one.add("check", [(50, "a"), (10, "b"), (60, "c")], 3, now_ms=0)
    one.add("draw", [(20, "d"), (70, "e")], 2, now_ms=0)
    assert one.release(9) == ["d", "a", "b", "c"]


def test_what_was_read_before_a_restart_is_not_waited_for() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    one.begin_at("check", 7)
    one.add("draw", [(10, "draw")], 1, now_ms=0)
    one.ends({"check": 8}, asked_ms=GRACE_MS)
    assert one.release(9) == []
    one.ends({"check": 7}, asked_ms=GRACE_MS)
    assert one.release(9) == ["draw"]


def test_nothing_waits_so_nobody_is_asked() -> None:
    one: Alignment[str] = Alignment(NAMES)
    assert one.unsure_of(10**9) == []


@pytest.mark.parametrize("seed", range(40))
def test_however_inputs_arrive_the_stream_is_that_of_their_times(seed: int) -> None:
    """Whole inputs come late by seconds, as after an outage: no record overtakes an older one."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    logs: dict[str, list[Record]] = {
        name: [(at, f"{name}{at}") for at in sorted(rng.sample(range(1, 400), rng.randrange(30)))]
        for name in NAMES
    }
    one: Alignment[str] = Alignment(NAMES)
    now_ms, sent, found = 0, dict.fromkeys(NAMES, 0), []
    while sum(sent.values()) < sum(map(len, logs.values())) or one.waiting:
        now_ms += rng.randrange(0, 2 * GRACE_MS)
        for name in rng.sample(NAMES, rng.randrange(len(NAMES) + 1)):
            part = logs[name][sent[name] : sent[name] + rng.randrange(8)]
            sent[name] += len(part)
            if part:
                one.add(name, part, sent[name], now_ms)
        unsure = one.unsure_of(now_ms)
        one.ends({name: len(logs[name]) for name in unsure}, now_ms)
        found += one.release(rng.randrange(1, 20))
    every = [(at, NAMES.index(name), text) for name in NAMES for at, text in logs[name]]
    assert found == [text for _, _, text in sorted(every)]
