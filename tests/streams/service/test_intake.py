"""Laws of a stage's inputs: partitions stay together in event time, and what is full is paused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streams.service import intake
from streams.service.alignment import GRACE_MS
from streams.service.intake import Intake
from streams.service.work import Work

TOPIC, SKEW_MS = "in", 100


@dataclass(frozen=True)
class Message:
    number: int
    at: int
    time_ms: int

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at


class Reads:
    def read(self, messages: Sequence[Any]) -> tuple[NDArray[np.int64], list[bytes]]:
        times_ms = [one.time_ms for one in messages]
        return np.array(times_ms, np.int64), [str(time_ms).encode() for time_ms in times_ms]

    def work(self, items: Sequence[bytes], offsets: dict[str, int]) -> Work:
        return Work(values=list(items), offsets=offsets)


def made(partitions: int) -> Intake[bytes]:
    one = Intake((TOPIC,), Reads(), SKEW_MS)
    for number in range(partitions):
        one.begin(number, {TOPIC: 0})
    return one


def times(work: dict[int, Work]) -> dict[int, list[int]]:
    return {number: [int(value) for value in one.values] for number, one in work.items()}


def test_a_partition_does_not_run_ahead_of_one_whose_records_have_not_come_yet() -> None:
    one = made(2)
    one.take([Message(1, 0, 10)], 1_000)
    assert one.work(9) == {}  # of partition 0 nothing is known
    one.ended(TOPIC, 0, 5, 1_000 + GRACE_MS, 1_000 + GRACE_MS)  # there is something
    one.take([Message(1, 1, 500)], 1_010)
    assert one.work(9) == {}
    one.take([Message(0, k, 20 + k) for k in range(5)], 2_000)
    assert times(one.work(99)) == {0: [20, 21, 22, 23, 24], 1: [10]}
    assert one.work(99) == {}  # 500 is too far ahead of 24, unless that was all
    one.ended(TOPIC, 0, 5, 2_000, 2_000)
    assert times(one.work(99)) == {1: [500]}


def test_records_that_came_with_an_end_lie_before_it() -> None:
    one = made(1)
    one.take([Message(0, 0, 10), Message(0, 1, 11)], 0, [(TOPIC, 0, 5)])
    assert times(one.work(9)) == {0: [10, 11]}
    one.take([Message(0, 4, 12)], 0)  # a client that begins too early: this was passed
    assert one.work(9) == {}


def test_what_comes_close_together_waits_for_no_proof() -> None:
    one = made(2)
    one.take([Message(0, 0, 10), Message(1, 0, 12)], 0)
    assert times(one.work(9)) == {0: [10], 1: [12]}
    one.take([Message(1, 1, 12 + SKEW_MS - 2)], 1)
    assert times(one.work(9)) == {1: [12 + SKEW_MS - 2]}


@pytest.mark.parametrize("seed", range(20))
def test_however_they_arrive_no_record_is_worked_on_far_behind_another(seed: int) -> None:
    """Behind a record may come what is older by the skew, and what its own log has out of order."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    logs = [sorted(rng.sample(range(5_000), rng.randrange(1, 60))) for _ in range(3)]
    one, sent, now_ms, newest, found = made(3), [0, 0, 0], 0, -1, 0
    while found < sum(map(len, logs)):
        now_ms += rng.randrange(2 * GRACE_MS)
        number = rng.randrange(3)
        part = logs[number][sent[number] :][: rng.randrange(9)]
        if part:
            begin = sent[number]
            one.take([Message(number, begin + k, t) for k, t in enumerate(part)], now_ms)
            sent[number] += len(part)
        for topic, which in one.places:
            one.ended(topic, which, len(logs[which]), now_ms, now_ms)
        work = times(one.work(rng.randrange(1, 30)))
        for time_ms in sorted(time_ms for values in work.values() for time_ms in values):
            assert time_ms >= newest - SKEW_MS  # what is in one work is merged, onward, by time
            newest = max(newest, time_ms)
            found += 1


def test_an_input_far_ahead_is_paused_and_goes_on_when_it_is_worked_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "PAUSE_AT", 3)
    monkeypatch.setattr(intake, "RESUME_AT", 2)
    one = made(2)
    one.take([Message(0, k, k) for k in range(5)], 0)
    assert one.full() == ([(TOPIC, 0)], [])
    assert one.full() == ([], [])
    one.take([Message(1, 0, 7)], 0)
    assert len(times(one.work(9))[0]) == 5
    assert one.full() == ([], [(TOPIC, 0)])


def test_partitions_that_left_are_forgotten_with_all_that_waited() -> None:
    one = made(2)
    one.take([Message(0, 0, 1), Message(1, 0, 1)], 0)
    one.leave([0])
    assert one.waiting == 1
    one.take([], 0, [(TOPIC, 0, 9)])
    one.ended(TOPIC, 0, 9, 9, 9)
    assert times(one.work(9)) == {1: [1]}
