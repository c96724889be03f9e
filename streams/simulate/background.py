"""Honest traffic, a day at a time: logins, verified draws, instalments and the odd false positive.

All of a day is drawn as columns and told as blocks. Nobody here does what a typology describes,
except that some instalments fail: those are told as truth too.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.simulate import changes, habits, lines, orderly, prologue
from streams.simulate.instalments import Instalments
from streams.simulate.log import Log, Truth
from streams.simulate.world import MINUTE_MS, Flags, Ints, Texts, World

LOGIN_METHODS: Final = np.array(["password", "biometric", "otp"], object)
SHOPS: Final = np.array(
    [lines.payee(f"shop{n:05d}", "other", "merchant") for n in range(40)], object
)
SCHOOLS: Final = np.array(
    [lines.payee(f"school{n:03d}", "other", "institution") for n in range(6)]
    + [lines.payee(f"hospital{n:03d}", "other", "institution") for n in range(3)],
    object,
)
FRIENDS: Final = 0.04  # of draws go to a friend of the borrower's own
SECOND_DRAW: Final = 0.04  # of those who draw draw once more that day
LEFT_MIN: Final = 2.5  # usual amounts that must be left of the limit


class Background:
    """Tells what honest borrowers do; keeps their balances in the world up to date."""

    def __init__(self, world: World, log: Log, truth: Truth, seed: int) -> None:
        self._world = world
        self._log = log
        self._seed = seed
        prologue.tell(world, log, seed)
        self.instalments = Instalments(world, log, truth)
        self.instalments.split_opening_balances(np.random.default_rng([seed, 2]))

    def run_day(self, day: int) -> None:
        """All honest events of one day."""
        rng = np.random.default_rng([self._seed, 3, day])
        self.instalments.run_day(day, rng)
        changes.new_phones(self._world, self._log, day, rng)
        changes.journeys(self._world, self._log, day, rng)
        changes.raises(self._world, day, rng)
        self._logins(day, rng)
        who, times = self._drawers(day, rng)
        self._draws(day, who, times, rng)
        again = np.flatnonzero(rng.random(len(who)) < SECOND_DRAW)
        later = times[again] + rng.integers(40, 240, len(again)) * MINUTE_MS
        self._draws(day, who[again], later, rng)

    def _logins(self, day: int, rng: np.random.Generator) -> None:
        """Logins that lead to nothing; one in forty is mistyped first. Newcomers come at once."""
        world, log = self._world, self._log
        rate = np.where(world.awake(day), habits.bustle(day) * world.login_rate, 0.0)
        visits = np.maximum(rng.poisson(rate), world.joined == day)
        who = np.repeat(np.arange(world.accounts), visits)
        count = len(who)
        at = habits.times(world, who, day, habits.LOGIN_HOURS, rng)
        device, ip = habits.whereabouts(world, who, day, rng)
        session, people = world.numbers("s", count), world.who[who]
        wrong = rng.random(count) < 0.025
        head = (log.next_ids(int(wrong.sum())), people[wrong], at[wrong])
        where = (session[wrong], device[wrong], ip[wrong])
        log.block("login", at[wrong], lines.logins(head, *where, "failure", "password", ""))
        at = np.where(wrong, at + rng.integers(9_000, 29_000, count), at)
        extra = np.where(rng.random(count) < 0.4, world.place(who), "") + world.signals[who]
        method = LOGIN_METHODS[rng.choice(3, count, p=[0.5, 0.35, 0.15])]
        words = (session, device, ip, "success", method, extra)
        log.block("login", at, lines.logins((log.next_ids(count), people, at), *words))

    def _drawers(self, day: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        world = self._world
        chance = rng.random(world.accounts)
        rate = np.minimum(world.draw_rate * habits.appetite(day), 0.45)
        # Three in ten who open an account draw on the same day.
        rate = np.where(world.joined == day, 0.3, rate)
        who = np.flatnonzero((chance < rate) & world.awake(day))
        return who, habits.times(world, who, day, habits.DRAW_HOURS, rng)

    def _draws(self, day: int, who: Ints, times: Ints, rng: np.random.Generator) -> None:
        """Verified draws of usual amounts, within the limit."""
        world = self._world
        left = world.limit_minor[who] - world.outstanding_minor[who]
        able = left > LEFT_MIN * world.usual_minor[who]
        who, times = who[able], times[able]
        factor = np.clip(rng.lognormal(0.0, 0.2, len(who)), 0.75, 1.45)
        amounts = (world.usual_minor[who] * factor).astype(np.int64) // 100 * 100
        careful = world.changed[who] >= day - changes.CHANGED_FEW_DAYS
        device, ip = habits.whereabouts(world, who, day, rng)
        device = np.where(careful, world.phone[who], device)
        method = rng.choice(3, len(who), p=[0.55, 0.37, 0.08])
        draws = orderly.Draws(
            who, times, amounts, self._payees(who, careful, rng), device, ip,
            np.where(careful, orderly.FACE, method),
        )  # fmt: skip
        paid = orderly.tell(world, self._log, draws, world.signals[who], rng)
        world.draws[who] += 1
        world.outstanding_minor[who[paid]] += amounts[paid]
        self.instalments.add(who[paid], amounts[paid], day, rng)

    def _payees(self, who: Ints, careful: Flags, rng: np.random.Generator) -> Texts:
        """Mostly the own card; merchants, institutions and a friend of one's own besides."""
        world = self._world
        share = np.where(careful, 0.0, rng.random(len(who)))
        # Squared, so that a few merchants are popular.
        shop = SHOPS[(rng.random(len(who)) ** 2 * len(SHOPS)).astype(np.int64)]
        school = SCHOOLS[rng.integers(0, len(SCHOOLS), len(who))]
        payees: Texts = world.card[who]
        payees = np.where(share >= 0.78, shop, payees)
        payees = np.where(share >= 0.97 - FRIENDS, school, payees)
        for row in np.flatnonzero(share >= 1 - FRIENDS).tolist():
            payees[row] = lines.payee(f"friend{int(who[row]) // 2:07d}", "other", "person")
        return payees
