"""What the account stage tells of how obligations go: whether the bank found the balance, whether
they were paid in time. Counted for their channel and local day (law 39).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from detector.control_memory import MINUTE_MS
from detector.obligation_steps import ATTEMPTS, SHORT, Obligation, Step
from detector.rulebook import Rulebook
from detector.treatment import Calendar

TYPOLOGY: Final = "delinquency_surge"
SHORTAGE, UNPAID = "short_of_balance", "unpaid_when_overdue"  # causes
REACHED: Final = ATTEMPTS - {"channel_error"}  # attempts that the bank answered
QUARTER_MINUTES: Final = 15  # zones keep to quarters of an hour
QUARTER_MS: Final = QUARTER_MINUTES * MINUTE_MS
DAYS_KNOWN_MAX: Final = 4096


class Series(NamedTuple):
    """A channel, and what is asked of its obligations."""

    channel: str
    cause: str


class Trial(NamedTuple):
    """Obligations of a day of which something is known since a quarter of an hour, whose last
    minute is told. `day`: local, proleptic; `of`: how many are asked; `event_id` and what follows
    it: of the one that went wrong, if any."""

    minute: int
    series: Series
    day: int
    of: int
    event_id: str = ""
    account_id: str = ""
    amount_minor: int = 0
    currency: str = ""

    @property
    def is_hit(self) -> bool:
        """Whether it went wrong."""
        return self.event_id != ""


class Trials:
    """Gathers them between two looks of the control stage."""

    def __init__(self, calendar: Calendar, rulebook: Rulebook, *, has_feed: bool) -> None:
        """`has_feed`: there are debits; without them, or the typology, nothing is gathered."""
        self.clock_ms = 0  # when what is told now is known
        self._calendar = calendar
        self._are_asked = has_feed and TYPOLOGY in rulebook.typologies
        self._days: dict[int, int] = {}  # by quarter of an hour
        self._counts: dict[tuple[int, str, str, int], int] = {}
        self._hits: list[Trial] = []

    def take_step(self, obligation: Obligation, step: Step) -> None:
        """A step of an obligation, already in its place."""
        if not self._are_asked:
            return
        if len(obligation.steps) == 1 and step.at_ms <= obligation.overdue_ms:
            self._count(obligation.channel, UNPAID, obligation.overdue_ms)
        if step.word not in REACHED:
            return
        for one in obligation.steps:
            if one.word in REACHED and one is not step:
                return  # what the bank answers first counts
        if step.word in SHORT:
            self._hit(SHORTAGE, step.at_ms, 1, obligation, step.event_id)
        else:
            self._count(obligation.channel, SHORTAGE, step.at_ms)

    def passed(self, obligation: Obligation) -> None:
        """An obligation is unpaid past its overdue time, and not by the system's doing."""
        if self._are_asked:
            self._hit(UNPAID, obligation.overdue_ms, 0, obligation, obligation.steps[-1].event_id)

    def take(self) -> list[Trial]:
        """All since this was last asked, by minute; of one minute in the order of arrival."""
        if not self._counts and not self._hits:
            return []
        found = [
            Trial(minute, Series(channel, cause), day, count)
            for (minute, channel, cause, day), count in self._counts.items()
        ]
        found += self._hits
        self._counts, self._hits = {}, []
        return sorted(found, key=lambda one: one.minute)

    def _count(self, channel: str, cause: str, at_ms: int) -> None:
        key = self._minute, channel, cause, self._day(at_ms)
        self._counts[key] = self._counts.get(key, 0) + 1

    def _hit(self, cause: str, at_ms: int, of: int, obligation: Obligation, event_id: str) -> None:
        self._hits.append(Trial(
            self._minute, Series(obligation.channel, cause), self._day(at_ms), of, event_id,
            obligation.account_id, obligation.due_minor, obligation.currency,
        ))  # fmt: skip

    @property
    def _minute(self) -> int:
        """The last one of the quarter: no day ends within it."""
        return ((self.clock_ms - 1) // QUARTER_MS + 1) * QUARTER_MINUTES - 1

    def _day(self, at_ms: int) -> int:
        quarter = at_ms // QUARTER_MS
        day = self._days.get(quarter)
        if day is None:
            if len(self._days) >= DAYS_KNOWN_MAX:
                self._days.clear()
            day = self._days[quarter] = self._calendar.day(at_ms)
        return day


def grouped(trials: Sequence[Trial]) -> list[Trial]:
    """The same by minute, those that went right together."""
    counts: Counter[tuple[int, Series, int]] = Counter()
    for one in trials:
        if not one.is_hit:
            counts[one.minute, one.series, one.day] += one.of
    found = [Trial(*key, count) for key, count in counts.items()]
    found += [one for one in trials if one.is_hit]
    return sorted(found, key=lambda one: one.minute)
