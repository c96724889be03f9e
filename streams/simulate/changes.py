"""What changes in honest lives: new phones, some with a new SIM, journeys, raised limits."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Final

import numpy as np

from streams.simulate import lines
from streams.simulate.habits import carrier
from streams.simulate.log import Log
from streams.simulate.world import CITIES, DAY_MS, HOUR_MS, PLACES, START_MS, Ints, World

NEW_PHONE: Final = 0.002  # chance a day
NEW_SIM: Final = 0.4  # of those who get a new phone
JOURNEY: Final = 0.002
RAISE: Final = 0.001
CRUISE_KMH: Final = 800  # of an airliner, from door to door a good deal less
HIGHEST_MINOR: Final = 19_000_000  # no limit grows beyond it
CHANGED_FEW_DAYS: Final = 4  # so long a new phone draws to the own card only, after a face check


def new_phones(world: World, log: Log, day: int, rng: np.random.Generator) -> None:
    """Some replace their phone, and log in with it in the morning; nothing else changes."""
    who = _some(world, NEW_PHONE, day, rng)
    if day < 2 or not len(who):
        return
    phone = np.array([world.token("dq") for _ in who], object)
    alone = world.tablet[who] == world.phone[who]
    world.tablet[who] = np.where(alone, phone, world.tablet[who])
    world.phone[who], world.changed[who] = phone, day
    sim = rng.random(len(who)) < NEW_SIM
    extra = np.where(sim, ',"device_signals":["sim_changed"]', world.signals[who])
    at = START_MS + day * DAY_MS + rng.integers(7 * HOUR_MS, 12 * HOUR_MS, len(who))
    head = (log.next_ids(len(who)), world.who[who], at)
    words = (world.numbers("s", len(who)), phone, world.home_ip[who], "success", "otp", extra)
    log.block("login", at, lines.logins(head, *words))


def journeys(world: World, log: Log, day: int, rng: np.random.Generator) -> None:
    """Some leave for another city, for some days, and come back.

    On a day of travel they log in before and after, on the tablet that stays at home and on the
    phone, and do nothing else: the way between takes as long as it takes."""
    leaving = _some(world, JOURNEY, day, rng)
    _travel(world, log, day, leaving, rng.integers(1, len(CITIES), len(leaving)), rng)
    world.away_until[leaving] = day + rng.integers(3, 8, len(leaving))
    back = (world.away_until == day) & ~world.cast & world.awake(day)
    returning = np.flatnonzero(back & (world.at_city != world.city))
    _travel(world, log, day, returning, np.zeros(len(returning), np.int64), rng)
    # Whoever is on the way back but was kept from telling of it is simply at home again.
    world.at_city = np.where(world.away_until <= day, world.city, world.at_city)


def _travel(
    world: World, log: Log, day: int, who: Ints, further: Ints, rng: np.random.Generator
) -> None:
    """A login before the way and one after it; `further` cities from home, 0 being home."""
    for index, step in zip(who.tolist(), further.tolist(), strict=True):
        here = int(world.at_city[index])
        there = (int(world.city[index]) + step) % len(CITIES)
        hours = max(2.0, distance_km(CITIES[here], CITIES[there]) / CRUISE_KMH)
        left = START_MS + day * DAY_MS + int(rng.integers(7 * HOUR_MS, 11 * HOUR_MS))
        arrived = left + int((hours + 2 * rng.random()) * HOUR_MS)
        outward = step != 0
        phone, tablet = world.phone[index], world.tablet[index]
        one = np.array([index])
        mobile = carrier(world, one, rng)
        at_home = (tablet, world.home_ip[one])
        visits = ((left, here, at_home), (arrived, there, (phone, mobile)))
        if not outward:
            visits = ((left, here, (phone, mobile)), (arrived, there, at_home))
        for at, city, (device, ip) in visits:
            head = (log.next_ids(1), world.who[one], np.array([at]))
            place = PLACES[city, index % PLACES.shape[1]] + world.signals[index]
            words = (world.numbers("s", 1), device, ip, "success", "password", place)
            log.block("login", np.array([at]), lines.logins(head, *words))
        world.at_city[index] = there
    world.quiet_until[who] = day + 1


def raises(world: World, day: int, rng: np.random.Generator) -> None:
    """A few limits grow modestly."""
    who = _some(world, RAISE, day, rng)
    grown = world.limit_minor[who] * (1 + 0.1 * rng.integers(1, 4, len(who)))
    grown = np.minimum(grown, HIGHEST_MINOR)
    world.limit_minor[who] = grown.astype(np.int64) // 100_000 * 100_000


def _some(world: World, chance: float, day: int, rng: np.random.Generator) -> Ints:
    """Borrowers at home, of no story, each with this chance."""
    free = world.awake(day) & ~world.cast & (world.away_until < day) & (world.joined < day)
    return np.flatnonzero((rng.random(world.accounts) < chance) & free)


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great circle between two places, (latitude, longitude) in degrees."""
    (lat, long), (to_lat, to_long) = (tuple(map(radians, place)) for place in (one, other))
    chord = sin((to_lat - lat) / 2) ** 2
    chord += cos(lat) * cos(to_lat) * sin((to_long - long) / 2) ** 2
    return 2 * 6371.0088 * asin(sqrt(chord))
