"""A batch of lines becomes events, rows of words and dead letters: the fast path.

Every line is decoded by msgspec; one that fails, or in which msgspec cannot see a fault that the
contract knows, goes alone through the slow path (strict.py), whose word is the last. So the verdict
on a line never depends on the lines beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.events import DEPTH_MAX, FUTURE_TOLERANCE_MS, LINE_MAX_BYTES, NETWORK, T
from detector.ids import Ids
from detector.rows import NO_NETWORK, words_of
from detector.schema import Event
from detector.strict import Refused, nested_too_deep, read_strictly

_DEEP_BYTES: Final = 2 * DEPTH_MAX  # a line no longer than this cannot nest too deep
_TYPE: Final = b'"type"'
_ESCAPED_TYPE: Final = re.compile(rb"\\u00(?:74|79|70|65)")  # a letter of "type", escaped


@dataclass(slots=True)
class Dead:
    """A line that is no event: its index, the contract's reason, the field's path, our words."""

    position: int
    reason: str
    path: str
    message: str


@dataclass(slots=True)
class Batch:
    """A batch decoded: `events[i]` is row `words[i]` (see events.py) and line `positions[i]`."""

    events: list[Event]
    words: NDArray[np.int64]  # (n, 14)
    positions: NDArray[np.int64]  # (n,), rising
    dead: list[Dead]  # by rising position


class Decoder:
    """Decodes lines; an event dated more than 5 minutes after `as_of_ms` is in the future."""

    def __init__(self, ids: Ids, as_of_ms: int) -> None:
        self._ids = ids
        self._horizon_ms = as_of_ms + FUTURE_TOLERANCE_MS
        self._json: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)

    def decode(self, lines: Sequence[bytes]) -> Batch:
        """Each line is an event of the batch or a dead letter, in the order of the lines.

        Never raises for what a line holds. (A caller more than some 400 frames deep may see
        RecursionError for a deeply nested line: the stack is the process's, not the event's.)
        """
        decoded, suspects = self._decode_fast(lines)
        suspects.update(_unseen_by_parser(lines, bool(suspects)))
        dead: list[Dead] = []
        self._judge_strictly(lines, suspects, decoded, dead)
        events, positions = _those_that_are(decoded, bool(dead))
        words = words_of(events, self._ids)
        wrong = (words[:, T] > self._horizon_ms) | (words[:, NETWORK] == NO_NETWORK)
        if wrong.any():
            self._judge_strictly(lines, set(positions[wrong].tolist()), decoded, dead)
            events, positions = _those_that_are(decoded, bool(dead))
            words = words_of(events, self._ids)
            dead.sort(key=lambda letter: letter.position)
        return Batch(events, words, positions, dead)

    def _decode_fast(self, lines: Sequence[bytes]) -> tuple[list[Event | None], set[int]]:
        """The events, and the lines that made none."""
        decode = self._json.decode
        decoded: list[Event | None] = []
        failed: set[int] = set()
        for line in lines:
            try:
                decoded.append(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                failed.add(len(decoded))
                decoded.append(None)
        return decoded, failed

    def _judge_strictly(
        self, lines: Sequence[bytes], suspects: set[int], decoded: list[Event | None],
        dead: list[Dead],
    ) -> None:  # fmt: skip
        """Let the slow path judge some lines: it costs ten times, so these should be few."""
        for position in sorted(suspects):
            decoded[position] = None
            try:
                decoded[position] = read_strictly(lines[position], self._horizon_ms)
            except Refused as fault:
                dead.append(Dead(position, fault.reason, fault.path, fault.message))


def _those_that_are(
    decoded: Sequence[Event | None], some_are_not: bool
) -> tuple[list[Event], NDArray[np.int64]]:
    """The events, and the lines that they were."""
    if not some_are_not:
        return list(cast("Sequence[Event]", decoded)), np.arange(len(decoded), dtype=np.int64)
    positions = [i for i, event in enumerate(decoded) if event is not None]
    events = [event for event in decoded if event is not None]
    return events, np.array(positions, dtype=np.int64)


def _unseen_by_parser(lines: Sequence[bytes], some_failed: bool) -> Iterable[int]:
    """Too long or too deep; bytes that are no UTF-8 in what is skipped; a type told twice."""
    if max(map(len, lines), default=0) > _DEEP_BYTES:
        yield from (i for i, line in enumerate(lines) if _too_long_or_deep(line))
    whole = b"\n".join(lines)
    if not whole.isascii() and not _is_utf8(whole):
        yield from (i for i, line in enumerate(lines) if not _is_utf8(line))
    # Every event tells its type: where none failed and none hides it in escapes, as many as there
    # are lines means one in each.
    escaped = b"\\" in whole and _ESCAPED_TYPE.search(whole) is not None
    if escaped:
        yield from (i for i, line in enumerate(lines) if _ESCAPED_TYPE.search(line))
    if some_failed or escaped or whole.count(_TYPE) != len(lines):
        yield from (i for i, line in enumerate(lines) if line.count(_TYPE) != 1)


def _too_long_or_deep(line: bytes) -> bool:
    return len(line) > LINE_MAX_BYTES or nested_too_deep(line)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
