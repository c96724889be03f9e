"""Counts on their way to the control stage: those of a minute in one, sealed for a topic.

One stage counts for all partitions, so what travels is small: an entry for each channel, provider
and feed of a minute, whatever the number of events; of those that count against somebody the newest
by name, for evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.control_walk import BARE, ERROR
from detector.counted import Counts, Sample
from detector.incidents import SAMPLES_MAX
from detector.sealing import SealError, sealed, unsealed

_FEEDS, _WHATS = 8, 8  # room for their numbers in a key


class CountsError(ValueError):
    """A block of counts that cannot be read; the text says why."""


class _Block(msgspec.Struct, array_like=True):
    """Counts. Arrays are little-endian."""

    clock: bytes  # int64, ms, and so the next four
    minutes: bytes
    who: bytes
    counts: bytes
    amounts: bytes
    feeds: bytes
    what: bytes
    channels: list[str]
    providers: dict[int, str]
    newest_ids: list[str]
    samples: list[Sample]


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
    )  # fmt: skip


def by_minute(counts: Counts) -> Counts:
    """The same, of each minute, feed, and share of somebody one row; those that count nowhere left
    out. The clock goes minute by minute, and within one by what came last."""
    rows = np.flatnonzero(counts.counts)
    if not len(rows):
        return _some(counts, rows, rows[:0], np.empty(0, np.int64))
    names, who = np.unique(counts.who[rows], return_inverse=True)
    minutes = counts.minutes[rows]
    key = (minutes - minutes.min()) * _FEEDS + counts.feeds[rows]
    key = (key * _WHATS + counts.what[rows]) * len(names) + who
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(key[order]) != 0)))
    return _some(counts, rows[order], starts, _in_order(rows[order], starts, counts.minutes))


def _in_order(
    rows: NDArray[np.int64], starts: NDArray[np.int64], minutes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The groups by minute, of one minute by their last row."""
    last = rows[np.append(starts[1:], len(rows)) - 1]
    return np.lexsort((last, minutes[last]))


def _some(
    counts: Counts, rows: NDArray[np.int64], starts: NDArray[np.int64], order: NDArray[np.int64]
) -> Counts:
    """Groups of rows, which begin at `starts`, in this order."""
    ends = np.append(starts[1:], len(rows)).astype(np.int64)
    last = rows[ends - 1][order] if len(starts) else rows
    clock, total, amounts = counts.clock[rows], counts.counts[rows], counts.amounts[rows]
    if len(starts):
        clock = np.maximum.reduceat(clock, starts)[order]
        total = np.add.reduceat(total, starts)[order]
        amounts = np.add.reduceat(amounts, starts)[order]
    newest_ids = [counts.newest_id(row) for row in last.tolist()]
    found = Counts(
        clock=np.maximum.accumulate(clock), minutes=counts.minutes[last], feeds=counts.feeds[last],
        what=counts.what[last], who=counts.who[last], counts=total, amounts=amounts,
        channels=counts.channels, providers=counts.providers, newest_id=lambda row: newest_ids[row],
    )  # fmt: skip
    found.samples = _samples(counts, rows, starts, ends, order)
    return found


def _samples(
    counts: Counts, rows: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64],
    order: NDArray[np.int64],
) -> list[Sample]:  # fmt: skip
    """The newest of each group that tells of some."""
    if not counts.samples:
        return []
    by_row = {sample.row: sample for sample in counts.samples}
    found = []
    for group, at in enumerate(order.tolist()):
        if int(counts.what[rows[starts[at]]]) in (ERROR, BARE):
            own = rows[max(starts[at], ends[at] - SAMPLES_MAX) : ends[at]]
            found += [by_row[row]._replace(row=group) for row in own.tolist()]
    return found


def packed(counts: Counts) -> bytes:
    """A block of them."""
    numbers = (counts.clock, counts.minutes, counts.who, counts.counts, counts.amounts)
    clock, minutes, who, total, amounts = (one.astype("<i8").tobytes() for one in numbers)
    newest_ids = [counts.newest_id(row) for row in range(len(counts))]
    return sealed(_Block(
        clock, minutes, who, total, amounts, counts.feeds.tobytes(), counts.what.tobytes(),
        counts.channels, dict(counts.providers), newest_ids, counts.samples,
    ))  # fmt: skip


def unpacked(value: bytes) -> Counts:
    """What a block holds.

    Raises:
        CountsError: it is none, damaged, or of another schema.
    """
    try:
        block: _Block = unsealed(value, _Block)
    except SealError as error:
        raise CountsError(f"counts: {error}") from error
    clock, minutes, who, counts, amounts = (
        np.frombuffer(part, "<i8").astype(np.int64)
        for part in (block.clock, block.minutes, block.who, block.counts, block.amounts)
    )
    feeds, what = (np.frombuffer(part, np.uint8) for part in (block.feeds, block.what))
    if len({len(part) for part in (clock, minutes, who, counts, amounts, feeds, what)}) != 1:
        raise CountsError("counts: its columns are of different lengths")
    return Counts(
        clock, minutes, feeds, what, who, counts, amounts, block.channels, block.providers,
        lambda row: block.newest_ids[row], block.samples,
    )  # fmt: skip
