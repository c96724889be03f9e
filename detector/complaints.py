"""Complaints about a channel or a provider: a spike of them, from open to resolved.

A person's word is no log line: it comes later, and seldom. So it is counted apart from the shares
of rate_test.py, and held against the same hour of the day on earlier days. Ticks are those of the
control stage; one without anything to judge is passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import DAY_MINUTES, MINUTE_MS, SERIES_MAX
from detector.incidents import (
    LASTS,
    TOLD_FIRST,
    Incident,
    IncidentAlerts,
    Measured,
    Samples,
    incident_id,
)  # fmt: skip
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.treatment import Calendar

COMPLAINTS: Final = frozenset({"complaint", "system_fault"})  # dispositions
TYPOLOGY: Final = "complaint_spike"
FAMILIES: Final = {"channel": "channel_incident", "provider": "verification_integrity"}
DAYS: Final = 14  # earlier ones that say what is usual
DAYS_LEAST: Final = 7
Entity = tuple[str, str]  # kind, id


class Complaint(NamedTuple):
    """A complaint as the account stage took it. `clock_ms`: where its clock stood then; `channel`:
    of the obligation that it is about, if of any; `provider`: code of that of the verification that
    it is about, 0 for none."""

    row: int
    clock_ms: int
    at_ms: int
    channel: str | None
    event_id: str
    account_id: str
    provider: int = 0

    @property
    def minute(self) -> int:
        """The minute in which it counts."""
        return (min(self.at_ms, self.clock_ms) - 1) // MINUTE_MS

    def about(self, provider_of: Callable[[int], str | None]) -> Entity | None:
        """Whose complaint it is; `provider_of`: the name of a provider, where it is known."""
        if self.channel is not None:
            return "channel", self.channel
        name = provider_of(self.provider)
        return None if name is None else ("provider", name)


def with_providers(complaints: Sequence[Complaint], checked: NDArray[np.int64]) -> list[Complaint]:
    """Complaints of a batch, with what its rows say of whose check they are about."""
    return [one._replace(provider=int(checked[one.row]) >> 1) for one in complaints]


class Said(NamedTuple):
    """What a tick says: before which row of the batch."""

    row: int
    alerts: list[dict[str, Any]]


@dataclass(slots=True)
class Heard:
    """What was heard of an entity, and the spike that is open."""

    minutes: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    samples: Samples = field(default_factory=Samples)
    spike: Incident | None = None
    newest: int = 0  # minute in which it last was a spike
    told: int = 0  # complaints at which it is told again

    def within(self, first: int, last: int) -> int:
        """Complaints of the minutes from one to another, both included."""
        return sum(self.minutes.get(minute, 0) for minute in range(first, last + 1))


class Complaints:
    """The complaints of all channels and providers, no more than SERIES_MAX of them."""

    def __init__(
        self, rulebook: Rulebook, has_feed: bool, calendar: Calendar, versions: Versions
    ) -> None:
        """`has_feed`: there are dispositions; without them nothing is said."""
        self.unwatched = 0
        self._typology = rulebook.typologies.get(TYPOLOGY) if has_feed else None
        numbers = rulebook.parameters if self._typology else {}
        self._least = int(numbers.get(f"{TYPOLOGY}.complaints", 0))
        self._times = numbers.get(f"{TYPOLOGY}.times", 0.0)
        self._window = int(numbers.get(f"{TYPOLOGY}.window_ms", 0)) // MINUTE_MS
        self._quiet = int(numbers.get(f"{TYPOLOGY}.quiet_ms", 0)) // MINUTE_MS
        self._writer = IncidentAlerts(calendar, versions)
        self.heard: dict[Entity, Heard] = {}
        self.watched: set[Entity] = set()  # that the next tick has to judge
        self.began = self.now = -1  # minutes: of the first event, of the next tick to judge
        self.event_id = ""  # of the newest complaint

    def take(
        self, complaints: Sequence[Complaint], provider_of: Callable[[int], str | None],
        clocks: NDArray[np.int64],
    ) -> list[Said]:  # fmt: skip
        """Take the complaints of a batch; what the ticks within it say, in order.

        `provider_of`: the name of a provider that is watched; `clocks`: of all rows of the batch.
        """
        if self._typology is None or not len(clocks):
            return []
        if self.began < 0:
            self.began = self.now = (int(clocks[0]) - 1) // MINUTE_MS
        said: list[Said] = []
        for complaint in complaints:
            said += self._tick_before(complaint.clock_ms, clocks)
            entity = complaint.about(provider_of)
            if entity is not None:
                self._hear(entity, complaint)
        return said + self._tick_before(int(clocks[-1]), clocks)

    def advance(self, clock_ms: int) -> list[Said]:
        """The ticks before a time that the clock reaches without an event."""
        return self._tick_before(clock_ms, np.empty(0, np.int64))

    def erase(self, is_meant: Callable[[str], bool]) -> None:
        """Forget the account whose id is meant: what it said stays counted, without its name."""
        for heard in self.heard.values():
            heard.samples.forget(is_meant)

    def _hear(self, entity: Entity, complaint: Complaint) -> None:
        heard = self.heard.get(entity)
        if heard is None:
            if len(self.heard) == SERIES_MAX:
                self.unwatched += 1
                return
            heard = self.heard[entity] = Heard()
        now = (complaint.clock_ms - 1) // MINUTE_MS
        oldest = now - (DAYS + 1) * DAY_MINUTES
        minute = complaint.minute
        if minute not in heard.minutes:
            heard.minutes = defaultdict(
                int, {m: n for m, n in heard.minutes.items() if m >= oldest}
            )
        heard.minutes[minute] += 1
        heard.samples.kept.append((minute, complaint.event_id, complaint.account_id))
        self.event_id = complaint.event_id
        self.watched.add(entity)

    def _tick_before(self, clock_ms: int, clocks: NDArray[np.int64]) -> list[Said]:
        """The ticks at whole minutes before a time."""
        said, end = [], (clock_ms - 1) // MINUTE_MS  # the minute that the clock is in
        while self.watched and self.now < end:
            tick_ms = (self.now + 1) * MINUTE_MS
            alerts = [
                record for entity in sorted(self.watched)
                for record in self._judge(entity, self.now, tick_ms)
            ]  # fmt: skip
            if alerts:
                said.append(Said(int(np.searchsorted(clocks, tick_ms, side="right")), alerts))
            self.now += 1
        self.now = max(self.now, end)
        return said

    def _judge(self, entity: Entity, minute: int, tick_ms: int) -> list[dict[str, Any]]:
        heard = self.heard[entity]
        count, spike = heard.within(minute - self._window + 1, minute), heard.spike
        if count < self._least and spike is None:
            self.watched.discard(entity)
            return []
        usual = self._usual(heard, minute)
        is_spike = usual is not None and count >= self._least and count > self._times * usual
        if is_spike:
            heard.newest = minute
        if is_spike and spike is None:
            began = min(m for m in heard.minutes if minute - self._window < m <= minute)
            name = incident_id(TYPOLOGY, entity, "", began)
            heard.spike = Incident(name, TYPOLOGY, entity, began, LASTS, tick_ms, "open")
        elif spike is None:
            return []
        elif minute - heard.newest >= self._quiet:
            spike.status, spike.end, heard.spike = "resolved", heard.newest + 1, None
        elif heard.within(spike.began, minute) >= heard.told:
            spike.status = "updated"
        else:
            return []
        told = spike or heard.spike
        assert told is not None, "one was opened or went on"
        return [self._record(heard, told, minute, usual, tick_ms)]

    def _usual(self, heard: Heard, minute: int) -> float | None:
        """The median of the same minutes on earlier days of the log; None: too few are known."""
        first = minute - self._window + 1
        days = [
            day * DAY_MINUTES
            for day in range(1, DAYS + 1)
            if first - day * DAY_MINUTES > self.began
        ]
        if len(days) < DAYS_LEAST:
            return None
        return float(np.median([heard.within(first - ago, minute - ago) for ago in days]))

    def _record(
        self, heard: Heard, spike: Incident, minute: int, usual: float | None, tick_ms: int
    ) -> dict[str, Any]:
        assert self._typology is not None, "without a typology nothing is judged"
        spike.revision += 1
        last = minute if spike.end == LASTS else spike.end - 1
        count = heard.within(spike.began, last)
        heard.told = max(TOLD_FIRST, 1 << count.bit_length())
        normal = float("nan") if usual is None else usual
        measured = Measured(
            count, count, 0, normal, self._times * normal, self.event_id, is_share=False
        )
        record = self._writer.record(spike, self._typology, tick_ms, measured, heard.samples)
        return record | {"family": FAMILIES[spike.entity[0]]}
