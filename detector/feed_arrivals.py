"""What arrived of a feed, minute by minute: how many events, how many of them without a usual
field, how many dead letters; and what of it is usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import DAY_MINUTES, HOUR_MINUTES, WINDOW_MINUTES
from detector.events import DEVICE, NETWORK, SESSION
from detector.incidents import Incident

DEAD: Final = "dead_letters"  # a cause; the others are fields
# Of each feed: the optional fields that are watched, and the word that holds each.
FIELDS: Final = {
    "login": (("device_id", DEVICE), ("ip", NETWORK), ("session_id", SESSION)),
    "identity_verification": (("device_id", DEVICE), ("session_id", SESSION)),
    "disbursement": (("device_id", DEVICE), ("ip", NETWORK), ("session_id", SESSION)),
    "auto_debit": (("payer_account_id", SESSION),),
    "disposition": (),
}  # fmt: skip
HALF_LIFE_DAYS: Final = 7.0
TOTAL, DEAD_AT, FIRST_FIELD = 0, 1, 2  # columns of a minute: events, dead letters, events without
Counts = NDArray[np.int64]


@dataclass(slots=True)
class Break:
    """An incident.

    `newest`: the minute in which it last was one; `usual`: the share without the field before it;
    `numbers`: what is broken since it began, of how many; `at_newest`: up to the newest minute;
    `again`: the count at which it is told again.
    """

    incident: Incident
    newest: int
    usual: float
    numbers: tuple[int, int] = (0, 0)
    at_newest: tuple[int, int] = (0, 0)
    again: int = 0


@dataclass(slots=True)
class Arrivals:
    """What arrived of a feed.

    `usual`: of the hours before `hour`, decayed by days.
    """

    name: str
    minutes: Counts  # that hold something, rising
    counts: Counts  # (minutes, TOTAL ...)
    usual: NDArray[np.float64]
    hour: int = -1
    judged: int = -1  # the newest minute
    open: dict[str, Break] = field(default_factory=dict)  # by cause

    @property
    def causes(self) -> tuple[str, ...]:
        """In the order of the columns from DEAD_AT on."""
        return DEAD, *(name for name, _ in FIELDS[self.name])


class Arrived(NamedTuple):
    """What arrived of a feed in some minutes, rising: a row of counts (TOTAL ...) each."""

    feed: str
    minutes: Counts
    counts: Counts


def arrived(name: str, minutes: Counts, words: Counts) -> Arrived:
    """Events of a feed, counted. Their minutes never fall."""
    table = np.zeros((len(minutes), FIRST_FIELD + len(FIELDS[name])), np.int64)
    table[:, TOTAL] = 1
    for k, (_, word) in enumerate(FIELDS[name]):
        table[:, FIRST_FIELD + k] = words[:, word] == 0
    own, starts = np.unique(minutes, return_index=True)
    return Arrived(name, own, np.add.reduceat(table, starts, axis=0) if len(own) else table)


def add(feed: Arrivals, parts: Sequence[Arrived], dead: Counts) -> None:
    """Take what arrived, and dead letters by their minutes."""
    letters = np.zeros((len(dead), feed.counts.shape[1]), np.int64)
    letters[:, DEAD_AT] = 1
    every = np.concatenate((feed.minutes, *(one.minutes for one in parts), dead))
    feed.minutes, place = np.unique(every, return_inverse=True)
    counts = np.zeros((len(feed.minutes), letters.shape[1]), np.int64)
    np.add.at(counts, place, np.concatenate((feed.counts, *(one.counts for one in parts), letters)))
    feed.counts = counts


def usual_without(feed: Arrivals, cause: str) -> float:
    """The share of earlier events without a field; NaN of dead letters."""
    if cause == DEAD:
        return float("nan")
    return float(feed.usual[DEAD_AT + feed.causes.index(cause)] / feed.usual[TOTAL])


def learn_before(feed: Arrivals, hour: int) -> None:
    """What arrived in the hours before one becomes usual; a day's past fades as another begins."""
    if feed.hour < 0:
        feed.hour = int(feed.minutes[0]) // HOUR_MINUTES
    while feed.hour < hour:
        inside = np.flatnonzero(feed.minutes // HOUR_MINUTES == feed.hour)
        feed.usual += feed.counts[inside].sum(axis=0)
        later = feed.minutes[feed.minutes >= (feed.hour + 1) * HOUR_MINUTES]
        before, feed.hour = feed.hour, int(later[0]) // HOUR_MINUTES
        days = feed.hour * HOUR_MINUTES // DAY_MINUTES - before * HOUR_MINUTES // DAY_MINUTES
        feed.usual *= 0.5 ** (days / HALF_LIFE_DAYS)


def forget(feed: Arrivals) -> None:
    """Drop minutes that are learnt and in no window any more."""
    oldest = min(feed.hour * HOUR_MINUTES, feed.judged - WINDOW_MINUTES)
    kept = int(np.searchsorted(feed.minutes, oldest))
    feed.minutes, feed.counts = feed.minutes[kept:], feed.counts[kept:]


def bad_in(feed: Arrivals, cause: str, began: int, last: int) -> tuple[int, int]:
    """Of the minutes from one to another, both included: what is broken, and of how many."""
    first, stop = np.searchsorted(feed.minutes, [began, last + 1])
    sums = feed.counts[first:stop].sum(axis=0)
    at = feed.causes.index(cause)
    if at == 0:
        return int(sums[DEAD_AT]), int(sums[TOTAL] + sums[DEAD_AT])
    return int(sums[DEAD_AT + at]), int(sums[TOTAL])
