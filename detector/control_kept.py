"""All that a control stage remembers, as plain values that can be written and taken up again."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

import msgspec
import numpy as np

from detector.complaints import Complaints, Entity, Heard
from detector.control import Control
from detector.control_memory import ControlMemory
from detector.feed_arrivals import Arrivals, Break
from detector.feed_breaks import FeedBreaks
from detector.incidents import SAMPLES_MAX, Incident, Samples
from detector.surges import Day, Known, Surges
from detector.trials import Series


class Array(msgspec.Struct, array_like=True):
    """An array of the memory, little-endian."""

    kind: str
    shape: tuple[int, ...]
    content: bytes


class KeptSamples(msgspec.Struct, array_like=True):
    """What is kept of a series for evidence."""

    series: tuple[int, int]
    kept: list[tuple[int, str, str]]
    currency: str | None


class KeptHeard(msgspec.Struct, array_like=True):
    """What was heard of complaints about somebody."""

    entity: Entity
    minutes: dict[int, int]
    samples: list[tuple[int, str, str]]
    spike: Incident | None
    newest: int
    told: int


class KeptComplaints(msgspec.Struct, array_like=True):
    """Complaints, and where their ticks stand."""

    heard: list[KeptHeard]
    watched: list[Entity]
    unwatched: int
    began: int
    now: int
    event_id: str


class KeptFeed(msgspec.Struct, array_like=True):
    """What arrived of a feed."""

    name: str
    minutes: Array
    counts: Array
    usual: Array
    hour: int
    judged: int
    open: dict[str, Break]


class KeptBreaks(msgspec.Struct, array_like=True):
    """All feeds; marks of dead letters, oldest first."""

    feeds: list[KeptFeed]
    known: list[int]
    repeated: int
    event_id: str


class KeptKnown(msgspec.Struct, array_like=True):
    """How the obligations of a channel went, day by day."""

    series: Series
    days: dict[int, Day]
    samples: list[tuple[int, str, str]]
    currency: str | None
    surge: Incident | None
    usual: tuple[float, float] | None
    first: int


class KeptSurges(msgspec.Struct, array_like=True):
    """All of them, and the day that is not over."""

    known: list[KeptKnown]
    unwatched: int
    day: int
    event_id: str


class Kept(msgspec.Struct):
    """A control stage."""

    arrays: dict[str, Array]
    names: list[str]
    unwatched: int
    channels: dict[str, int]
    providers: dict[int, int]
    incidents: dict[int, list[Incident]]
    fails_open: dict[int, Incident]
    silent: dict[int, Incident]
    samples: list[KeptSamples]
    event_id: str
    complaints: KeptComplaints
    breaks: KeptBreaks
    surges: KeptSurges


def kept_of(
    control: Control, complaints: Complaints, feed_breaks: FeedBreaks, surges: Surges
) -> Kept:
    """What it remembers now."""
    watched = control.watched
    return Kept(
        {name: _kept(array) for name, array in control.memory._asdict().items()},
        watched.names, watched.unwatched, watched.channels, watched.providers,
        control.incidents, control.fails_open, control.silent,
        [KeptSamples(key, list(one.kept), one.currency) for key, one in control.samples.items()],
        control.event_id, _kept_complaints(complaints), _kept_breaks(feed_breaks),
        _kept_surges(surges),
    )  # fmt: skip


def take_up(
    control: Control, complaints: Complaints, feed_breaks: FeedBreaks, surges: Surges, kept: Kept
) -> None:
    """Let fresh ones go on from what another remembered.

    Raises:
        ValueError: that one had another memory: it was made for another `lateness_hours`.
    """
    arrays = {name: _array(kept.arrays[name]) for name in ControlMemory._fields}
    minutes = control.memory.counts.shape[1]
    if arrays["counts"].shape[1] != minutes:
        raise ValueError(
            f"it remembers {arrays['counts'].shape[1]} minutes, and {minutes} are asked for"
            " (`lateness_hours` of the policy)"
        )
    control.memory = ControlMemory(**arrays)
    watched = control.watched
    watched.names, watched.unwatched = kept.names, kept.unwatched
    watched.channels, watched.providers = kept.channels, kept.providers
    control.incidents.update(kept.incidents)
    control.fails_open, control.silent = kept.fails_open, kept.silent
    for one in kept.samples:
        control.samples[one.series] = Samples(deque(one.kept, SAMPLES_MAX), one.currency)
    control.event_id = kept.event_id
    _take_up_complaints(complaints, kept.complaints)
    _take_up_breaks(feed_breaks, kept.breaks)
    _take_up_surges(surges, kept.surges)


def _kept_complaints(of: Complaints) -> KeptComplaints:
    return KeptComplaints(
        [
            KeptHeard(entity, one.minutes, list(one.samples.kept), one.spike, one.newest, one.told)
            for entity, one in of.heard.items()
        ],
        sorted(of.watched), of.unwatched, of.began, of.now, of.event_id,
    )  # fmt: skip


def _take_up_complaints(into: Complaints, kept: KeptComplaints) -> None:
    for one in kept.heard:
        samples = Samples(deque(one.samples, SAMPLES_MAX))
        into.heard[one.entity] = Heard(
            defaultdict(int, one.minutes), samples, one.spike, one.newest, one.told
        )
    into.watched, into.unwatched = set(kept.watched), kept.unwatched
    into.began, into.now, into.event_id = kept.began, kept.now, kept.event_id


def _kept_breaks(of: FeedBreaks) -> KeptBreaks:
    feeds = [
        KeptFeed(
            one.name, _kept(one.minutes), _kept(one.counts), _kept(one.usual), one.hour,
            one.judged, one.open,
        )
        for one in of.feeds
    ]  # fmt: skip
    return KeptBreaks(feeds, list(of.known), of.letters_repeated, of.event_id)


def _take_up_breaks(into: FeedBreaks, kept: KeptBreaks) -> None:
    told = {one.name: one for one in kept.feeds}
    for at, feed in enumerate(into.feeds):
        if (one := told.get(feed.name)) is not None:
            into.feeds[at] = Arrivals(
                one.name, _array(one.minutes), _array(one.counts), _array(one.usual), one.hour,
                one.judged, one.open,
            )  # fmt: skip
    into.known, into.letters_repeated = dict.fromkeys(kept.known), kept.repeated
    into.event_id = kept.event_id


def _kept_surges(of: Surges) -> KeptSurges:
    known = [
        KeptKnown(
            series, one.days, list(one.samples.kept), one.samples.currency, one.surge, one.usual,
            one.first,
        )
        for series, one in of.known.items()
    ]  # fmt: skip
    return KeptSurges(known, of.unwatched, of.day, of.event_id)


def _take_up_surges(into: Surges, kept: KeptSurges) -> None:
    for one in kept.known:
        samples = Samples(deque(one.samples, SAMPLES_MAX), one.currency)
        into.known[one.series] = Known(one.days, samples, one.surge, one.usual, one.first)
    into.unwatched, into.event_id = kept.unwatched, kept.event_id
    into.go_on_from(kept.day)


def _kept(array: np.ndarray[Any, Any]) -> Array:
    told = array.dtype.newbyteorder("<")
    return Array(told.str, array.shape, array.astype(told).tobytes())


def _array(one: Array) -> np.ndarray[Any, Any]:
    kind = np.dtype(one.kind)
    return np.frombuffer(one.content, kind).reshape(one.shape).astype(kind.newbyteorder("="))
