"""Instalments of honest borrowers: scheduled, debited, sometimes short of balance, then cured.

A draw is repaid in one to three weekly instalments. What fails for want of balance is retried once
a day and cured within two days at the latest; a rail's own errors are retried within two hours.
Every failure for want of balance is told as truth: the detector should see it, and see it end.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from streams.simulate import shapes
from streams.simulate.log import Log, Truth
from streams.simulate.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, Ints, World

# Steps of an obligation: (hours after the first attempt, outcome, share of the amount debited).
Step = tuple[int, str, float]
PATHS: Final[tuple[tuple[Step, ...], ...]] = (
    ((0, "success", 1.0),),
    ((0, "insufficient_balance", 0.0), (24, "success", 1.0)),
    ((0, "insufficient_balance", 0.0), (23, "insufficient_balance", 0.0), (47, "success", 1.0)),
    ((0, "partial", 0.4), (24, "success", 0.6)),
    ((0, "channel_error", 0.0), (2, "success", 1.0)),
    ((0, "insufficient_balance", 0.0), (6, "settled", 0.0)),
)
SHARES: Final = (0.925, 0.035, 0.008, 0.012, 0.015, 0.005)
SCHEDULED_AHEAD_DAYS: Final = 2
DUE_HOUR: Final = 20
OVERDUE_AFTER_MS: Final = 3 * DAY_MS
SHORT: Final = ("insufficient_balance", "partial")


class Instalments:
    """Obligations that wait for their day, and repayments that wait to be posted."""

    def __init__(self, world: World, log: Log, truth: Truth) -> None:
        self._world = world
        self._log = log
        self._truth = truth
        self._scheduled: defaultdict[int, list[tuple[Ints, Ints]]] = defaultdict(list)
        self._repaid: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)

    def split_opening_balances(self, rng: np.random.Generator) -> None:
        """What is owed when the log begins falls due in its first weeks."""
        who = np.flatnonzero(self._world.outstanding_minor)
        self.add(who, self._world.outstanding_minor[who], int(rng.integers(-4, -2)), rng)

    def add(self, who: Ints, amounts: Ints, day: int, rng: np.random.Generator) -> None:
        """Splits draws of a day into instalments."""
        parts = rng.integers(1, 4, len(who))
        shift = rng.integers(-1, 2, len(who))
        for part in range(3):
            has = parts > part
            share = amounts // parts
            last = parts == part + 1
            owed = np.where(last, amounts - share * (parts - 1), share)
            due = day + 7 * (part + 1) + shift
            for each in np.unique(due[has]).tolist():
                chosen = has & (due == each)
                self._scheduled[each - SCHEDULED_AHEAD_DAYS].append((who[chosen], owed[chosen]))

    def run_day(self, day: int, rng: np.random.Generator) -> None:
        """Posts what was repaid before today and tells the lives of what is due in two days."""
        for index, amount in self._repaid.pop(day, ()):
            self._world.outstanding_minor[index] -= amount
        for who, owed in self._scheduled.pop(day, ()):
            count = len(who)
            path = rng.choice(len(PATHS), count, p=SHARES)
            minute = rng.integers(0, 240, count)  # the rails run from eight to noon
            columns = (who, owed, path, minute)
            for row in zip(*(column.tolist() for column in columns), strict=True):
                self._tell(day, *row)

    def _tell(self, day: int, index: int, owed: int, path: int, minute: int) -> None:
        """The whole life of one obligation."""
        world, log = self._world, self._log
        person = world.borrower(index)
        obligation = (world.token("o"), *person.obligation)
        due_day = START_MS + (day + SCHEDULED_AHEAD_DAYS) * DAY_MS
        due_at = due_day + DUE_HOUR * HOUR_MS
        dates = (due_at, due_at + OVERDUE_AFTER_MS)
        at = START_MS + day * DAY_MS + 19 * HOUR_MS + minute * 1000
        scheduled = (obligation, owed, 0, "scheduled", 0, *dates)
        log.tell(shapes.auto_debit(log.next_id(), person.who, at, *scheduled))
        first = due_day + 8 * HOUR_MS + minute * MINUTE_MS
        failed: list[tuple[int, str]] = []
        for attempt, (hours, outcome, share) in enumerate(PATHS[path], 1):
            at = first + hours * HOUR_MS
            debited = owed * 2 // 5 if outcome == "partial" else (owed if share == 1.0 else 0)
            if 0.0 < share < 1.0 and outcome == "success":
                debited = owed - owed * 2 // 5
            balance = debited if outcome in SHORT else None
            tries = 0 if outcome == "settled" else attempt
            event_id = log.next_id()
            words = (obligation, owed, debited, outcome, tries, *dates, balance)
            log.tell(shapes.auto_debit(event_id, person.who, at, *words))
            if outcome in SHORT and at < world.end_ms:
                failed.append((at, event_id))
        self._repaid[(at - START_MS) // DAY_MS + 1].append((index, owed))
        if failed:
            self._expect(person.account, obligation[0], failed, at)

    def _expect(
        self, account: str, obligation: str, failed: list[tuple[int, str]], cured: int
    ) -> None:
        """One failed obligation as truth: resolved if its cure is still in the log."""
        is_cured = cured < self._world.end_ms
        unpaid = "open" if len(failed) == 1 else "updated"
        self._truth.add(
            story="background",
            typology="debit_failed",
            entity=("account", account),
            account_id=account,
            expect="alert",
            between=(failed[0][0], cured if is_cured else failed[-1][0]),
            event_ids=[event_id for _, event_id in failed],
            note=f"obligation {obligation}: an ordinary shortfall",
            status="resolved" if is_cured else unpaid,
            severity="low",
        )
