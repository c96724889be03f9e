"""How a borrower may be approached: hours, budget, hardship (contract: treatment).

No contact between 22:00 and 08:00 of the deployment's time zone, at most `contacts_per_day` a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

NIGHT_BEGINS_HOUR: Final = 22
NIGHT_ENDS_HOUR: Final = 8
Counts = tuple[int, int]  # contacts; of these, people reached by voice
DAYS_KEPT: Final = 3  # of contact counts: the day of a late event and its neighbours


class Calendar:
    """Local days and contact hours of the deployment."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)

    def local(self, at_ms: int) -> datetime:
        """The local time of an instant."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)

    def day(self, at_ms: int) -> int:
        """The local day of an instant, as a proleptic ordinal."""
        return self.local(at_ms).toordinal()

    def begin_ms(self, day: int) -> int:
        """The first instant of a local day."""
        return self.ms(datetime.combine(date.fromordinal(day), time(), self._zone))

    def earliest_contact_ms(self, at_ms: int, *, is_budget_spent: bool) -> int:
        """The first instant from `at_ms` at which a borrower may be contacted."""
        local = self.local(at_ms)
        morning = local.replace(hour=NIGHT_ENDS_HOUR, minute=0, second=0, microsecond=0)
        if is_budget_spent or local.hour >= NIGHT_BEGINS_HOUR:
            return self.ms(morning + timedelta(days=1))
        if local.hour < NIGHT_ENDS_HOUR:
            return self.ms(morning)
        return at_ms

    def daytime_from_ms(self, at_ms: int) -> int:
        """The first instant from `at_ms` that is no night."""
        return self.earliest_contact_ms(at_ms, is_budget_spent=False)

    def is_night(self, at_ms: int) -> bool:
        """Whether nobody may be contacted at an instant who has not agreed to it."""
        return not NIGHT_ENDS_HOUR <= self.local(at_ms).hour < NIGHT_BEGINS_HOUR

    @staticmethod
    def ms(local: datetime) -> int:
        """The instant of a local time."""
        return round(local.timestamp() * 1000)


class Contacts:
    """Contacts of an account in a local day, for the last few days."""

    def __init__(self, calendar: Calendar, contacts_per_day: int) -> None:
        self._calendar = calendar
        self._per_day = contacts_per_day
        self._days: dict[int, dict[int, Counts]] = {}
        self._touched: set[tuple[int, int]] | None = None  # None: nobody asks for changes

    def count(self, account: int, at_ms: int, *, is_voice: bool = False) -> int:
        """Count one contact; `is_voice`: somebody was reached by voice.

        Gives how often the account was so reached in that local day.
        """
        day = self._calendar.day(at_ms)
        counts = self._days.setdefault(day, {})
        contacts, voices = counts.get(account, (0, 0))
        counts[account] = contacts + 1, voices + is_voice
        if self._touched is not None:
            self._touched.add((day, account))
        return voices + is_voice

    def forget_before(self, at_ms: int) -> None:
        """Drop the days that no event still to be judged can ask for."""
        oldest = self._calendar.day(at_ms) - DAYS_KEPT
        for day in [day for day in self._days if day < oldest]:
            gone = self._days.pop(day)
            if self._touched is not None:
                self._touched.update((day, account) for account in gone)

    def drop(self, account: int) -> None:
        """Drop the counts of an account."""
        for day, counts in self._days.items():
            if counts.pop(account, None) is not None and self._touched is not None:
                self._touched.add((day, account))

    def changes(self) -> Iterator[tuple[tuple[int, int], Counts | None]]:
        """(day, account) and the counts, None where forgotten, of what changed since."""
        touched, self._touched = self._touched, set()
        for day, account in sorted(touched or ()):
            yield (day, account), self._days.get(day, {}).get(account)

    def restore(self, told: Mapping[tuple[int, int], Counts]) -> None:
        """Take the counts of an earlier run."""
        for (day, account), counts in told.items():
            self._days.setdefault(day, {})[account] = counts

    def treatment(
        self, account: int, at_ms: int, *, hardship: bool, is_system_caused: bool = False,
        is_deferred: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """The contract's `treatment` of an alert that may reach the borrower.

        What is the system's doing, or deferred, must not be counted or reported as overdue.
        """
        used, _ = self._days.get(self._calendar.day(at_ms), {}).get(account, (0, 0))
        left = max(0, self._per_day - used)
        return {
            "earliest_contact_at": self._calendar.earliest_contact_ms(
                at_ms, is_budget_spent=left == 0
            ),
            "contacts_left_today": left,
            "system_caused": is_system_caused,
            "hardship": hardship,
            "do_not_report": hardship or is_deferred or is_system_caused,
        }
