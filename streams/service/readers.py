"""What a stage's records are: events or dead letters at the account stage, blocks at later ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from detector.decode import Dead, Decoder
from detector.events import FUTURE_TOLERANCE_MS, TIME_MAX_MS, T
from detector.ids import Ids
from detector.strict import Refused, read_strictly
from streams.service.alignment import NEVER
from streams.service.work import Letter, Work, batch_of

WORD_BYTES: Final = 8
ERASURE: Final = b"erasure"


class EventItem(NamedTuple):
    """An event with its row of words, or a letter, or an account to be erased."""

    event: Any
    words: Any
    letter: Letter | None
    erased: str | None = None


class EventReads:
    """Decodes the inputs' records."""

    def __init__(self, ids: Ids, erasures: str) -> None:
        self._erasures = erasures
        self._decoder = Decoder(ids, TIME_MAX_MS)  # what is in the future, each record says itself
        self._newest_ms: dict[tuple[str, int], int] = {}

    def read(self, messages: Sequence[Any]) -> list[tuple[int, EventItem]]:
        """Events at their time; a letter at that of the record before it, so that it holds nobody;
        an erasure before all others."""
        found = []
        events = iter(self._events([one for one in messages if one.topic() != self._erasures]))
        for message in messages:
            if message.topic() == self._erasures:
                account = (message.key() or b"").decode("utf-8", "replace")
                found.append((NEVER, EventItem(None, None, None, account)))
            else:
                found.append(next(events))
        return found

    def _events(self, messages: Sequence[Any]) -> list[tuple[int, EventItem]]:
        values = [message.value() or b"" for message in messages]
        decoded = self._decoder.decode(values)
        dead = {one.position: one for one in decoded.dead}
        arrived = np.array([message.timestamp()[1] for message in messages], np.int64)
        horizon_ms = arrived[decoded.positions] + FUTURE_TOLERANCE_MS
        early = set(decoded.positions[decoded.words[:, T] > horizon_ms].tolist())
        times = decoded.words[:, T].tolist()
        events = iter(zip(decoded.events, decoded.words, times, strict=True))
        found = []
        for at, (message, value) in enumerate(zip(messages, values, strict=True)):
            place = message.topic(), message.partition()
            event, words, time_ms = (None, None, 0) if at in dead else next(events)
            if event is None or at in early:
                letter = _letter(message, value, dead.get(at))
                found.append((self._newest_ms.get(place, 0), EventItem(None, None, letter)))
            else:
                self._newest_ms[place] = time_ms
                found.append((time_ms, EventItem(event, words, None)))
        return found

    def work(self, items: Sequence[tuple[str, int, EventItem]]) -> Work:
        """Events as a batch, letters beside it."""
        events = [item for _, _, item in items if item.event is not None]
        return Work(
            erased=[item.erased for _, _, item in items if item.erased],
            batch=batch_of([item.event for item in events], [item.words for item in events]),
            letters=[item.letter for _, _, item in items if item.letter is not None],
            offsets={topic: offset + 1 for topic, offset, _ in items},
        )


class BlockReads:
    """Takes an earlier stage's blocks as they come. A block's key tells its newest event time; a
    record that tells an account to be erased has a key of its own."""

    def read(self, messages: Sequence[Any]) -> list[tuple[int, bytes | int]]:
        """Blocks at their times; an erasure, as the account's hash, before them."""
        return [
            (NEVER, number_of(message.value()))
            if message.key() == ERASURE
            else (number_of(message.key()), message.value())
            for message in messages
        ]

    def work(self, items: Sequence[tuple[str, int, bytes | int]]) -> Work:
        """Blocks in a row."""
        return Work(
            erased=[item for _, _, item in items if isinstance(item, int)],
            values=[item for _, _, item in items if isinstance(item, bytes)],
            offsets={topic: offset + 1 for topic, offset, _ in items},
        )


def word(value: int) -> bytes:
    """A time or a hash as a record's key or value."""
    return value.to_bytes(WORD_BYTES, "big", signed=True)


def number_of(told: bytes) -> int:
    """The time or hash that a key or value is."""
    return int.from_bytes(told, "big", signed=True)


def _letter(message: Any, value: bytes, dead: Dead | None) -> Letter:
    """A record as a dead letter, with what a reader who knows its hour of arrival says of it."""
    reason, text = ("", "") if dead is None else (dead.reason, dead.message)
    try:
        read_strictly(value, message.timestamp()[1] + FUTURE_TOLERANCE_MS)
    except Refused as refused:
        reason, text = refused.reason, f"{refused.path}: {refused.message}".lstrip(": ")
    assert reason, "what is no event is refused for a reason"
    return Letter(
        message.topic(), message.partition(), message.offset(), message.key(), message.value(),
        tuple((name, told or b"") for name, told in message.headers() or ()), reason, text,
    )  # fmt: skip
