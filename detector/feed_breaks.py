"""Feeds that are broken: too many dead letters among their events, or a usual field left out.

What counts is what arrives, in the minute that the clock is in; a redelivery is no arrival. A dead
letter has no time: it counts at the newest event before it in its own log, which no batch changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from detector.complaints import Said
from detector.control_memory import MINUTE_MS, WINDOW_MINUTES
from detector.entering import Rows
from detector.events import TYPES
from detector.feed_arrivals import (
    DEAD,
    FIELDS,
    Arrivals,
    Arrived,
    Break,
    add,
    arrivals_of,
    bad_in,
    forget,
    usual_without,
)  # fmt: skip
from detector.feed_walk import FIRST_FIELD, BreakLimits, Counts, next_break
from detector.incidents import (
    LASTS,
    TOLD_FIRST,
    Incident,
    IncidentAlerts,
    Measured,
    Samples,
    incident_id,
)  # fmt: skip
from detector.policy import Policy
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.treatment import Calendar

TYPOLOGY: Final = "feed_broken"
LETTERS_KNOWN: Final = 1 << 16  # dead letters, the newest, that are known again when redelivered


class DeadLetter(NamedTuple):
    """A line that is no event: of which feed, the newest time in its log before it, and a hash of
    what it says."""

    feed: str
    at_ms: int
    mark: int

    @property
    def minute(self) -> int:
        """The minute in which it counts."""
        return (self.at_ms - 1) // MINUTE_MS


class FeedBreaks:
    """All feeds that a deployment has."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, calendar: Calendar, versions: Versions
    ) -> None:
        self.letters_repeated = 0
        self._typology = rulebook.typologies.get(TYPOLOGY)
        numbers = rulebook.parameters if self._typology else {}
        names = ("events", "dead_share", "missing_share", "usual_share", "history_events")
        self._limits = BreakLimits(*(float(numbers.get(f"{TYPOLOGY}.{one}", 0)) for one in names))
        self._quiet = int(numbers.get(f"{TYPOLOGY}.quiet_ms", 0)) // MINUTE_MS
        self._writer = IncidentAlerts(calendar, versions)
        self.known: dict[int, None] = {}
        self.event_id = ""  # of the newest event
        self._newest: Callable[[int], str] = lambda _: ""  # event before a tick
        self.feeds = [
            Arrivals(name, np.empty(0, np.int64), np.empty((0, width), np.int64), np.zeros(width))
            for name in TYPES if policy.sources[name] and self._typology
            for width in [FIRST_FIELD + len(FIELDS[name])]
        ]  # fmt: skip

    def take(
        self, rows: Rows, letters: Sequence[DeadLetter], id_of: Callable[[int], str]
    ) -> list[Said]:
        """Take what arrived in a batch, after the account stage; what the ticks within it say.

        `id_of`: the event of a row.
        """
        clocks = rows.clock
        self._add(arrivals_of(rows), letters)
        if not len(clocks):
            return []
        before = self.event_id

        def newest(tick_ms: int) -> str:
            row = int(np.searchsorted(clocks, tick_ms, side="right"))
            return id_of(row - 1) if row else before

        self._newest = newest
        said = self._ticks(int(clocks[-1]), clocks)
        self.event_id = last = id_of(len(clocks) - 1)
        self._newest = lambda _: last
        return said

    def hear(
        self, arrivals: Sequence[Arrived], letters: Sequence[DeadLetter], event_id: str
    ) -> None:
        """Take what arrived elsewhere, of minutes that are over; `event_id`: the newest event."""
        self._add(arrivals, letters)
        self.event_id = event_id or self.event_id
        self._newest = lambda _: self.event_id

    def _add(self, arrivals: Sequence[Arrived], letters: Sequence[DeadLetter]) -> None:
        fresh = [letter for letter in letters if self._is_fresh(letter)]
        for feed in self.feeds:
            own = [one for one in arrivals if one.feed == feed.name]
            dead = [one.minute for one in fresh if one.feed == feed.name]
            if own or dead:
                add(feed, own, np.array(dead, np.int64))

    def advance(self, clock_ms: int) -> list[Said]:
        """The ticks before a time that the clock reaches without an event."""
        return self._ticks(clock_ms, np.empty(0, np.int64))

    def _ticks(self, clock_ms: int, clocks: Counts) -> list[Said]:
        said: list[tuple[int, str, str, dict[str, Any]]] = []
        for feed in self.feeds:
            self._go_on(feed, (clock_ms - 1) // MINUTE_MS, said)
        return [
            Said(int(np.searchsorted(clocks, tick_ms, side="right")), [record])
            for tick_ms, _, _, record in sorted(said, key=lambda one: one[:3])
        ]

    def _is_fresh(self, letter: DeadLetter) -> bool:
        if letter.mark in self.known:
            self.letters_repeated += 1
            return False
        self.known[letter.mark] = None
        if len(self.known) > LETTERS_KNOWN:
            del self.known[next(iter(self.known))]
        return True

    def _go_on(self, feed: Arrivals, end: int, said: list[Any]) -> None:
        """Judge the minutes before one, and learn the hours that are over."""
        at, window = np.array((feed.hour, feed.judged)), np.empty(len(feed.usual), np.int64)
        is_broken, row = np.empty(len(feed.causes), np.bool_), 0
        while row >= 0:
            row = next_break(
                feed.minutes, feed.counts, feed.usual, at, end, self._limits, bool(feed.open),
                window, is_broken,
            )  # fmt: skip
            feed.hour, feed.judged = at.tolist()
            for cause, broken in zip(feed.causes, is_broken.tolist() if row >= 0 else (),
                                     strict=row >= 0):  # fmt: skip
                if broken or cause in feed.open:
                    self._tell(feed, row, cause, said, is_broken=broken)
        self._close(feed, end, said, feed.causes)
        forget(feed)

    def _tell(
        self, feed: Arrivals, at: int, cause: str, said: list[Any], *, is_broken: bool
    ) -> None:  # fmt: skip
        """What a minute changes of an incident."""
        minute = int(feed.minutes[at])
        self._close(feed, minute, said, (cause,))
        if cause not in feed.open:
            if not is_broken:
                return
            start = np.searchsorted(feed.minutes, minute - WINDOW_MINUTES + 1)
            began, entity = int(feed.minutes[start]), ("feed", feed.name)
            name = incident_id(TYPOLOGY, entity, cause, began)
            opened_ms = (minute + 1) * MINUTE_MS
            incident = Incident(name, TYPOLOGY, entity, began, LASTS, opened_ms, "open")
            feed.open[cause] = Break(incident, minute, usual_without(feed, cause))
            feed.open[cause].numbers = bad_in(feed, cause, began, minute - 1)
        told = feed.open[cause]
        bad, of = bad_in(feed, cause, minute, minute)
        told.numbers = numbers = told.numbers[0] + bad, told.numbers[1] + of
        if is_broken:
            told.newest, told.at_newest = minute, numbers
        if numbers[0] >= told.again:
            told.incident.status = "updated" if told.incident.revision else "open"
            told.again = max(TOLD_FIRST, 1 << numbers[0].bit_length())
            said.append(self._said(feed, cause, told, numbers, minute))

    def _close(self, feed: Arrivals, end: int, said: list[Any], causes: Sequence[str]) -> None:
        """Incidents that were over before a minute."""
        for cause in causes:
            told = feed.open.get(cause)
            if told is not None and told.newest + self._quiet < end:
                told.incident.status, told.incident.end = "resolved", told.newest + 1
                over = told.newest + self._quiet
                said.append(self._said(feed, cause, told, told.at_newest, over))
                del feed.open[cause]

    def _said(
        self, feed: Arrivals, cause: str, told: Break, numbers: tuple[int, int], minute: int
    ) -> tuple[int, str, str, dict[str, Any]]:
        assert self._typology is not None, "without a typology no feed is watched"
        told.incident.revision += 1
        tick_ms = (minute + 1) * MINUTE_MS
        limits = self._limits
        bound = limits.dead_share if cause == DEAD else limits.missing_share
        measured = Measured(numbers[1], numbers[0], 0, told.usual, bound, self._newest(tick_ms))
        record = self._writer.record(told.incident, self._typology, tick_ms, measured, Samples())
        text, text_zh = ("dead letters", "死信") if cause == DEAD else (
            f"the field {cause} is missing", f"缺少字段{cause}"
        )  # fmt: skip
        record["reasons"].insert(1, {
            "code": f"{TYPOLOGY}_by", "text": text, "text_zh": text_zh,
            "rule": record["reasons"][0]["rule"], "contribution": 0.0,
            "observed": None, "normal": None, "threshold": None,
        })  # fmt: skip
        return tick_ms, feed.name, cause, record
