"""When and where honest borrowers do things: hours of the day, days of the week and of the month,
phone or tablet, home, office or a carrier's network."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np

from streams.simulate.world import DAY_MS, HOUR_MS, START_MS, Flags, Ints, Texts, World

# How logins spread over the hours of a local day; draws, which keep to waking hours more; and
# those of people who live at night.
LOGIN_HOURS: Final = (2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 9, 9, 11, 9, 8, 8, 8, 9, 11, 12, 13, 12, 8, 4)
DRAW_HOURS: Final = (1, 0, 0, 0, 0, 1, 2, 4, 8, 10, 11, 10, 9, 8, 9, 9, 9, 9, 9, 9, 9, 7, 4, 2)
OWL_HOURS: Final = (9, 9, 8, 6, 4, 2, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 5, 6, 8, 9, 9)
FIRST_DAY: Final = date(2026, 1, 1)
PAYDAY: Final = 10  # of the month


def date_of(day: int) -> date:
    """The local calendar date of a day of the log."""
    return FIRST_DAY + timedelta(days=day)


def appetite(day: int) -> float:
    """How much is borrowed on this day, 1 being usual: more before payday and at weekends."""
    today = date_of(day)
    before_payday = PAYDAY - 4 <= today.day < PAYDAY
    return (1.4 if before_payday else 0.95) * (1.15 if today.weekday() >= 5 else 0.95)


def bustle(day: int) -> float:
    """How much people log in on this day, 1 being usual."""
    return 0.85 if date_of(day).weekday() >= 5 else 1.05


def shortness(day: int) -> float:
    """How many instalments find too little money, 1 being usual: fewer after payday."""
    return 0.7 if PAYDAY <= date_of(day).day < PAYDAY + 7 else 1.1


def times(
    world: World, who: Ints, day: int, hours: tuple[int, ...], rng: np.random.Generator
) -> Ints:
    """A time of the day for each, by the rhythm of its hours and of those who live at night."""
    count = len(who)
    hour = np.where(world.night_owl[who], _hours(OWL_HOURS, count, rng), _hours(hours, count, rng))
    at = hour * HOUR_MS + rng.integers(0, HOUR_MS, count)
    # On the day of a new phone nothing is done before it is set up, in the morning.
    at = np.where(world.changed[who] == day, DAY_MS // 2 + at // 2, at)
    when: Ints = START_MS + day * DAY_MS + at
    return when


def _hours(weights: tuple[int, ...], count: int, rng: np.random.Generator) -> Ints:
    shares = np.array(weights, np.float64)
    return rng.choice(24, count, p=shares / shares.sum())


def whereabouts(world: World, who: Ints, day: int, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """Device and address of each visit. Tablets stay at home, and so does who is not away."""
    away: Flags = world.away_until[who] >= day
    on_tablet = (rng.random(len(who)) < 0.15) & ~away
    kind = np.where(away, 0.6, rng.random(len(who)))
    ip = np.where(kind < 0.85, carrier(world, who, rng), world.office_ip[who])
    ip = np.where((kind < 0.45) | on_tablet, world.home_ip[who], ip)
    return np.where(on_tablet, world.tablet[who], world.phone[who]), ip


def carrier(world: World, who: Ints, rng: np.random.Generator) -> Texts:
    """An address of each one's mobile carrier."""
    lines: Texts = world.carrier_ips[world.carrier[who] * 64 + rng.integers(0, 64, len(who))]
    return lines
