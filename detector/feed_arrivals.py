"""What arrived of a feed, minute by minute: how many events, how many of them without a usual
field, how many dead letters; and what of it is usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import HOUR_MINUTES, WINDOW_MINUTES
from detector.counting import FEED_OF, NO_WORD, count_arrivals
from detector.entering import Rows
from detector.events import DEVICE, NETWORK, SESSION, TYPES
from detector.feed_walk import DEAD_AT, FIRST_FIELD, TOTAL, Counts
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
_WATCHED: Final = np.full((len(TYPES), max(map(len, FIELDS.values()))), NO_WORD, np.int64)
for _place, _name in enumerate(TYPES):
    _WATCHED[_place, : len(FIELDS[_name])] = [word for _, word in FIELDS[_name]]


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


def arrivals_of(rows: Rows) -> list[Arrived]:
    """What arrived of each feed in a batch, after the account stage: in the minute that its clock
    is in, all but what came again."""
    feeds, most, n = len(TYPES), len(rows.clock), np.empty(len(TYPES), np.int64)
    minutes = np.empty((feeds, most), np.int64)
    counts = np.empty((feeds, most, FIRST_FIELD + _WATCHED.shape[1]), np.int64)
    count_arrivals(rows, FEED_OF, _WATCHED, minutes, counts, n)
    return [
        Arrived(name, minutes[place, :own].copy(),
                counts[place, :own, : FIRST_FIELD + len(FIELDS[name])].copy())
        for place, (name, own) in enumerate(zip(TYPES, n.tolist(), strict=True)) if own
    ]  # fmt: skip


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
