"""Quantiles and the matching of what was heard to what was sent."""

from __future__ import annotations

import math
import random

import pytest

from tests.bench.latency import (
    decided_of,
    lateness_p99_ms,
    matched_ms,
    quantile,
    quantiles,
    trigger_of,
)


def test_a_quantile_is_a_value_with_that_share_at_or_below_it_and_no_smaller_one_is() -> None:
    chance = random.Random(5)
    for _ in range(300):
        values = [float(chance.randrange(40)) for _ in range(chance.randrange(1, 120))]
        share = chance.choice((0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0))
        needed = math.ceil(round(share * len(values), 9))
        found = quantile(values, share)
        assert found in values
        assert sum(value <= found for value in values) >= needed
        assert sum(value < found for value in values) < needed


def test_of_a_hundred_values_the_99th_is_the_last_but_one() -> None:
    assert quantile([float(n) for n in range(100, 0, -1)], 0.99) == 99.0
    assert quantile([7.0], 0.99) == 7.0


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError):
        quantile([], 0.5)
    with pytest.raises(ValueError):
        quantile([1.0], 0.0)
    assert quantiles([]).p99_ms is None and quantiles([]).count == 0


def test_what_is_heard_is_measured_from_the_event_that_it_is_about() -> None:
    left_ns = {"e1": 1_000_000, "e2": 5_000_000}
    heard = [
        (4_000_000, "alert", {"trigger_event_id": "e1", "evidence": ["e1", "e2"]}),
        (9_000_000, "alert", {"trigger_event_id": "e2"}),
        (9_500_000, "alert", {"trigger_event_id": "e1"}),  # a later revision about the same event
    ]
    assert matched_ms(left_ns, heard, trigger_of) == [3.0, 4.0, 8.5]


def test_what_is_about_the_time_before_is_left_out() -> None:
    heard = [(9, "decision", {"event_id": "before"})]
    assert matched_ms({"e1": 1}, heard, decided_of) == []


def test_a_sender_is_late_by_what_its_slowest_hundredth_waited() -> None:
    due = [1_000_000 * n for n in range(200)]
    left = [at + 100_000 for at in due]
    left[3] += 40_000_000
    left[4] += 30_000_000
    left[5] += 20_000_000
    assert lateness_p99_ms(due, left) == pytest.approx(20.1)
    with pytest.raises(ValueError):
        lateness_p99_ms([1, 2], [1])
