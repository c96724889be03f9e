"""Surges of arrears: a channel's day on which far more obligations than usual go unpaid.

Two shares are looked at, at the day's end (law 39): of the obligations that the bank was first
asked for on that day those short of balance, and of those whose overdue time lay on it those unpaid
by then. Salaries and standing orders make some days of a month poorer than others, so what is usual
is that of the same day of earlier months.

**The test.** With n obligations of which each goes wrong with a chance of at most p, k or more do
with a chance of at most exp(-n D), where D = q log(q / p) + (1 - q) log((1 - q) / (1 - p)) and
q = k / n > p (Chernoff, A measure of asymptotic efficiency, Annals of Mathematical Statistics 1952;
Hoeffding, Probability inequalities, JASA 1963). p is what is tolerated: a multiple of the median of
the earlier months, and no less than the highest of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.complaints import Said
from detector.control_memory import MINUTE_MS, SERIES_MAX
from detector.incidents import LASTS, Incident, IncidentAlerts, Measured, Samples, incident_id
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.treatment import Calendar
from detector.trials import SHORTAGE, TYPOLOGY, UNPAID, Series, Trial

MONTHS_MAX: Final = 6  # earlier ones that are looked at
DAYS_KEPT: Final = 190  # six months and a few days
BY: Final = {
    SHORTAGE: ("short of balance at the first attempt", "首次扣款余额不足"),
    UNPAID: ("unpaid at the overdue time", "至逾期时间仍未还清"),
}


class Day(NamedTuple):
    """Obligations of a day, those that went wrong, and what these were due."""

    of: int = 0
    hits: int = 0
    amount_minor: int = 0

    @property
    def share(self) -> float:
        """Of those that went wrong."""
        return self.hits / self.of if self.of else 0.0


class Usual(NamedTuple):
    """What is usual of a day of the month, and what is tolerated: shares."""

    median: float
    tolerated: float


@dataclass(slots=True)
class Known:
    """What is known of a series, and the surge that is open."""

    days: dict[int, Day] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)
    surge: Incident | None = None
    usual: tuple[float, float] | None = None  # median, tolerated: of the surge's newest day
    first: int = 0  # day of the surge


class Surges:
    """All series, no more than SERIES_MAX of them."""

    def __init__(
        self, rulebook: Rulebook, has_feed: bool, calendar: Calendar, versions: Versions
    ) -> None:
        """`has_feed`: there are debits; without them nothing is said."""
        self.unwatched = 0
        self._typology = rulebook.typologies.get(TYPOLOGY) if has_feed else None
        numbers = rulebook.parameters if self._typology else {}
        self._least = int(numbers.get(f"{TYPOLOGY}.obligations", 0))
        self._months = int(numbers.get(f"{TYPOLOGY}.months", 0))
        self._times = numbers.get(f"{TYPOLOGY}.times", 0.0)
        self._floor = numbers.get(f"{TYPOLOGY}.usual_at_least", 0.0)
        self._chance = numbers.get(f"{TYPOLOGY}.chance", 1.0)
        self._calendar = calendar
        self._writer = IncidentAlerts(calendar, versions)
        self.known: dict[Series, Known] = {}
        self.day = -1  # the local day that is not over; negative: nothing was heard
        self._ends_ms = 0  # when it is
        self.event_id = ""  # of the newest that went wrong

    def take(self, trials: Sequence[Trial], clocks: NDArray[np.int64]) -> list[Said]:
        """Take what was told with a batch; what the ticks within it say, in order.

        `clocks`: of all rows of the batch.
        """
        said: list[Said] = []
        for trial in trials:
            said += self._ticks(trial.minute * MINUTE_MS + 1, clocks)
            self._hear(trial)
        return said + self._ticks(int(clocks[-1]), clocks) if len(clocks) else said

    def advance(self, clock_ms: int) -> list[Said]:
        """The ticks before a time that the clock reaches without an event."""
        return self._ticks(clock_ms, np.empty(0, np.int64))

    def go_on_from(self, day: int) -> None:
        """Take up another's life on the day that it was in; negative: it had heard nothing."""
        self.day = day
        self._ends_ms = self._calendar.begin_ms(day + 1) if day >= 0 else 0

    def erase(self, is_meant: Callable[[str], bool]) -> None:
        """Forget the account whose id is meant: how it went stays counted, without its name."""
        for known in self.known.values():
            known.samples.forget(is_meant)

    def _hear(self, trial: Trial) -> None:
        if self._typology is None:
            return
        if self.day < 0:
            self.go_on_from(self._calendar.day(trial.minute * MINUTE_MS + 1))
        known = self.known.get(trial.series)
        if known is None:
            if len(self.known) == SERIES_MAX:
                self.unwatched += 1
                return
            known = self.known[trial.series] = Known()
        of, hits, amount_minor = known.days.get(trial.day, Day())
        known.days[trial.day] = Day(
            of + trial.of, hits + trial.is_hit, amount_minor + trial.amount_minor
        )
        if trial.is_hit:
            samples = known.samples
            samples.kept.append((trial.minute, trial.event_id, trial.account_id))
            samples.currency = samples.currency or trial.currency
            self.event_id = trial.event_id

    def _ticks(self, clock_ms: int, clocks: NDArray[np.int64]) -> list[Said]:
        """The ends of days before a time."""
        said = []
        while self.day >= 0 and self._ends_ms < clock_ms:
            tick_ms, day = self._ends_ms, self.day
            self.go_on_from(day + 1)
            alerts = [
                record
                for series in sorted(self.known)
                for record in self._judge(series, self.known[series], day, tick_ms)
            ]
            if alerts:
                said.append(Said(int(np.searchsorted(clocks, tick_ms, side="right")), alerts))
        return said

    def _judge(
        self, series: Series, known: Known, day: int, tick_ms: int
    ) -> Iterator[dict[str, Any]]:
        """What a day that is over says of a series."""
        now, usual, surge = known.days.get(day, Day()), self._usual(known, day), known.surge
        if usual is not None and self._is_far_above(now, usual.tolerated):
            known.usual = usual
            if surge is None:
                began = self._calendar.begin_ms(day) // MINUTE_MS
                name = incident_id(TYPOLOGY, ("channel", series.channel), series.cause, began)
                entity = "channel", series.channel
                surge = Incident(name, TYPOLOGY, entity, began, LASTS, tick_ms, "open")
                known.surge, known.first = surge, day
            else:
                surge.status = "updated"
            yield self._record(series, known, surge, day, tick_ms)
        elif surge is not None:
            surge.status, surge.end = "resolved", self._calendar.begin_ms(day) // MINUTE_MS
            known.surge = None
            yield self._record(series, known, surge, day - 1, tick_ms)
        for old in [one for one in known.days if one < day - DAYS_KEPT]:
            del known.days[old]

    def _usual(self, known: Known, day: int) -> Usual | None:
        """What is usual of this day of the month; None: too few earlier months are known."""
        earlier = (known.days.get(one, Day()) for one in same_day_before(day, MONTHS_MAX))
        shares = [one.share for one in earlier if one.of >= self._least]
        if len(shares) < self._months:
            return None
        middle = float(np.median(shares))
        return Usual(middle, max(self._times * max(middle, self._floor), *shares))

    def _is_far_above(self, day: Day, tolerated: float) -> bool:
        share = min(1.0, day.share)
        if day.of < self._least or share <= tolerated:
            return False
        return day.of * divergence(share, tolerated) >= -math.log(self._chance)

    def _record(
        self, series: Series, known: Known, surge: Incident, last: int, tick_ms: int
    ) -> dict[str, Any]:
        assert self._typology is not None, "without a typology nothing is judged"
        surge.revision += 1
        days = [known.days.get(one, Day()) for one in range(known.first, last + 1)]
        of, hits, amount_minor = (sum(column) for column in zip(*days, strict=True))
        assert known.usual is not None, "a surge is above something"
        measured = Measured(of, hits, amount_minor, *known.usual, self.event_id)
        record = self._writer.record(surge, self._typology, tick_ms, measured, known.samples)
        text, text_zh = BY[series.cause]
        record["reasons"].insert(1, {
            "code": f"{TYPOLOGY}_by", "text": text, "text_zh": text_zh,
            "rule": record["reasons"][0]["rule"], "contribution": 0.0,
            "observed": None, "normal": None, "threshold": None,
        })  # fmt: skip
        return record


def same_day_before(day: int, months: int) -> list[int]:
    """The same day of so many earlier months, the newest first; a month that lacks it is left
    out."""
    today = date.fromordinal(day)
    found = []
    for back in range(1, months + 1):
        month = today.year * 12 + today.month - 1 - back
        try:
            found.append(date(month // 12, month % 12 + 1, today.day).toordinal())
        except ValueError:  # no such day
            continue
    return found


def divergence(share: float, chance: float) -> float:
    """D of a share and a chance, in nats, share > chance > 0; where share is 1, log(1 / chance)."""
    missing = 0.0 if share >= 1 else (1 - share) * math.log((1 - share) / (1 - chance))
    return share * math.log(share / chance) + missing
