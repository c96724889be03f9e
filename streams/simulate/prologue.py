"""The thin past of the log: two to six events an account over the 150 days before the first full
day, so that accounts, devices and cards are known when the stories begin, and some lie asleep."""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.simulate import habits, lines, orderly
from streams.simulate.log import Log
from streams.simulate.world import DAY_MS, Ints, World

FIRST, LAST_OF_OLD = -150, -100  # days: nobody who sleeps has done anything since
RECENT, LAST = -60, -3  # days of the others' latest visit
DREW: Final = 0.7


def tell(world: World, log: Log, seed: int) -> None:
    """Tells it; counts the draws. What was drawn is repaid before the first full day."""
    rng = np.random.default_rng([seed, 4])
    old = np.flatnonzero(world.joined < 0)
    asleep = world.asleep_until[old] > 0
    _visit(world, log, old, world.phone[old], _days(FIRST, LAST_OF_OLD - 3, len(old), rng), rng)
    up = old[~asleep]
    _visit(world, log, up, world.tablet[up], _days(RECENT, LAST, len(up), rng), rng)
    drew = asleep | (rng.random(len(old)) < DREW)
    day = np.where(asleep, _days(LAST_OF_OLD - 2, LAST_OF_OLD, len(old), rng),
                   _days(RECENT, LAST, len(old), rng))[drew]  # fmt: skip
    who = old[drew]
    for each in range(FIRST, LAST):
        _draw(world, log, who[day == each], each, rng)
    world.draws[who] += 1


def _days(first: int, last: int, count: int, rng: np.random.Generator) -> Ints:
    return rng.integers(first, last, count)


def _visit(
    world: World, log: Log, who: Ints, device: object, day: Ints, rng: np.random.Generator
) -> None:
    at = habits.times(world, who, 0, habits.LOGIN_HOURS, rng) + day * DAY_MS
    head = (log.next_ids(len(who)), world.who[who], at)
    extra = world.place(who) + world.signals[who]
    session = world.numbers("s", len(who))
    words = (session, device, world.home_ip[who], "success", "password", extra)
    log.block("login", at, lines.logins(head, *words))


def _draw(world: World, log: Log, who: Ints, day: int, rng: np.random.Generator) -> None:
    """A usual draw to the own card, from the own phone at home."""
    draws = orderly.Draws(
        who=who,
        times=habits.times(world, who, day, habits.DRAW_HOURS, rng),
        amounts=world.usual_minor[who],
        payees=world.card[who],
        device=world.phone[who],
        ip=world.home_ip[who],
        method=rng.choice(3, len(who), p=[0.55, 0.37, 0.08]),
    )
    orderly.tell(world, log, draws, world.signals[who], rng)
