"""Counts of several batches as one, and those of a minute in one row."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import MINUTE_MS
from detector.counted import Counts, Sample
from detector.counting import Grouped, group_rows
from detector.feed_arrivals import Arrived
from detector.incidents import SAMPLES_MAX
from detector.trials import grouped


def together(parts: Sequence[Counts]) -> Counts:
    """Counts of several batches, one after another as one."""
    if len(parts) == 1:
        return parts[0]
    channels = list(dict.fromkeys(name for one in parts for name in one.channels))
    place = {name: k for k, name in enumerate(channels)}
    begins = np.cumsum([0, *(len(one) for one in parts)])
    who = [one.who.copy() for one in parts]
    for one, own in zip(parts, who, strict=True):
        for k, name in enumerate(one.channels):
            own[one.who == -1 - k] = -1 - place[name]

    def joined(name: str) -> NDArray[np.int64]:
        return np.concatenate([getattr(one, name) for one in parts])

    def newest_id(row: int) -> str:
        part = int(np.searchsorted(begins, row, side="right")) - 1
        return parts[part].newest_id(row - int(begins[part]))

    return Counts(
        clock=joined("clock"), minutes=joined("minutes"),
        feeds=joined("feeds").astype(np.uint8), what=joined("what").astype(np.uint8),
        who=np.concatenate(who), counts=joined("counts"), amounts=joined("amounts"),
        channels=channels, newest_id=newest_id,
        providers={code: name for one in parts for code, name in one.providers.items()},
        samples=[
            sample._replace(row=sample.row + begin)
            for one, begin in zip(parts, begins.tolist(), strict=False)
            for sample in one.samples
        ],
        complaints=[complaint for one in parts for complaint in one.complaints],
        arrivals=[arrived for one in parts for arrived in one.arrivals],
        letters=[letter for one in parts for letter in one.letters],
        trials=[trial for one in parts for trial in one.trials],
    )  # fmt: skip


def by_minute(counts: Counts) -> Counts:
    """The same, of each minute, feed, and share of somebody one row; those that count nowhere left
    out. The clock goes from minute's end to minute's end; rows of one stand by what came last.
    Complaints stay as they are."""
    g = Grouped.room_for(len(counts))
    groups = group_rows(
        counts.minutes, counts.feeds, counts.what, counts.who, counts.counts, counts.amounts, g
    )
    order = np.lexsort((g.last[:groups], counts.minutes[g.last[:groups]]))
    last = g.last[order]
    newest_ids = [counts.newest_id(row) for row in last.tolist()]
    minutes = counts.minutes[last]
    return Counts(
        clock=(minutes + 1) * MINUTE_MS, minutes=minutes, feeds=counts.feeds[last],
        what=counts.what[last], who=counts.who[last], counts=g.counts[order],
        amounts=g.amounts[order], channels=counts.channels, providers=counts.providers,
        newest_id=lambda row: newest_ids[row],
        samples=_samples(counts.samples, g.group_of, order),
        complaints=counts.complaints, arrivals=_arrivals(counts.arrivals), letters=counts.letters,
        trials=grouped(counts.trials),
    )  # fmt: skip


def _samples(
    samples: Sequence[Sample], group_of: NDArray[np.int64], order: NDArray[np.int64]
) -> list[Sample]:
    """The newest of each group, whose places are in this order."""
    if not samples:
        return []
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    found: dict[int, deque[Sample]] = {}
    for sample in samples:
        row = int(place[group_of[sample.row]])
        found.setdefault(row, deque(maxlen=SAMPLES_MAX)).append(sample._replace(row=row))
    return [sample for row in sorted(found) for sample in found[row]]


def _arrivals(parts: Sequence[Arrived]) -> list[Arrived]:
    """Those of a feed as one."""
    found = []
    for name in dict.fromkeys(one.feed for one in parts):
        own = [one for one in parts if one.feed == name]
        if len(own) == 1:
            found += own
            continue
        minutes, place = np.unique(
            np.concatenate([one.minutes for one in own]), return_inverse=True
        )
        counts = np.zeros((len(minutes), own[0].counts.shape[1]), np.int64)
        np.add.at(counts, place, np.concatenate([one.counts for one in own]))
        found.append(Arrived(name, minutes, counts))
    return found


def upto(counts: Counts, minute: int) -> tuple[Counts, Counts]:
    """Those of minutes before one, and the others."""
    is_before = counts.minutes < minute
    before, after = (_chosen(counts, np.flatnonzero(which)) for which in (is_before, ~is_before))
    before.complaints = [one for one in counts.complaints if one.minute < minute]
    after.complaints = [one for one in counts.complaints if one.minute >= minute]
    before.letters = [one for one in counts.letters if one.minute < minute]
    after.letters = [one for one in counts.letters if one.minute >= minute]
    before.trials = [one for one in counts.trials if one.minute < minute]
    after.trials = [one for one in counts.trials if one.minute >= minute]
    for one in counts.arrivals:
        stop = int(np.searchsorted(one.minutes, minute))
        for part, which in ((before, slice(stop)), (after, slice(stop, None))):
            if len(one.minutes[which]):
                part.arrivals.append(Arrived(one.feed, one.minutes[which], one.counts[which]))
    return before, after


def _chosen(counts: Counts, rows: NDArray[np.int64]) -> Counts:
    place = {row: k for k, row in enumerate(rows.tolist())}
    newest_ids = [counts.newest_id(row) for row in place]
    return Counts(
        counts.clock[rows], counts.minutes[rows], counts.feeds[rows], counts.what[rows],
        counts.who[rows], counts.counts[rows], counts.amounts[rows], counts.channels,
        counts.providers, lambda row: newest_ids[row],
        [one._replace(row=place[one.row]) for one in counts.samples if one.row in place],
    )  # fmt: skip
