"""Several logs as one stream: by the time of their heads, none reordered within itself.

The log whose head is the oldest goes next; of equal times the type that ranks first (semantics 7),
then the log named first. An event that is older than one before it in its own log goes at once when
its turn comes, as does a line that is no event. So the place of a line among the logs is that of
the newest event up to it in its own log: a running maximum, and a merge is one sort of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.decode import Batch, Decoder
from detector.events import CODE, KIND_MASK, KINDS_OF_TYPE, TYPE_RANK, WORDS, T
from streams.logs import Lines, Log, LogError

PLACE_FIRST = -(1 << 62)  # of lines before a log's first event
RANK_BITS = 3


def _ranks() -> NDArray[np.int64]:
    ranks = np.zeros(KIND_MASK + 1, dtype=np.int64)
    for name, (first, last) in KINDS_OF_TYPE.items():
        ranks[first : last + 1] = TYPE_RANK[name]
    return ranks


RANK_OF_KIND = _ranks()


@dataclass(frozen=True, slots=True)
class Letter:
    """A line that is no event: why, and the line itself with where it stands."""

    reason: str
    path: str
    log: str
    line: int
    value: bytes
    whole_bytes: int | None  # length of the line where not all of it was kept
    after_ms: int  # the newest time of an event before it in its log; negative: there was none


@dataclass(slots=True)
class Chunk:
    """A stretch of the one stream: its events, and the lines among them that are none."""

    batch: Batch
    letters: list[Letter]


def chunks(logs: Sequence[Log], decoder: Decoder, size: int) -> Iterator[Chunk]:
    """The logs as one stream, decoded; `size` lines of a log at a time.

    LogError where a log breaks; of several logs, after the others were read to their ends.
    """
    if len(logs) == 1:
        newest_ms = -1
        for lines in logs[0].batches(size):
            batch = decoder.decode(lines.lines)
            reached = np.maximum.accumulate(np.concatenate(([newest_ms], batch.words[:, T])))
            newest_ms = int(reached[-1])
            yield Chunk(batch, letters_of(logs[0].label, lines, batch, reached))
        return
    heads = [_Head(log, decoder, size) for log in logs]
    open_heads = list(range(len(heads)))
    while open_heads:
        for number in open_heads:
            heads[number].fill()
        open_heads = [number for number in open_heads if not heads[number].ended]
        # The log that is the first to run out sets how far the others may go.
        limit = min(((heads[n].last_place, n) for n in open_heads), default=None)
        taken = []
        for number, head in enumerate(heads):
            through = limit is None or number <= limit[1]
            taken.append(head.take(None if limit is None else limit[0], through))
        yield _merged(taken)
    for head in heads:
        if head.error is not None:
            raise head.error


def letters_of(log: str, lines: Lines, batch: Batch, reached: NDArray[np.int64]) -> list[Letter]:
    """The dead letters of a decoded batch of a log's lines.

    `reached`: the newest time before the batch, then after each of its events.
    """
    before = np.searchsorted(batch.positions, [one.position for one in batch.dead])
    return [
        Letter(
            one.reason,
            one.path,
            log,
            lines.numbers[one.position],
            lines.lines[one.position],
            lines.lengths.get(one.position),
            after_ms,
        )
        for one, after_ms in zip(batch.dead, reached[before].tolist(), strict=True)
    ]


class _Head:
    """One of several logs: what is decoded of it and not yet taken."""

    def __init__(self, log: Log, decoder: Decoder, size: int) -> None:
        self.ended = False
        self.error: LogError | None = None
        self.last_place = PLACE_FIRST  # the running maximum at the end of what is decoded
        self._log = log
        self._decoder = decoder
        self._batches = log.batches(size)
        self._batch = empty_batch()
        self._places: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._letters: list[Letter] = []
        self._letter_places: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._event_at = self._letter_at = 0

    def fill(self) -> None:
        """Decode the next batch if all of the last one is taken."""
        if self.ended or self._event_at < len(self._places) or self._letter_at < len(self._letters):
            return
        lines = None
        try:
            lines = next(self._batches, None)
        except LogError as error:
            self.error = error
        if lines is None:
            self.ended = True
            return
        batch = self._decoder.decode(lines.lines)
        kinds = batch.words[:, CODE] & KIND_MASK
        own = (batch.words[:, T] << RANK_BITS) + RANK_OF_KIND[kinds]
        reached = np.maximum.accumulate(np.concatenate(([self.last_place], own)))
        dead = np.array([one.position for one in batch.dead], dtype=np.int64)
        self._batch = batch
        self._letters = letters_of(self._log.label, lines, batch, reached >> RANK_BITS)
        self._places = reached[1:]
        self._letter_places = reached[np.searchsorted(batch.positions, dead)]
        self._event_at = self._letter_at = 0
        self.last_place = int(reached[-1])

    def take(self, place: int | None, through: bool) -> _Taken:
        """What goes before `place`, or through it; all there is where `place` is None."""
        side: Literal["left", "right"] = "right" if through else "left"
        event_end, letter_end = len(self._places), len(self._letters)
        if place is not None:
            event_end = int(np.searchsorted(self._places, place, side))
            letter_end = int(np.searchsorted(self._letter_places, place, side))
        events = slice(self._event_at, event_end)
        letters = slice(self._letter_at, letter_end)
        self._event_at, self._letter_at = event_end, letter_end
        return _Taken(
            self._batch, events, self._places[events],
            self._letters[letters], self._letter_places[letters],
        )  # fmt: skip


@dataclass(slots=True)
class _Taken:
    batch: Batch
    events: slice
    places: NDArray[np.int64]
    letters: list[Letter]
    letter_places: NDArray[np.int64]


def _merged(taken: Sequence[_Taken]) -> Chunk:
    order = np.argsort(np.concatenate([one.places for one in taken]), kind="stable")
    events = [event for one in taken for event in one.batch.events[one.events]]
    words = np.concatenate([one.batch.words[one.events] for one in taken])
    letters = [letter for one in taken for letter in one.letters]
    letter_order = np.argsort(np.concatenate([one.letter_places for one in taken]), kind="stable")
    batch = Batch(
        events=[events[at] for at in order.tolist()],
        words=np.ascontiguousarray(words[order]),
        positions=np.arange(len(events), dtype=np.int64),
        dead=[],
    )
    return Chunk(batch, [letters[at] for at in letter_order.tolist()])


def empty_batch() -> Batch:
    """A batch of no lines."""
    return Batch([], np.empty((0, len(WORDS)), dtype=np.int64), np.empty(0, dtype=np.int64), [])
