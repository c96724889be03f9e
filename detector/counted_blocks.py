"""Counts on their way to the control stage: those of a minute in one, sealed for a topic.

One stage counts for all partitions, so what travels is small: an entry for each channel, provider
and feed of a minute, whatever the number of events; of those that count against somebody the newest
by name, for evidence. With them goes how far their partitions have come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.complaints import Complaint
from detector.control_memory import MINUTE_MS
from detector.counted import Counts, Sample
from detector.feed_arrivals import FIELDS, Arrived
from detector.feed_breaks import DeadLetter
from detector.feed_walk import FIRST_FIELD
from detector.sealing import SealError, sealed, unsealed
from detector.trials import Trial


class CountsError(ValueError):
    """A block of counts that cannot be read; the text says why."""


class Come(NamedTuple):
    """How far a partition of the account stage has come: its clock, and whether something is known
    to be left to it, or not known not to be."""

    clock_ms: int
    has_left: bool


class Told(NamedTuple):
    """What a block tells."""

    counts: Counts
    come: Mapping[int, Come]  # by partition


class _Block(msgspec.Struct, array_like=True):
    """Counts. Arrays are little-endian."""

    minutes: bytes  # int64, and so the next three
    who: bytes
    counts: bytes
    amounts: bytes
    feeds: bytes
    what: bytes
    channels: list[str]
    providers: dict[int, str]
    newest_ids: list[str]
    samples: list[Sample]
    complaints: list[Complaint]
    arrivals: list[tuple[str, bytes, bytes]]  # feed, minutes, counts: int64
    letters: list[DeadLetter]
    trials: list[Trial]
    come: dict[int, Come]


def packed(counts: Counts, come: Mapping[int, Come]) -> bytes:
    """A block of counts by the minute."""
    numbers = (counts.minutes, counts.who, counts.counts, counts.amounts)
    minutes, who, total, amounts = (one.astype("<i8").tobytes() for one in numbers)
    newest_ids = [counts.newest_id(row) for row in range(len(counts))]
    return sealed(_Block(
        minutes, who, total, amounts, counts.feeds.tobytes(), counts.what.tobytes(),
        counts.channels, dict(counts.providers), newest_ids, counts.samples, counts.complaints,
        [(one.feed, _told(one.minutes), _told(one.counts)) for one in counts.arrivals],
        counts.letters, counts.trials, dict(come),
    ))  # fmt: skip


def unpacked(value: bytes) -> Told:
    """What a block holds.

    Raises:
        CountsError: it is none, damaged, or of another schema.
    """
    try:
        block: _Block = unsealed(value, _Block)
    except SealError as error:
        raise CountsError(f"counts: {error}") from error
    minutes, who, total, amounts = (
        np.frombuffer(part, "<i8").astype(np.int64)
        for part in (block.minutes, block.who, block.counts, block.amounts)
    )
    feeds, what = (np.frombuffer(part, np.uint8) for part in (block.feeds, block.what))
    if len({len(part) for part in (minutes, who, total, amounts, feeds, what)}) != 1:
        raise CountsError("counts: its columns are of different lengths")
    counts = Counts(
        (minutes + 1) * MINUTE_MS, minutes, feeds, what, who, total, amounts, block.channels,
        block.providers, lambda row: block.newest_ids[row], block.samples,
        block.complaints, [_arrived(*one) for one in block.arrivals], block.letters,
        block.trials,
    )  # fmt: skip
    return Told(counts, block.come)


def _told(numbers: NDArray[np.int64]) -> bytes:
    return numbers.astype("<i8").tobytes()


def _arrived(feed: str, minutes: bytes, counts: bytes) -> Arrived:
    width = FIRST_FIELD + len(FIELDS[feed])
    own, table = (np.frombuffer(part, "<i8").astype(np.int64) for part in (minutes, counts))
    return Arrived(feed, own, table.reshape(len(own), width))
