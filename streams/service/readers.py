"""What a stage's records are: events or dead letters at the account stage, blocks at later ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.decode import Dead, Decoder
from detector.events import FUTURE_TOLERANCE_MS, TIME_MAX_MS, T
from detector.ids import Ids
from detector.strict import Refused, read_strictly
from streams.service.alignment import NEVER, Times
from streams.service.work import Letter, Work, batch_of

WORD_BYTES: Final = 8
ERASURE: Final = b"erasure"


# An event with its row of words; or a letter, or the account that is to be erased.
EventItem = tuple[Any, NDArray[np.int64]] | Letter | str


class EventReads:
    """Decodes the inputs' records."""

    def __init__(self, ids: Ids, erasures: str) -> None:
        self._erasures = erasures
        self._decoder = Decoder(ids, TIME_MAX_MS)  # what is in the future, each record says itself

    def read(self, messages: Sequence[Any]) -> tuple[Times, list[EventItem]]:
        """Events at their time; a letter with the record before it, so that it holds nobody; an
        erasure before all others."""
        decoded = self._decoder.decode([message.value() or b"" for message in messages])
        arrived_ms = np.array([message.timestamp()[1] for message in messages], np.int64)
        event_times_ms = decoded.words[:, T]
        early = event_times_ms > arrived_ms[decoded.positions] + FUTURE_TOLERANCE_MS
        events: Iterable[EventItem] = zip(decoded.events, decoded.words, strict=True)
        if not decoded.dead and not early.any():
            return event_times_ms, list(events)
        found: dict[int, Dead | EventItem | None] = dict(
            zip(decoded.positions.tolist(), events, strict=True)
        )
        found |= dict.fromkeys(decoded.positions[early].tolist())
        found |= {one.position: one for one in decoded.dead}
        times_ms = np.full(len(messages), NEVER, np.int64)
        times_ms[decoded.positions[~early]] = event_times_ms[~early]
        return times_ms, [self._item(one, found[at]) for at, one in enumerate(messages)]

    def _item(self, message: Any, found: Dead | EventItem | None) -> EventItem:
        if found is not None and not isinstance(found, Dead):
            return found
        if message.topic() == self._erasures:
            return (message.key() or b"").decode("utf-8", "replace")
        return _letter(message, found)

    def work(self, items: Sequence[EventItem], offsets: dict[str, int]) -> Work:
        """Events as a batch; letters, and accounts to be erased, beside it."""
        events = [one for one in items if isinstance(one, tuple)]
        others = [one for one in items if not isinstance(one, tuple)]
        return Work(
            erased=[one for one in others if isinstance(one, str)],
            batch=batch_of([event for event, _ in events], [words for _, words in events]),
            letters=[one for one in others if isinstance(one, Letter)],
            offsets=offsets,
        )


class BlockReads:
    """Takes an earlier stage's blocks as they come. A block's key tells its newest event time; a
    record that tells an account to be erased has a key of its own."""

    def read(self, messages: Sequence[Any]) -> tuple[Times, list[bytes | int]]:
        """Blocks at their times; an erasure, as the account's hash, before them."""
        are_erasures = [message.key() == ERASURE for message in messages]
        times_ms = [
            NEVER if is_erasure else number_of(message.key())
            for message, is_erasure in zip(messages, are_erasures, strict=True)
        ]
        items = [
            number_of(message.value()) if is_erasure else message.value()
            for message, is_erasure in zip(messages, are_erasures, strict=True)
        ]
        return np.array(times_ms, np.int64), items

    def work(self, items: Sequence[bytes | int], offsets: dict[str, int]) -> Work:
        """Blocks in a row."""
        return Work(
            erased=[item for item in items if isinstance(item, int)],
            values=[item for item in items if isinstance(item, bytes)],
            offsets=offsets,
        )


class CountReads(BlockReads):
    """Takes counts for the control stage, each behind the time at which the broker took it."""

    def read(self, messages: Sequence[Any]) -> tuple[Times, list[bytes | int]]:
        """As blocks."""
        times_ms, items = super().read(messages)
        timed: list[bytes | int] = [
            item if isinstance(item, int) else word(message.timestamp()[1]) + item
            for message, item in zip(messages, items, strict=True)
        ]
        return times_ms, timed


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
