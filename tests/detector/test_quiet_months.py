"""How often complaints and feeds without a cause are called a spike, or broken: over months.

`-s` shows the tables. Complaints and dead letters come independently here; in life they come in
bunches, and make more false alarms than these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from detector.complaints import Complaint
from detector.feed_arrivals import FIELDS, FIRST_FIELD, Arrived
from detector.feed_breaks import DeadLetter
from detector.ids import Ids
from detector.parts import Parts
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from tests.detector.attempts import HOUR, MINUTE, START_MS

POLICY = load_policy()
PARTS = Parts(load_rulebook(None, POLICY), POLICY, Ids())
MONTHS, MONTH_DAYS = 6, 30
CLOCK = np.array([START_MS])


def spikes(per_hour: float, seed: int) -> int:
    """Of one channel: three times as many complaints by day as by night."""
    heard, rng = PARTS.complaints(), np.random.default_rng([seed, round(per_hour * 100)])
    heard.take([], lambda _: None, CLOCK)
    opened = 0
    for hour in range(MONTHS * MONTH_DAYS * 24):
        from_ms = START_MS + hour * HOUR
        by_day = 1.5 if 2 <= hour % 24 < 14 else 0.5
        times = np.sort(rng.integers(1, HOUR, rng.poisson(per_hour * by_day))) + from_ms
        complaints = [Complaint(0, int(t), int(t), "c", f"x{t}", f"a{t}") for t in times.tolist()]
        said = heard.take(complaints, lambda _: None, np.array([from_ms + HOUR]))
        opened += sum(one["status"] == "open" for part in said for one in part.alerts)
    return opened


def test_complaints_without_a_cause_are_seldom_a_spike() -> None:
    """Where one or two an hour are usual, chance makes ten; where more are, five times as many are
    not to be had by it."""
    print("\na channel's complaints an hour   false spikes a channel-month")
    rates = (0.05, 0.3, 1.0, 2.0, 5.0)
    found = {rate: spikes(rate, 1) / MONTHS for rate in rates}
    for rate, a_month in found.items():
        print(f"{rate:30} {a_month:30.3f}")
    assert all(a_month == 0 for rate, a_month in found.items() if rate <= 1)
    assert max(found.values()) <= 1 / 4


def breaks(a_minute: float, dead_share: float, bare_share: float, seed: int) -> int:
    """Of one feed, which is busy all day."""
    watch, rng = PARTS.feed_breaks(), np.random.default_rng([seed, round(dead_share * 1e4)])
    opened, width = 0, FIRST_FIELD + len(FIELDS["login"])
    for hour in range(MONTHS * MONTH_DAYS * 24):
        first = START_MS // MINUTE + hour * 60
        counts = np.zeros((60, width), np.int64)
        counts[:, 0] = rng.poisson(a_minute, 60)
        counts[:, FIRST_FIELD] = rng.binomial(counts[:, 0], bare_share)
        arrived = Arrived("login", first + np.arange(60), counts)
        dead = rng.binomial(counts[:, 0], dead_share)
        letters = [
            DeadLetter("login", (first + minute) * MINUTE + 1, hash((seed, hour, minute, n)))
            for minute, many in enumerate(dead.tolist()) for n in range(many)
        ]  # fmt: skip
        watch.hear([arrived], letters, "e")
        said = watch.advance((first + 60) * MINUTE + 1)
        opened += sum(one["status"] == "open" for part in said for one in part.alerts)
    return opened


@pytest.mark.parametrize(
    ("dead_share", "a_month_at_most"), [(0.0005, 0.0), (0.002, 0.1), (0.005, 2.0)]
)
def test_feeds_without_a_cause_are_hardly_ever_broken(
    dead_share: float, a_month_at_most: float
) -> None:
    """The busier a feed is, the fewer: twelve a minute are the fewest that are judged at all."""
    print("\ndead share   arrivals a minute   false incidents a feed-month")
    found: Sequence[float] = [breaks(n, dead_share, 0.09, 1) / MONTHS for n in (12, 60, 200)]
    for a_minute, a_month in zip((12, 60, 200), found, strict=True):
        print(f"{dead_share:10} {a_minute:19} {a_month:30.3f}")
    assert max(found) <= a_month_at_most and found[1] == found[2] == 0
