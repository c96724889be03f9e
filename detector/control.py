"""The control stage: what is global. Counts of the account stage in, incidents and facts out.

It ticks once a minute of event time, at T after all events up to T and before the first event that
moves the clock past it. Between two ticks it only counts, so its word never depends on batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from detector.control_memory import (
    CHANGED,
    CHANNEL_ERRORS,
    FAILS_OPEN,
    FO_AMOUNT,
    FO_COUNT,
    FO_FIRST,
    FO_NEWEST,
    FO_TOLD,
    HITS,
    MINUTE_MS,
    MORE,
    NOW,
    PROVIDER_PASSES,
    QUIET_AGAIN,
    SERIES,
    SILENT_TIMES,
    SPEAKS,
    empty_memory,
    lag_minutes,
)  # fmt: skip
from detector.control_plan import CAUSES, TYPOLOGIES, plan_of
from detector.control_walk import BARE, go_on
from detector.counted import Counter, Counts, Sample, nothing_counted
from detector.events import TYPES
from detector.incident_counts import found_in, measured_in
from detector.incidents import (
    LASTS,
    TOLD_FIRST,
    Incident,
    IncidentAlerts,
    Interval,
    Measured,
    Samples,
    incident_id,
    settle,
)  # fmt: skip
from detector.obligation_steps import NEVER_MS
from detector.outages import Fact
from detector.policy import Policy
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.tallies import Series, Watched
from detector.treatment import Calendar

HOUR_MS: Final = 60 * MINUTE_MS
BARE_KEY: Final = -1  # of a provider's draws without a pass, beside its series
Said = list[tuple[tuple[str, str], dict[str, Any]]]  # what a tick says, with what orders it


@dataclass(slots=True)
class Word:
    """What a tick says: before which row of the batch, at which time."""

    row: int
    at_ms: int
    alerts: list[dict[str, Any]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


class Control:
    """One control stage."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, calendar: Calendar, versions: Versions
    ) -> None:
        self._plan = plan_of(rulebook, policy)
        self.memory = empty_memory(policy.lateness_ms)
        self._lag = lag_minutes(policy.lateness_ms)
        self.watched = Watched()
        self._accounts = {
            kind: int(rulebook.parameters.get(f"{name}.accounts", 0))
            for kind, name in TYPOLOGIES.items()
        }
        self._typologies = rulebook.typologies
        self._writer = IncidentAlerts(calendar, versions)
        self.incidents: defaultdict[int, list[Incident]] = defaultdict(list)  # by series
        self.fails_open: dict[int, Incident] = {}  # by series of a provider's errors
        self.silent: dict[int, Incident] = {}  # by feed
        self.samples: defaultdict[tuple[int, int], Samples] = defaultdict(Samples)
        self.event_id = ""  # of the newest event

    def take(self, counts: Counts) -> list[Word]:
        """Take what was counted of a batch; what the ticks within it say, in order."""
        self.memory, series = self.watched.tally(self.memory, counts)
        return list(self._walk(counts, series, 0))

    def advance(self, clock_ms: int) -> list[Word]:
        """The ticks before a time that the clock reaches without an event."""
        counts = nothing_counted()
        self.memory, series = self.watched.tally(self.memory, counts)
        return list(self._walk(counts, series, clock_ms))

    def erase(self, is_meant: Callable[[str], bool]) -> None:
        """Forget the account whose id is meant: what it did stays counted, and is named no more."""
        for samples in self.samples.values():
            samples.forget(is_meant)

    def _walk(self, counts: Counts, series: Series, stop_ms: int) -> Iterator[Word]:
        c, row, sampled = self.memory, 0, 0
        while True:
            row = go_on(
                row, counts.clock, counts.minutes, counts.feeds, counts.what, counts.counts,
                counts.amounts, series.first, series.second, stop_ms, c, self._plan,
            )  # fmt: skip
            while sampled < len(counts.samples) and counts.samples[sampled].row < row:
                self._sample(counts.samples[sampled], counts, series)
                sampled += 1
            if row:
                self.event_id = counts.newest_id(row - 1)
            if not c.now[SPEAKS]:
                return
            yield self._speak(row)

    def _sample(self, sample: Sample, counts: Counts, series: Series) -> None:
        first = int(series.first[sample.row])
        if first < 0:
            return
        is_bare = int(counts.what[sample.row]) == BARE
        samples = self.samples[first, BARE_KEY if is_bare else 0]
        minute = int(counts.minutes[sample.row])
        samples.kept.append((minute, sample.event_id, sample.account_id))
        if samples.currency is None:
            samples.currency = sample.currency

    def _speak(self, row: int) -> Word:
        c, minute = self.memory, int(self.memory.now[NOW]) - 1
        word, said = Word(row, (minute + 1) * MINUTE_MS), Said()
        for series in range(int(c.now[SERIES])):
            flags = int(c.flags[series])
            if flags & (CHANGED | MORE):
                self._settle(series, minute, word, said)
            if flags & (FAILS_OPEN | QUIET_AGAIN):
                self._fail_open(series, word, said, is_over=bool(flags & QUIET_AGAIN))
        for feed in np.flatnonzero(c.feed_silent[:, 1] > 0).tolist():
            c.feed_silent[feed, 1] = 0
            self._feed(feed, word, said)
        word.alerts = [record for _, record in sorted(said, key=lambda one: one[0])]
        word.facts.sort(key=lambda fact: (fact.channel, fact.start_ms))
        return word

    def _settle(self, series: int, minute: int, word: Word, said: Said) -> None:
        """Hold the incidents of a series against what was told of it."""
        c, kind = self.memory, int(self.memory.kinds[series])
        oldest = minute - self._lag
        told = [one for one in self.incidents[series]
                if one.end == LASTS or one.closed >= oldest]  # fmt: skip
        found = found_in(c, series, oldest, minute)
        pairs, gone, fresh = settle(told, [interval for interval, _ in found])
        closed = dict(found)
        for incident in gone:
            incident.status, incident.closed = "withdrawn", minute
            span = incident.began, incident.end
            self._tell(series, incident, span, word, said)
            incident.end = minute if incident.end == LASTS else incident.end
        for interval in fresh:
            if self.samples[series, 0].accounts(*interval) < self._accounts[kind]:
                c.told[series] = c.since[series, HITS] + 1  # who tries again and again is no outage
                continue
            entity = self._entity(series)
            name = incident_id(TYPOLOGIES[kind], entity, CAUSES[kind], interval[0])
            incident = Incident(name, TYPOLOGIES[kind], entity, interval[0], LASTS, word.at_ms)
            told.append(incident)
            pairs.append((incident, interval))
        for incident, interval in pairs:
            incident.closed = closed[interval]
            self._go_on(series, incident, interval, word, said)
        self.incidents[series] = told

    def _go_on(
        self, series: int, incident: Incident, interval: Interval, word: Word, said: Said
    ) -> None:
        """Tell what is new of an incident that is there."""
        has_more = self.memory.since[series, HITS] >= self.memory.told[series]
        is_same, lasts = (incident.began, incident.end) == interval, interval[1] == LASTS
        if incident.is_open and is_same and not (has_more and lasts):
            return
        if incident.status == "resolved" and is_same:
            return
        if not incident.is_open and (incident.status != "resolved" or lasts):
            incident.began, incident.end, incident.status = interval[0], LASTS, "open"
            self._tell(series, incident, interval, word, said)
            if lasts:
                return
        incident.began, incident.end = interval
        incident.status = "updated" if lasts else "resolved"
        self._tell(series, incident, interval, word, said)

    def _tell(
        self, series: int, incident: Incident, interval: Interval, word: Word, said: Said
    ) -> None:
        """Make a revision of an incident as it stands, and a fact of an outage."""
        incident.revision += 1
        measured = measured_in(self.memory, series, interval, self.event_id)
        if interval[1] == LASTS:
            self.memory.told[series] = max(TOLD_FIRST, 1 << measured.hits.bit_length())
        self._say(incident, measured, self.samples[series, 0], word, said)
        if self.memory.kinds[series] == CHANNEL_ERRORS:
            end_ms = NEVER_MS if incident.end == LASTS else incident.end * MINUTE_MS
            word.facts.append(Fact(
                incident.alert_id, incident.entity[1], incident.began * MINUTE_MS, end_ms,
                incident.status == "withdrawn",
            ))  # fmt: skip

    def _fail_open(self, series: int, word: Word, said: Said, *, is_over: bool) -> None:
        """Draws without a pass while their provider is down or silent."""
        typology = TYPOLOGIES[PROVIDER_PASSES]
        first, newest, count, amount = (
            int(self.memory.fail_open[series, k])
            for k in (FO_FIRST, FO_NEWEST, FO_COUNT, FO_AMOUNT)
        )
        incident = self.fails_open.get(series)
        if incident is None:
            entity = self._entity(series)
            name = incident_id(typology, entity, "unchecked", first)
            incident = Incident(name, typology, entity, first, LASTS, word.at_ms)
            self.fails_open[series] = incident
        incident.status = "updated" if incident.revision else "open"
        if is_over:
            incident.status, incident.end = "resolved", newest + 1
            del self.fails_open[series]
        incident.revision += 1
        self.memory.fail_open[series, FO_TOLD] = max(TOLD_FIRST, 1 << count.bit_length())
        measured = Measured(count, count, amount, 0.0, float("nan"), self.event_id)
        self._say(incident, measured, self.samples[series, BARE_KEY], word, said)

    def _feed(self, feed: int, word: Word, said: Said) -> None:
        """A feed fell silent, or speaks again."""
        since = int(self.memory.feed_silent[feed, 0])
        incident = self.silent.pop(feed, None)
        if since >= 0:
            entity = ("feed", TYPES[feed])
            name = incident_id("feed_silent", entity, "", since)
            incident = Incident(name, "feed_silent", entity, since + 1, LASTS, word.at_ms, "open")
            self.silent[feed] = incident
        assert incident is not None, "only what was told silent can speak again"
        minutes = int(self.memory.feed_silent[feed, 2])
        if since < 0:
            incident.status = "resolved"
            incident.end = int(self.memory.feed_last[feed])
            minutes = incident.end - incident.began
        incident.revision += 1
        hour = (word.at_ms - 1) // HOUR_MS % 24
        usual = float(self.memory.gap_usual[feed, hour])
        bound = max(1.0, usual) * int(self._plan.limits[SILENT_TIMES])
        usual, bound = (usual, bound) if usual >= 0 else (float("nan"), float("nan"))
        measured = Measured(minutes, minutes, 0, usual, bound, self.event_id, is_share=False)
        self._say(incident, measured, Samples(), word, said)

    def _say(
        self, incident: Incident, measured: Measured, samples: Samples, word: Word, said: Said
    ) -> None:
        typology = self._typologies[incident.typology]
        record = self._writer.record(incident, typology, word.at_ms, measured, samples)
        said.append(((incident.typology, incident.entity[1]), record))

    def _entity(self, series: int) -> tuple[str, str]:
        is_channel = self.memory.kinds[series] == CHANNEL_ERRORS
        return ("channel" if is_channel else "provider"), self.watched.names[series]


def counter_of(rulebook: Rulebook, policy: Policy) -> Counter:
    """Who counts what the account stage hands to the control stage."""
    sources = policy.sources
    return Counter(
        debits=sources["auto_debit"], verifications=sources["identity_verification"],
        exempt_minor=int(rulebook.parameters.get("verification_exempt_below_minor", 0)),
    )  # fmt: skip
