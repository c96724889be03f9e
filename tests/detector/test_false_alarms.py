"""How often a channel that is well is called down, and how soon one that is down is (law 33).

Counts by the minute go straight into the compiled ticks. `-s` shows the table of delays.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.control_memory import (
    CHANNEL_ERRORS,
    MINUTE_MS,
    NOW,
    OPEN,
    SPEAKS,
    empty_memory,
    with_series,
)
from detector.control_plan import plan_of
from detector.control_walk import ATTEMPT, CHANGED, ERROR, go_on
from detector.policy import load_policy
from detector.rulebook import load_rulebook

POLICY = load_policy()
PLAN = plan_of(load_rulebook(None, POLICY), POLICY)
DAY, FIRST = 1440, 29_000_160  # minutes; the first is a midnight (UTC)
STATED_YEARS = 10.0  # mean time to a false alarm, at least (channel_outage.false_alarm_years)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2)
Counts = NDArray[np.int64]


def volume(rng: np.random.Generator, days: int, per_day: int) -> Counts:
    """Attempts by the minute: nine of ten in four hours, four times as many on three pay-days."""
    by_minute = np.full(DAY, per_day * 0.1 / DAY)
    by_minute[:240] += per_day * 0.9 / 240
    scale = [4 if day % 30 in (9, 14, 24) else 1 for day in range(days)]
    return rng.poisson(np.concatenate([by_minute * each for each in scale]))


def opened(attempts: Counts, errors: Counts) -> list[tuple[int, int]]:
    """Each incident: the minute after which it was told, and with which it began."""
    memory, series = with_series(empty_memory(POLICY.lateness_ms), CHANNEL_ERRORS)
    total = int(attempts.sum())
    minute = np.repeat(np.arange(len(attempts)), attempts)
    place = np.arange(total) - np.repeat(np.cumsum(attempts) - attempts, attempts)
    at_ms = (FIRST + minute) * MINUTE_MS + 1 + place
    what = np.where(place < np.repeat(errors, attempts), ERROR, ATTEMPT).astype(np.uint8)
    first, nothing = np.full(total, series, np.int32), np.zeros(total, np.int64)
    found, row, size = [], 0, memory.counts.shape[1]
    while True:
        row = go_on(
            row, at_ms, FIRST + minute, nothing.astype(np.uint8), what, nothing + 1, nothing,
            first, first - 1 - series, int(at_ms[-1]), memory, PLAN,
        )  # fmt: skip
        if not memory.now[SPEAKS]:
            return found
        now = int(memory.now[NOW]) - 1
        began = int(memory.marks[series, now & (size - 1), OPEN])
        if memory.flags[series] & CHANGED and began >= 0:
            found.append((now - FIRST, began - FIRST))
        memory.told[series] = 1 << 40


@pytest.mark.parametrize("rate", RATES)
def test_channels_that_are_well_are_called_down_no_more_often_than_stated(rate: float) -> None:
    """Thirty days each, with pay-days: what is stated allows one in ten years."""
    months, false = 0, 0
    for seed in range(4):
        rng = np.random.default_rng([seed, round(rate * 1000)])
        attempts = volume(rng, 30, int(rng.choice([2_000, 10_000, 50_000])))
        false += len(opened(attempts, rng.binomial(attempts, rate)))
        months += 1
    print(f"rate {rate}: {false} false incidents in {months} channel-months")
    assert false <= months / 12 / STATED_YEARS


def delays(usual: float, per_minute: int, depth: float) -> list[int]:
    """Minutes until a two-hour outage was told, of ten; those that it never was are left out."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng([seed, 7])
        attempts = volume(rng, 4, round(per_minute * 240 / 0.9))
        attempts[3 * DAY : 3 * DAY + 240] = rng.poisson(per_minute, 240)
        begins = 3 * DAY + 60
        share = np.full(len(attempts), usual)
        share[begins : begins + 120] += depth * (1 - usual)
        told = opened(attempts, rng.binomial(attempts, share))
        found += [at + 1 - begins for at, _ in told if begins <= at < begins + 120][:1]
    return found


def test_the_deeper_an_outage_and_the_more_attempts_the_sooner_it_is_told() -> None:
    print("\nusual  a minute  depth  told of 10  median min  longest min")
    for usual in (0.002, 0.01, 0.05):
        for per_minute in (3, 10, 50):
            found = [delays(usual, per_minute, depth) for depth in (0.05, 0.2, 0.6)]
            for depth, told in zip((0.05, 0.2, 0.6), found, strict=True):
                median = f"{np.median(told):11.1f} {max(told):12d}" if told else "-"
                print(f"{usual:5} {per_minute:9d} {depth:6} {len(told):11d} {median}")
            assert len(found[0]) <= len(found[1]) <= len(found[2]) == 10
            assert np.median(found[2]) <= (10 if per_minute == 3 else 5)
            assert np.median(found[1]) >= np.median(found[2])


def test_an_outage_is_dated_back_to_where_it_began() -> None:
    for seed in range(5):
        print(f"seed {seed}")
        rng = np.random.default_rng([seed, 9])
        attempts = volume(rng, 4, 12_000)
        begins = 3 * DAY + 100
        share = np.full(len(attempts), 0.01)
        share[begins : begins + 60] = 0.7
        ((_, began),) = opened(attempts, rng.binomial(attempts, share))
        assert abs(began - begins) <= 2
