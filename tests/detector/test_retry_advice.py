"""Advice on the next attempt: never by night, never too soon, in time where that can be."""

from __future__ import annotations

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from detector.obligation_states import Limits, Standing, standing_at
from detector.obligation_steps import Obligation, Step
from detector.retry_advice import advice_of, usual_pay_day
from detector.treatment import Calendar

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar("Asia/Shanghai")
HOUR, DAY = 3_600_000, 86_400_000
NOON = round(datetime(2026, 3, 2, 12, tzinfo=ZONE).timestamp() * 1000)
LIMITS = Limits(
    frozenset({"debit_failed", "debit_missed", "overdue", "deferred", "mandate_invalid"}),
    4 * HOUR, 0, 0, 0, 0.25, DAY, DAY, DAY, 0.5, 3 * DAY, HOUR // 2,
)  # fmt: skip


def failed(*steps: tuple[str, int], overdue_ms: int = NOON + 4 * DAY) -> Obligation:
    one = Obligation(1, "A", "bank", "CNY", 1_000, NOON, overdue_ms, (NOON, 1))
    for number, (word, at) in enumerate(steps):
        one.add(Step(NOON + at, number, word, 0, f"e{number}"))
    return one


def standing(one: Obligation, at_ms: int) -> Standing:
    return standing_at(one, at_ms, LIMITS, [])


def advised(one: Obligation, at_ms: int, days: tuple[int, ...] = ()) -> int | None:
    return advice_of(one, standing(one, at_ms), days, CALENDAR).at_ms


def local(at_ms: int | None) -> datetime:
    assert at_ms is not None
    return datetime.fromtimestamp(at_ms / 1000, ZONE)


def test_just_before_it_is_overdue_where_no_pay_day_is_known() -> None:
    one = failed(("insufficient_balance", 0))
    assert advised(one, NOON) == NOON + 4 * DAY - 2 * HOUR


def test_a_boundary_by_night_is_moved_to_the_evening_before() -> None:
    midnight = round(datetime(2026, 3, 5, tzinfo=ZONE).timestamp() * 1000)
    one = failed(("insufficient_balance", 0), overdue_ms=midnight)
    assert local(advised(one, NOON)) == datetime(2026, 3, 4, 21, tzinfo=ZONE)


def test_on_the_usual_pay_day_where_it_is_in_time() -> None:
    one = failed(("insufficient_balance", 0))
    assert local(advised(one, NOON, (5, 5, 20))) == datetime(2026, 3, 5, 10, tzinfo=ZONE)
    assert advised(one, NOON, (20, 20)) == NOON + 4 * DAY - 2 * HOUR


@pytest.mark.parametrize(
    ("days", "usual"), [((), None), ((5,), None), ((5, 5), 5), ((5, 5, 7, 7), None), ((5, 7, 7), 7)]
)
def test_a_usual_pay_day_needs_two_cures_and_no_rival(
    days: tuple[int, ...], usual: int | None
) -> None:
    assert usual_pay_day(days) == usual


def test_as_soon_as_the_rail_works_after_its_own_error() -> None:
    one = failed(("channel_error", 0))
    assert advised(one, NOON + 5 * HOUR) == NOON + 5 * HOUR
    assert local(advised(one, NOON + 11 * HOUR)).hour == 8


@pytest.mark.parametrize(
    "steps",
    [
        (("mandate_invalid", 0),),
        (("account_frozen", 0),),
        (("insufficient_balance", 0), ("plan_agreed", HOUR)),
        (("insufficient_balance", 0), ("hardship_granted", HOUR)),
        tuple(("insufficient_balance", number * DAY) for number in range(4)),
    ],
)
def test_not_at_all_where_another_attempt_would_be_wrong(
    steps: tuple[tuple[str, int], ...],
) -> None:
    one = failed(*steps, overdue_ms=NOON + 9 * DAY)
    assert advised(one, one.newest_ms + HOUR) is None


def test_not_after_the_mandate_ends() -> None:
    one = failed(("insufficient_balance", 0))
    one.mandate_until_ms = NOON + DAY
    assert advised(one, NOON) is None


def test_advice_is_never_by_night_nor_within_an_hour_of_a_failure() -> None:
    rng = random.Random(3)
    for _ in range(3_000):
        steps = [(rng.choice(("insufficient_balance", "partial", "channel_error")),
                  rng.randrange(2 * DAY)) for _ in range(rng.randrange(1, 4))]  # fmt: skip
        one = failed(*steps, overdue_ms=NOON + rng.randrange(6 * DAY))
        at_ms = one.newest_ms + rng.randrange(2 * DAY)
        days = tuple(rng.choices(range(1, 32), k=rng.randrange(5)))
        found = advised(one, at_ms, days)
        if found is None:
            continue
        assert found >= at_ms and 8 <= local(found).hour < 22
        now = standing(one, at_ms)
        if now.facts.failures and now.state != "debit_missed":
            assert found >= now.facts.failed_last_ms + HOUR
