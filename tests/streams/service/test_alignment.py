"""Laws of the merge of a partition's inputs by event time."""

from __future__ import annotations

import random

import numpy as np
import pytest

from streams.service.alignment import GRACE_MS, Alignment, Limits

NAMES = ("disposition", "login", "check", "draw", "debit")
Record = tuple[int, str]


def add(one: Alignment[str], name: str, records: list[tuple[int, int, str]], position: int) -> None:
    """Records as (event time, arrival, what it is); `position` is the offset after the last."""
    for at, (time_ms, arrived_ms, text) in enumerate(records, position - len(records)):
        one.add(name, np.array([time_ms]), np.array([at]), [text], arrived_ms)


def test_a_draw_waits_until_the_checks_are_known_to_be_drained() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "draw", [(10, 1_000, "draw")], 1)
    assert one.release(9).items == []
    early_ms = 1_000 + GRACE_MS - 1
    one.ended("check", 0, early_ms, early_ms)  # a check may still be on its way
    assert one.release(9).items == []
    one.ended("check", 0, 1_000 + GRACE_MS, 1_000 + GRACE_MS)
    assert one.release(9).items == ["draw"]


def test_an_input_with_records_on_the_broker_holds_the_others() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "draw", [(10, 0, "draw")], 1)
    one.ended("check", 5, GRACE_MS, GRACE_MS)
    assert one.release(9).items == []
    add(one, "check", [(9, GRACE_MS, "check"), (11, GRACE_MS, "later")], 5)
    assert one.release(9).items == ["check", "draw"]
    assert one.waiting == 1


def test_at_equal_times_the_order_of_the_names_decides() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "draw", [(10, 0, "draw"), (12, 0, "x")], 2)
    add(one, "check", [(10, 0, "check"), (12, 0, "y")], 2)
    assert one.release(9).items == ["check", "draw", "y"]


def test_no_input_is_reordered_within_itself() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "check", [(50, 0, "a"), (10, 0, "b"), (60, 0, "c")], 3)
    add(one, "draw", [(20, 0, "d"), (70, 0, "e")], 2)
    assert one.release(9).items == ["d", "a", "b", "c"]


def test_what_was_read_before_a_restart_is_not_waited_for() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    one.begin_at("check", 7)
    add(one, "draw", [(10, 0, "draw")], 1)
    one.ended("check", 8, GRACE_MS, GRACE_MS)
    assert one.release(9).items == []
    one.ended("check", 7, GRACE_MS, GRACE_MS)
    assert one.release(9).items == ["draw"]


def test_a_steady_stream_is_late_by_little_more_than_the_grace() -> None:
    """Each record waits for proof of its own time: newer ones do not put it off."""
    one: Alignment[str] = Alignment(("check", "draw"))
    released_ms = {}
    for now_ms in range(1_000):
        add(one, "draw", [(now_ms, now_ms, str(now_ms))], now_ms + 1)
        one.ended("check", 0, now_ms, now_ms)
        released_ms |= {int(record): now_ms for record in one.release(99).items}
    assert max(at_ms - sent for sent, at_ms in released_ms.items()) == GRACE_MS


def test_what_comes_again_is_not_taken_twice() -> None:
    one: Alignment[str] = Alignment(("check",))
    add(one, "check", [(10, 0, "a"), (11, 0, "b")], 2)
    assert one.release(1).offsets == {"check": 1}
    one.add("check", np.array([10, 11, 12]), np.arange(3), ["a", "b", "c"], 0)
    one.add("check", np.array([10, 11]), np.arange(2), ["a", "b"], 0)
    released = one.release(9)
    assert (released.items, released.offsets) == (["b", "c"], {"check": 3})


def test_marks_of_transactions_are_no_records_to_wait_for() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "draw", [(10, 0, "draw")], 1)
    one.ended("check", 4, GRACE_MS, GRACE_MS)
    assert one.release(9).items == []
    one.passed("check", 4)
    one.ended("check", 4, GRACE_MS, GRACE_MS)
    assert one.release(9).items == ["draw"]
    assert one.is_drained_since(GRACE_MS) is False  # nobody asked for the end of the draws
    one.ended("draw", 1, GRACE_MS, GRACE_MS)
    assert one.is_drained_since(GRACE_MS) and not one.is_drained_since(GRACE_MS + 1)


def test_a_record_was_there_when_an_end_was_told_beyond_it() -> None:
    """However long it then lay there before it was read: the proof is as old as that answer."""
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "draw", [(10, 5_000, "seen"), (11, 5_000, "new")], 2)
    one.ended("check", 0, 1_000, 1_000)
    one.ended("draw", 1, 1_100, 1_110)
    one.ended("check", 0, 1_110 + GRACE_MS - 1, 1_200)
    assert one.release(9).items == []
    one.ended("check", 0, 1_110 + GRACE_MS, 1_200)
    assert one.release(9).items == ["seen"]


def test_what_was_drained_once_stays_proof_for_what_was_there_before() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "draw", [(10, 0, "draw")], 1)
    one.ended("check", 0, GRACE_MS, GRACE_MS)
    one.ended("check", 7, GRACE_MS + 1, GRACE_MS + 1)  # more has come, but later
    assert one.release(9).items == ["draw"]


def test_how_far_it_has_come_never_goes_back_and_limits_hold_it() -> None:
    one: Alignment[str] = Alignment(("check", "draw"))
    add(one, "check", [(50, 0, "a"), (10, 0, "late"), (60, 7, "b")], 3)
    one.ended("draw", 0, 2 * GRACE_MS, 2 * GRACE_MS)
    assert one.come_ms == 50
    assert one.release(1).items == ["a"]
    assert one.come_ms == 50  # although a late one stands at the head
    assert one.release(9, Limits(59, 60, 6)).items == ["late"]  # b arrived too lately to be sure of
    assert one.release(9, Limits(59, 59, 7)).items == []
    assert one.release(9, Limits(59, 60, 7)).items == ["b"]
    one.ended("check", 3, 2 * GRACE_MS, 2 * GRACE_MS)
    assert one.sure_ms == GRACE_MS  # what arrived elsewhere by then was here too, if it was


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
                add(one, name, [(at, now_ms, text) for at, text in part], sent[name])
        for name in NAMES:
            one.ended(name, len(logs[name]), now_ms, now_ms)
        found += one.release(rng.randrange(1, 20)).items
    every = [(at, NAMES.index(name), text) for name in NAMES for at, text in logs[name]]
    assert found == [text for _, _, text in sorted(every)]
