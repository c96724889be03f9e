"""Instalments of honest borrowers: scheduled, debited, sometimes short of balance, then cured.

A draw is repaid in one to three weekly instalments. What fails for want of balance is retried once
a day, and mostly cured within two days; a rail's own errors are retried within two hours. A few
are granted relief for hardship, a few pay only after they are overdue. Every failure for want of
balance is told as truth: the detector should see it, and see it end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from streams.simulate import habits, lines, shapes
from streams.simulate.log import Log, Truth
from streams.simulate.world import (
    CHANNELS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    Flags,
    Ints,
    World,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """`hours` after the first attempt; `share` of the amount is debited."""

    hours: int
    outcome: str
    share: float = 0.0


_SHORT, _PAID = "insufficient_balance", "success"
# How an instalment may go, and how often of a hundred. RELIEVED: hardship is granted, and told.
RELIEVED: Final = 6
SHORT_AND_PAID: Final = 1
WORSE_SHARE: Final = 0.5  # of a channel's instalments, on a bad day
PATHS: Final[tuple[tuple[float, tuple[Step, ...]], ...]] = (
    (92.2, (Step(0, _PAID, 1.0),)),
    (3.4, (Step(0, _SHORT), Step(24, _PAID, 1.0))),
    (0.8, (Step(0, _SHORT), Step(23, _SHORT), Step(47, _PAID, 1.0))),
    (1.2, (Step(0, "partial", 0.4), Step(24, _PAID, 0.6))),
    (1.5, (Step(0, "channel_error"), Step(2, _PAID, 1.0))),
    (0.5, (Step(0, _SHORT), Step(6, "settled"))),
    (0.2, (Step(0, _SHORT), Step(170, "settled"))),
    (0.2, (Step(0, _SHORT), Step(24, _SHORT), Step(48, _SHORT), Step(122, _PAID, 1.0))),
)
SCHEDULED_AHEAD_DAYS: Final = 2
DUE_HOUR: Final = 20
OVERDUE_AFTER_MS: Final = 3 * DAY_MS
SHORT: Final = (_SHORT, "partial")
RUN_EVERY_MS: Final = 40 * MINUTE_MS  # while a channel is down: all once more, then one in five
RUN_MS: Final = 5 * MINUTE_MS
PROBED: Final = 5
AGAIN_MS: Final = 50 * MINUTE_MS  # after the end, everybody is tried again
# An alert of repayment is one an obligation; as it ages its typology moves on to one of these.
LATER_STATES: Final = (
    "debit_unhandled", "overdue_imminent", "overdue", "deferred", "plan_broken",
)  # fmt: skip


@dataclass(slots=True)
class _Batch:
    """Obligations of one day that go the same way."""

    who: Ints
    owed: Ints
    number: Ints  # of the obligation
    first: Ints  # time of the first attempt
    due_at: int

    def part(self, chosen: Flags | Ints) -> _Batch:
        return _Batch(
            self.who[chosen], self.owed[chosen], self.number[chosen], self.first[chosen],
            self.due_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Down:
    """A channel of which every attempt fails from one time until another (ms, not included)."""

    channel: str
    from_ms: int
    until_ms: int
    event_ids: list[str] = field(default_factory=list)  # of the attempts that failed so

    def tries(self, at: Ints, number: Ints) -> Iterator[tuple[Ints, Flags]]:
        """Attempts in vain: the first ones, then run after run, when and of which obligations."""
        yield at, at >= 0
        runs = range(self.from_ms + RUN_EVERY_MS, self.until_ms - RUN_MS, RUN_EVERY_MS)
        for k, run_ms in enumerate(runs):
            now = run_ms + number * 7_919 % RUN_MS
            yield now, (at < run_ms) & ((k == 0) | (number % PROBED == 0))

    def again(self, number: Ints) -> Ints:
        """When obligations are tried after the end."""
        return self.until_ms + number * 7_919 % AGAIN_MS


@dataclass(frozen=True, slots=True)
class Worse:
    """A day (of the log) on which many of a channel's borrowers are short of balance."""

    channel: str
    day: int
    event_ids: list[str] = field(default_factory=list)  # of their first attempts


class Instalments:
    """Obligations that wait for their day, and repayments that wait to be posted."""

    def __init__(self, world: World, log: Log, truth: Truth) -> None:
        self._world = world
        self._log = log
        self._truth = truth
        self._scheduled: defaultdict[int, list[tuple[Ints, Ints]]] = defaultdict(list)
        self._repaid: defaultdict[int, list[tuple[Ints, Ints]]] = defaultdict(list)
        self._down: list[Down] = []
        self._relieved: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)  # from, until
        self._worse: list[Worse] = []

    def take_down(self, down: Down) -> None:
        """Let a channel fail, days ahead: what is told of a day is told two days before it."""
        self._down.append(down)

    def make_worse(self, worse: Worse) -> None:
        """Let many be short of balance on a day, days ahead."""
        self._worse.append(worse)

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
        for who, amounts in self._repaid.pop(day, ()):
            np.subtract.at(self._world.outstanding_minor, who, amounts)
        parts = self._scheduled.pop(day, ())
        if not parts:
            return
        who, owed = (np.concatenate(column) for column in zip(*parts, strict=True))
        count = len(who)
        due_day = START_MS + (day + SCHEDULED_AHEAD_DAYS) * DAY_MS
        minute = rng.integers(0, 240, count)  # the rails run from eight to noon
        whole = _Batch(
            who, owed, self._world.numbers("o", count),
            due_day + 8 * HOUR_MS + minute * MINUTE_MS, due_day + DUE_HOUR * HOUR_MS,
        )  # fmt: skip
        at = START_MS + day * DAY_MS + 19 * HOUR_MS + minute * MINUTE_MS
        self._step(whole, at, "scheduled", owed * 0, 0)
        short = habits.shortness(day + SCHEDULED_AHEAD_DAYS)
        shares = np.array([share for share, _ in PATHS]) * short
        shares[0] = 100 - shares[1:].sum()
        path = rng.choice(len(PATHS), count, p=shares / 100)
        for worse in self._worse:
            if worse.day == day + SCHEDULED_AHEAD_DAYS:
                theirs = self._world.channel[who] == CHANNELS.index(worse.channel)
                path[theirs & (rng.random(count) < WORSE_SHARE)] = SHORT_AND_PAID
        for number in np.unique(path).tolist():
            chosen = path == number
            self._live(whole.part(chosen), number)

    def _live(self, batch: _Batch, path: int) -> None:
        """The lives of the obligations that go one way."""
        failed: list[tuple[Ints, Ints]] = []
        at, debited, late, tried = batch.first, *(batch.owed * 0 for _ in range(3))
        for attempt, step in enumerate(PATHS[path][1], 1):
            at = batch.first + late + step.hours * HOUR_MS
            if step.outcome != "settled":
                through = self._through(batch, at, tried)
                late, at = late + through - at, through
                tried = tried + 1
            rest = batch.owed - debited
            now = rest if step.share + 1e-9 >= 1 or debited.any() else batch.owed * 2 // 5
            now = now if step.share else batch.owed * 0
            tries = tried * 0 if step.outcome == "settled" else tried
            relieved = path == RELIEVED and attempt > 1
            ids = self._step(batch, at, step.outcome, now, tries, relieved)
            debited = debited + now
            if step.outcome in SHORT:
                failed.append((at, ids))
                self._note_worse(batch, at, ids)
        posted = (at - START_MS) // DAY_MS + 1
        for each in np.unique(posted).tolist():
            on_that_day = posted == each
            self._repaid[each].append((batch.who[on_that_day], batch.owed[on_that_day]))
        if path == RELIEVED:
            self._grant(batch, failed[0], at)
        if failed:
            self._expect(batch, failed, at)

    def _note_worse(self, batch: _Batch, at: Ints, ids: Ints) -> None:
        """Failures of a bad day are its evidence."""
        for worse in self._worse:
            theirs = self._world.channel[batch.who] == CHANNELS.index(worse.channel)
            theirs &= (at - START_MS) // DAY_MS == worse.day
            worse.event_ids.extend(f"e{each:08d}" for each in ids[theirs].tolist())

    def _through(self, batch: _Batch, at: Ints, tried: Ints) -> Ints:
        """When attempts meant for a time get through; those in vain are told, and counted."""
        at = at.copy()
        for down in self._down:
            hit = self._world.channel[batch.who] == CHANNELS.index(down.channel)
            hit &= (down.from_ms <= at) & (at < down.until_ms)
            if not hit.any():
                continue
            for now, chosen in down.tries(at[hit], batch.number[hit]):
                these = np.flatnonzero(hit)[chosen]
                part = batch.part(these)
                tried[these] += 1
                ids = self._step(part, now[chosen], "channel_error", part.owed * 0, tried[these])
                down.event_ids.extend(f"e{each:08d}" for each in ids.tolist())
            at[hit] = down.again(batch.number[hit])
        return at

    def _step(
        self,
        batch: _Batch,
        at: Ints,
        outcome: str,
        debited: Ints,
        attempt: Ints | int,
        relieved: bool = False,
    ) -> Ints:
        """One step of many obligations; gives the numbers of its events."""
        world, extra = self._world, np.full(len(batch.who), "", object)
        if outcome in SHORT:
            extra = np.array([f',"available_balance_minor":{each}' for each in debited], object)
        if relieved:
            extra = extra + ',"hardship":true'
        ids = self._log.next_ids(len(batch.who))
        words = (batch.number, attempt, world.terms[batch.who], batch.owed, debited, outcome)
        dates = (batch.due_at, batch.due_at + OVERDUE_AFTER_MS)
        told = lines.debits((ids, world.who[batch.who], at), *words, *dates, extra)
        self._log.block("auto_debit", at, told)
        return ids

    def _grant(self, batch: _Batch, failed: tuple[Ints, Ints], until: Ints) -> None:
        """Relief for hardship, granted five hours after the failure."""
        for index, at, event, end in _rows(batch.who, *failed, until):
            person = self._world.borrower(index).who
            words = (f"e{event:08d}", "hardship_granted", "analyst-3", None, end)
            when = at + 5 * HOUR_MS
            self._relieved[index].append((when, end))
            self._log.tell(shapes.disposition(self._log.next_id(), person, when, *words))

    def _expect(self, batch: _Batch, failed: list[tuple[Ints, Ints]], cured: Ints) -> None:
        """The failed obligations as truth: resolved if the cure is still in the log."""
        end = self._world.end_ms
        columns = [column for step in failed for column in step]
        for index, number, cure, *steps in _rows(batch.who, batch.number, cured, *columns):
            told = [(steps[n], f"e{steps[n + 1]:08d}") for n in range(0, len(steps), 2)]
            told = [each for each in told if each[0] < end]
            if not told:
                continue
            account = self._world.borrower(index).account
            unpaid = "open" if len(told) == 1 else "updated"
            first = told[0][0]
            is_relieved = any(begin <= first < until for begin, until in self._relieved[index])
            self._truth.add(
                story="background",
                typology="deferred" if is_relieved else "debit_failed",
                entity=("account", account),
                account_id=account,
                expect="alert",
                between=(first, cure if cure < end else told[-1][0]),
                event_ids=[event_id for _, event_id in told],
                note=f"obligation o{number:07d}: an ordinary shortfall",
                status="resolved" if cure < end else unpaid,
                severity="info" if is_relieved else "low",
                also=LATER_STATES,
            )


def _rows(*columns: Any) -> Any:
    return zip(*(column.tolist() for column in columns), strict=True)
