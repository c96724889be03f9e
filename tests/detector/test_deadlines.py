"""Deadlines come in order, each once, and what is no longer meant does not pile up."""

from __future__ import annotations

import random

from detector.deadlines import SPARE, Deadline, Deadlines


def test_deadlines_come_in_the_order_of_time_then_of_birth() -> None:
    rng = random.Random(1)
    deadlines, expected = Deadlines(), list[Deadline]()
    for _ in range(2_000):
        one = (rng.randrange(500), rng.randrange(50), rng.randrange(9), rng.randrange(9))
        deadlines.add(one)
        expected.append(one)
    found = []
    for clock_ms in sorted(rng.randrange(600) for _ in range(100)):
        while (one_due := deadlines.pop_before(clock_ms)) is not None:
            assert one_due[0] < clock_ms
            found.append(one_due)
    while (one_due := deadlines.pop_before(1_000)) is not None:
        found.append(one_due)
    assert found == sorted(expected)


def test_what_is_due_at_a_time_waits_until_the_clock_is_past_it() -> None:
    deadlines = Deadlines()
    deadlines.add((10, 0, 1, 1))
    assert deadlines.pop_before(10) is None
    assert deadlines.pop_before(11) == (10, 0, 1, 1)
    assert len(deadlines) == 0


def test_what_is_no_longer_meant_is_cleared_away() -> None:
    deadlines = Deadlines()
    for number in range(SPARE + 3):
        deadlines.add((number, 0, 1, 1))
    assert deadlines.is_cluttered(1) and not deadlines.is_cluttered(2)
    deadlines.remake([(5, 0, 1, 1)])
    assert len(deadlines) == 1 and deadlines.pop_before(6) == (5, 0, 1, 1)
