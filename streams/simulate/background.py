"""Honest traffic, a day at a time: logins, verified draws, instalments and the odd false positive.

Draws of chance are vectorised a day; a loop then spells each event out. Nobody here does what a
typology describes, except that some instalments fail: those are told as truth too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streams.simulate import shapes
from streams.simulate.instalments import Instalments
from streams.simulate.log import Log, Truth
from streams.simulate.world import DAY_MS, HOUR_MS, START_MS, Ints, World

# How logins spread over the hours of a local day, and draws, which keep to waking hours more.
LOGIN_HOURS: Final = (2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 9, 9, 11, 9, 8, 8, 8, 9, 11, 12, 13, 12, 8, 4)
DRAW_HOURS: Final = (1, 0, 0, 0, 0, 1, 2, 4, 8, 10, 11, 10, 9, 8, 9, 9, 9, 9, 9, 9, 9, 7, 4, 2)
LOGIN_METHODS: Final = ("password", "biometric", "otp")
VERIFICATION_METHODS: Final = ("face", "otp", "bank_card")
MERCHANTS: Final = 40
INSTITUTIONS: Final = 6


class Background:
    """Tells what honest borrowers do; keeps their balances in the world up to date."""

    def __init__(self, world: World, log: Log, truth: Truth, seed: int) -> None:
        self._world = world
        self._log = log
        self._seed = seed
        self.instalments = Instalments(world, log, truth)
        self.instalments.split_opening_balances(np.random.default_rng([seed, 2]))

    def run_day(self, day: int) -> None:
        """All honest events of one day."""
        rng = np.random.default_rng([self._seed, 3, day])
        self.instalments.run_day(day, rng)
        self._new_phones(day, rng)
        if day == 0:
            self._first_logins(rng)
        self._logins(day, rng)
        self._draws(day, rng)

    def _times(
        self, day: int, count: int, hours: tuple[int, ...], rng: np.random.Generator
    ) -> Ints:
        """`count` times of the day, by the rhythm of its hours."""
        weights = np.array(hours, np.float64)
        hour = rng.choice(24, count, p=weights / weights.sum())
        within = rng.integers(0, HOUR_MS, count)
        return START_MS + day * DAY_MS + hour * HOUR_MS + within

    def _new_phones(self, day: int, rng: np.random.Generator) -> None:
        """Some borrowers replace their phone; nothing else about them changes."""
        world = self._world
        for index in np.flatnonzero(rng.random(world.accounts) < 0.002).tolist():
            if day < 2 or world.cast[index]:
                continue
            phone = world.token("dq")
            if world.tablet[index] == world.phone[index]:
                world.tablet[index] = phone
            world.phone[index] = phone
            world.changed[index] = day

    def _where(self, who: Ints, rng: np.random.Generator) -> list[tuple[str, str]]:
        """Device and address of each visit: phone or tablet; home, carrier or office."""
        world = self._world
        count = len(who)
        on_tablet = (rng.random(count) < 0.15).tolist()
        kind = rng.random(count).tolist()
        line = (world.carrier[who] * 64 + rng.integers(0, 64, count)).tolist()
        visits: list[tuple[str, str]] = []
        for i, tablet, share, slot in zip(who.tolist(), on_tablet, kind, line, strict=True):
            if tablet:  # tablets stay at home
                visits.append((world.tablet[i], world.home_ip[i]))
            elif share < 0.45:
                visits.append((world.phone[i], world.home_ip[i]))
            elif share < 0.85:
                visits.append((world.phone[i], world.carrier_ips[slot]))
            else:
                visits.append((world.phone[i], world.office_ip[i]))
        return visits

    def _first_logins(self, rng: np.random.Generator) -> None:
        """On the log's first day everybody is seen once on every device and network of theirs."""
        world, log = self._world, self._log
        times = self._times(0, world.accounts, LOGIN_HOURS, rng).tolist()
        for i, at in enumerate(times):
            carrier_ip = world.carrier_ips[int(world.carrier[i]) * 64]
            visits = {
                (world.phone[i], world.home_ip[i]),
                (world.tablet[i], world.home_ip[i]),
                (world.phone[i], world.office_ip[i]),
                (world.phone[i], carrier_ip),
            }
            for step, (device, ip) in enumerate(sorted(visits)):
                session, when = world.token("s"), at + step * 61_000
                log.tell(shapes.login(log.next_id(), world.who[i], when, session, device, ip))

    def _logins(self, day: int, rng: np.random.Generator) -> None:
        """Logins that lead to nothing; one in forty is mistyped first."""
        world, log = self._world, self._log
        rate = np.where(world.quiet_until <= day, world.login_rate, 0.0)
        who = np.repeat(np.arange(world.accounts), rng.poisson(rate))
        times = self._times(day, len(who), LOGIN_HOURS, rng)
        methods = rng.choice(3, len(who), p=[0.5, 0.35, 0.15])
        mistyped = rng.random(len(who)) < 0.025
        placed = rng.random(len(who)) < 0.4
        columns = (who, times, methods, mistyped, placed)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for (i, at, word, wrong, told), (device, ip) in zip(
            rows, self._where(who, rng), strict=True
        ):
            session, place = world.token("s"), world.place[i] if told else None
            signals = ("vpn",) if world.vpn[i] else ()
            where = (session, device, ip)
            if wrong:
                log.tell(shapes.login(log.next_id(), world.who[i], at, *where, "failure"))
                at += 9_000 + i % 20_000
            method = LOGIN_METHODS[word]
            event_id, person = log.next_id(), world.who[i]
            log.tell(shapes.login(event_id, person, at, *where, "success", method, place, signals))

    def _draws(self, day: int, rng: np.random.Generator) -> None:
        """Verified draws of usual amounts, within the limit."""
        world = self._world
        chance = rng.random(world.accounts)
        left = world.limit_minor - world.outstanding_minor
        able = (world.quiet_until <= day) & (left > 2 * world.usual_minor)
        who = np.flatnonzero((chance < world.draw_rate) & able)
        factor = np.clip(rng.lognormal(0.0, 0.2, len(who)), 0.7, 1.5)
        amounts = (world.usual_minor[who] * factor).astype(np.int64) // 100 * 100
        new_phone = world.changed[who] >= day - 2
        payees = self._payees(who, new_phone, rng)
        times = self._times(day, len(who), DRAW_HOURS, rng)
        paid = self._tell_draws(who, times, amounts, payees, rng)
        world.draws[who] += 1
        world.outstanding_minor[who[paid]] += amounts[paid]
        self.instalments.add(who[paid], amounts[paid], day, rng)

    def _payees(
        self, who: Ints, careful: NDArray[np.bool_], rng: np.random.Generator
    ) -> list[tuple[str, str, str]]:
        """Mostly the own card; merchants, institutions and a friend of one's own besides."""
        share = np.where(careful, 0.0, rng.random(len(who)))
        # Squared, so that a few merchants are popular.
        merchant = (rng.random(len(who)) ** 2 * MERCHANTS).astype(np.int64)
        payees: list[tuple[str, str, str]] = []
        for i, part, shop in zip(who.tolist(), share.tolist(), merchant.tolist(), strict=True):
            if part < 0.78:
                payees.append(self._world.payout(i))
            elif part < 0.93:
                payees.append((f"shop{shop:05d}", "other", "merchant"))
            elif part < 0.96:
                payees.append((f"school{shop % INSTITUTIONS:03d}", "other", "institution"))
            else:
                payees.append((f"friend{i // 2:07d}", "other", "person"))
        return payees

    def _tell_draws(
        self,
        who: Ints,
        times: Ints,
        amounts: Ints,
        payees: list[tuple[str, str, str]],
        rng: np.random.Generator,
    ) -> NDArray[np.bool_]:
        """Login, verification, requested, paid; says which were paid."""
        world, log, count = self._world, self._log, len(who)
        paid = rng.random(count) > 0.01
        chance = rng.random((3, count))
        columns = (
            who, times, amounts, paid,
            rng.integers(70_000, 480_000, count),  # from login to request
            rng.integers(6_000, 60_000, count),  # from verification to request
            rng.integers(2_000, 25_000, count),  # from request to payment
            rng.choice(3, count, p=[0.55, 0.37, 0.08]),
            *chance,
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for row, payee, (device, ip) in zip(rows, payees, self._where(who, rng), strict=True):
            i, at, amount, well, before, check, after, word, slip, bound, label = row
            person, session, method = world.who[i], world.token("s"), VERIFICATION_METHODS[word]
            draw, passed = world.token("w"), world.token("v")
            log.tell(shapes.login(log.next_id(), person, at - before, session, device, ip))
            if slip < 0.036:  # a first try that failed, more rarely by the provider's fault
                outcome = "failed" if slip < 0.03 else "timeout"
                tried = (world.token("v"), session, device, method, outcome, 2500)
                when = at - check - 4_000
                log.tell(shapes.verification(log.next_id(), person, when, *tried))
            binding = draw if bound < 0.5 else None
            proof = (passed, session, device, method, "passed", 400 + check % 1900, binding)
            log.tell(shapes.verification(log.next_id(), person, at - check, *proof))
            terms = (amount, payee, passed)
            owed = (int(world.limit_minor[i]), int(world.outstanding_minor[i]))
            where = (draw, session, device, ip)
            asked = log.next_id()
            request = shapes.disbursement(asked, person, at, *where, *terms, *owed, "requested")
            log.tell(request)
            end = {**request, "event_id": log.next_id(), "occurred_at": at + after}
            end["status"] = "paid" if well else "rejected"
            log.tell(end)
            self._review(person, asked, at, label)
        return paid

    def _review(self, person: tuple[str, str], event_id: str, at: int, chance: float) -> None:
        """A few honest draws are looked at by a person, and cleared."""
        if chance > 0.004:
            return
        log = self._log
        word = "false_positive" if chance < 0.002 else "customer_confirmed"
        looked = at + 2 * HOUR_MS + int(chance * 1e6) % HOUR_MS
        log.tell(shapes.disposition(log.next_id(), person, looked, event_id, word, "analyst-1"))
