"""Feeds that are broken: too many dead letters among their events, or a usual field left out.

What counts is what arrives, in the minute that the clock is in; a redelivery is no arrival. A dead
letter has no time: it counts at the newest event before it in its own log, which no batch changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from detector.complaints import Said
from detector.control_memory import HOUR_MINUTES, MINUTE_MS, WINDOW_MINUTES
from detector.entering import REPEAT, Rows
from detector.events import CODE, KIND_MASK, KINDS_OF_TYPE, TYPES
from detector.feed_arrivals import (
    DEAD,
    DEAD_AT,
    FIELDS,
    FIRST_FIELD,
    TOTAL,
    Arrivals,
    Arrived,
    Break,
    Counts,
    add,
    arrived,
    bad_in,
    forget,
    learn_before,
    usual_without,
)  # fmt: skip
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


def arrivals_of(rows: Rows) -> list[Arrived]:
    """What arrived of each feed in a batch, after the account stage: in the minute that its clock
    is in, all but what came again."""
    minutes, kinds = (rows.clock - 1) // MINUTE_MS, rows.words[:, CODE] & KIND_MASK
    is_new, found = rows.state != REPEAT, []
    for name, (low, high) in KINDS_OF_TYPE.items():
        own = np.flatnonzero((kinds >= low) & (kinds <= high) & is_new)
        if len(own):
            found.append(arrived(name, minutes[own], rows.words[own]))
    return found


class FeedBreaks:
    """All feeds that a deployment has."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, calendar: Calendar, versions: Versions
    ) -> None:
        self.letters_repeated = 0
        self._typology = rulebook.typologies.get(TYPOLOGY)
        numbers = rulebook.parameters if self._typology else {}
        self._least = numbers.get(f"{TYPOLOGY}.events", 0.0)
        self._dead_share = numbers.get(f"{TYPOLOGY}.dead_share", 0.0)
        self._missing_share = numbers.get(f"{TYPOLOGY}.missing_share", 0.0)
        self._usual_share = numbers.get(f"{TYPOLOGY}.usual_share", 0.0)
        self._history = numbers.get(f"{TYPOLOGY}.history_events", 0.0)
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
        """Judge the minutes before one, hour by hour, and learn the hours that are over."""
        first = int(np.searchsorted(feed.minutes, feed.judged, side="right"))
        last = int(np.searchsorted(feed.minutes, end))
        while first < last:
            hour = int(feed.minutes[first]) // HOUR_MINUTES
            stop = int(np.searchsorted(feed.minutes[:last], (hour + 1) * HOUR_MINUTES))
            learn_before(feed, hour)
            self._judge(feed, first, stop, said)
            feed.judged, first = int(feed.minutes[stop - 1]), stop
        self._close(feed, end, said, feed.causes)
        forget(feed)

    def _judge(self, feed: Arrivals, first: int, stop: int, said: list[Any]) -> None:
        """Judge some minutes of one hour."""
        sums = np.concatenate((np.zeros_like(feed.counts[:1]), np.cumsum(feed.counts, axis=0)))
        starts = np.searchsorted(feed.minutes, feed.minutes[first:stop] - WINDOW_MINUTES + 1)
        window = sums[first + 1 : stop + 1] - sums[starts]
        total = window[:, TOTAL] + window[:, DEAD_AT]
        is_broken = np.zeros((stop - first, len(feed.causes)), bool)
        is_broken[:, 0] = (total >= self._least) & (window[:, DEAD_AT] >= self._dead_share * total)
        is_usual = feed.usual[TOTAL] >= self._history
        is_usual &= feed.usual[FIRST_FIELD:] <= (1 - self._usual_share) * feed.usual[TOTAL]
        without = window[:, FIRST_FIELD:]
        enough = window[:, [TOTAL]] >= self._least
        lacks = without >= self._missing_share * window[:, [TOTAL]]
        is_broken[:, 1:] = enough & lacks & is_usual
        for k, cause in enumerate(feed.causes):
            if cause not in feed.open and not is_broken[:, k].any():
                continue
            for i, broken in enumerate(is_broken[:, k].tolist()):
                self._tell(feed, first + i, int(starts[i]), cause, said, is_broken=broken)

    def _tell(
        self, feed: Arrivals, at: int, start: int, cause: str, said: list[Any], *, is_broken: bool
    ) -> None:
        """What a minute changes of an incident."""
        minute = int(feed.minutes[at])
        self._close(feed, minute, said, (cause,))
        if cause not in feed.open:
            if not is_broken:
                return
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
        bound = self._dead_share if cause == DEAD else self._missing_share
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
