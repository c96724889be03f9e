"""What a stage's records are: events or dead letters at the account stage, blocks at later ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np

from detector.decode import Dead, Decoder
from detector.events import FUTURE_TOLERANCE_MS, TIME_MAX_MS, T
from detector.ids import Ids
from detector.strict import Refused, read_strictly
from streams.service.alignment import NEVER
from streams.service.work import Letter, Work, batch_of

WORD_BYTES: Final = 8
ERASURE: Final = b"erasure"


# An event with its row of words; instead of it a letter, or the account that is to be erased.
EventItem = tuple[Any, Any, Letter | str | None]


class EventReads:
    """Decodes the inputs' records."""

    def __init__(self, ids: Ids, erasures: str) -> None:
        self._erasures = erasures
        self._decoder = Decoder(ids, TIME_MAX_MS)  # what is in the future, each record says itself
        self._newest_ms: dict[tuple[str, int], int] = {}

    def read(self, messages: Sequence[Any]) -> list[tuple[int, EventItem]]:
        """Events at their time; a letter at that of the record before it, so that it holds nobody;
        an erasure before all others."""
        places = [(message.topic(), message.partition()) for message in messages]
        values = [message.value() or b"" for message in messages]
        decoded = self._decoder.decode(values)
        arrived = np.array([message.timestamp()[1] for message in messages], np.int64)
        times = decoded.words[:, T]
        early = times > arrived[decoded.positions] + FUTURE_TOLERANCE_MS
        events: Iterable[EventItem] = zip(decoded.events, decoded.words, repeat(None), strict=False)
        if not decoded.dead and not early.any():
            at_ms = times.tolist()
            self._newest_ms.update(zip(places, at_ms, strict=True))
            return list(zip(at_ms, events, strict=True))
        dead: dict[int, Dead | None] = dict.fromkeys(decoded.positions[early].tolist())
        dead |= {one.position: one for one in decoded.dead}
        good = dict(zip(decoded.positions.tolist(), zip(times.tolist(), events, strict=True),
                        strict=True))  # fmt: skip
        return [
            self._apart(message, dead[at]) if at in dead else self._in_place(place, good[at])
            for at, (place, message) in enumerate(zip(places, messages, strict=True))
        ]

    def _in_place(
        self, place: tuple[str, int], found: tuple[int, EventItem]
    ) -> tuple[int, EventItem]:
        self._newest_ms[place] = found[0]
        return found

    def _apart(self, message: Any, dead: Dead | None) -> tuple[int, EventItem]:
        """What is no event, with its time."""
        if message.topic() == self._erasures:
            return NEVER, (None, None, (message.key() or b"").decode("utf-8", "replace"))
        time_ms = self._newest_ms.get((message.topic(), message.partition()), 0)
        return time_ms, (None, None, _letter(message, dead))

    def work(self, items: Sequence[tuple[str, int, EventItem]]) -> Work:
        """Events as a batch; letters, and accounts to be erased, beside it."""
        others = [item[2] for _, _, item in items if item[2] is not None]
        events = [item for _, _, item in items if item[2] is None]
        return Work(
            erased=[one for one in others if isinstance(one, str)],
            batch=batch_of([event for event, _, _ in events], [words for _, words, _ in events]),
            letters=[one for one in others if isinstance(one, Letter)],
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


def _letter(message: Any, dead: Dead | None) -> Letter:
    """A record as a dead letter, with what a reader who knows its hour of arrival says of it."""
    reason, text = ("", "") if dead is None else (dead.reason, dead.message)
    try:
        read_strictly(message.value() or b"", message.timestamp()[1] + FUTURE_TOLERANCE_MS)
    except Refused as refused:
        reason, text = refused.reason, f"{refused.path}: {refused.message}".lstrip(": ")
    assert reason, "what is no event is refused for a reason"
    return Letter(
        message.topic(), message.partition(), message.offset(), message.key(), message.value(),
        tuple((name, told or b"") for name, told in message.headers() or ()), reason, text,
    )  # fmt: skip
