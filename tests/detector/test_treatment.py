"""Hours and days of contact, at the edges of nights, days and summer time."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from detector.treatment import Calendar, Contacts

SHANGHAI, BERLIN, NEW_YORK, LORD_HOWE = (
    "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
)  # fmt: skip
ACCOUNT = 7


def ms(zone: str, *local: int) -> int:
    year, month, day, *clock = local
    at = datetime(year, month, day, *clock).replace(tzinfo=ZoneInfo(zone))
    return round(at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "at", "earliest"),
    [
        (SHANGHAI, (2026, 3, 2, 21, 59, 59), (2026, 3, 2, 21, 59, 59)),
        (SHANGHAI, (2026, 3, 2, 22), (2026, 3, 3, 8)),
        (SHANGHAI, (2026, 3, 2, 23, 59, 59), (2026, 3, 3, 8)),
        (SHANGHAI, (2026, 3, 3), (2026, 3, 3, 8)),
        (SHANGHAI, (2026, 3, 3, 7, 59, 59), (2026, 3, 3, 8)),
        (SHANGHAI, (2026, 3, 3, 8), (2026, 3, 3, 8)),
        (SHANGHAI, (2026, 12, 31, 22), (2027, 1, 1, 8)),
        (BERLIN, (2026, 3, 28, 22), (2026, 3, 29, 8)),  # the night has nine hours
        (BERLIN, (2026, 3, 29, 3), (2026, 3, 29, 8)),
        (BERLIN, (2026, 10, 24, 22), (2026, 10, 25, 8)),  # and eleven
        (NEW_YORK, (2026, 3, 8, 1, 59), (2026, 3, 8, 8)),
        (NEW_YORK, (2026, 11, 1, 0, 30), (2026, 11, 1, 8)),
        (LORD_HOWE, (2026, 4, 4, 23), (2026, 4, 5, 8)),  # half an hour
    ],
)
def test_nobody_is_contacted_by_night(
    zone: str, at: tuple[int, ...], earliest: tuple[int, ...]
) -> None:
    calendar, at_ms = Calendar(zone), ms(zone, *at)
    found = calendar.earliest_contact_ms(at_ms, is_budget_spent=False)
    assert found == ms(zone, *earliest)
    assert calendar.is_night(at_ms) == (found != at_ms)
    assert not calendar.is_night(found)


@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN, NEW_YORK, LORD_HOWE])
@pytest.mark.parametrize(
    "day", [(2026, 3, 7), (2026, 3, 28), (2026, 4, 4), (2026, 10, 24), (2026, 10, 31)]
)
def test_the_earliest_contact_is_the_first_minute_by_day(
    zone: str, day: tuple[int, int, int]
) -> None:
    """Compared with a search minute by minute, over two days about each change of summer time."""
    calendar, start = Calendar(zone), ms(zone, *day)
    for quarter in range(0, 48 * 4):
        at_ms = start + quarter * 15 * 60_000
        minute = at_ms
        while not 8 <= datetime.fromtimestamp(minute / 1000, ZoneInfo(zone)).hour < 22:
            minute += 60_000
        assert calendar.daytime_from_ms(at_ms) == minute


def test_a_night_at_the_change_of_summer_time_is_as_long_as_it_is() -> None:
    calendar = Calendar(BERLIN)
    spring, autumn = ms(BERLIN, 2026, 3, 28, 22), ms(BERLIN, 2026, 10, 24, 22)
    assert calendar.daytime_from_ms(spring) - spring == 9 * 3_600_000
    assert calendar.daytime_from_ms(autumn) - autumn == 11 * 3_600_000


def test_three_contacts_a_local_day_and_the_next_morning_after_them() -> None:
    calendar = Calendar(SHANGHAI)
    contacts = Contacts(calendar, 3)
    noon = ms(SHANGHAI, 2026, 3, 2, 12)
    for number in range(3):
        told = contacts.treatment(ACCOUNT, noon, hardship=False)
        assert (told["contacts_left_today"], told["earliest_contact_at"]) == (3 - number, noon)
        contacts.count(ACCOUNT, noon)
    told = contacts.treatment(ACCOUNT, noon, hardship=False)
    assert told["contacts_left_today"] == 0
    assert told["earliest_contact_at"] == ms(SHANGHAI, 2026, 3, 3, 8)
    midnight = ms(SHANGHAI, 2026, 3, 3)
    for at_ms, left in ((midnight - 1, 0), (midnight, 3)):
        assert contacts.treatment(ACCOUNT, at_ms, hardship=False)["contacts_left_today"] == left
    assert contacts.treatment(ACCOUNT + 1, noon, hardship=False)["contacts_left_today"] == 3


def test_voices_are_counted_by_the_local_day() -> None:
    calendar = Calendar(NEW_YORK)
    contacts = Contacts(calendar, 3)
    late = datetime(2026, 11, 1, 23, 59, tzinfo=ZoneInfo(NEW_YORK))  # a day of 25 hours
    first = round((late - timedelta(hours=10)).timestamp() * 1000)
    last = round(late.timestamp() * 1000)
    assert [contacts.count(ACCOUNT, at, is_voice=True) for at in (first, last)] == [1, 2]
    assert contacts.count(ACCOUNT, last + 60_000, is_voice=True) == 1
    assert contacts.count(ACCOUNT, last, is_voice=False) == 2
