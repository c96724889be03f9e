"""A state that is its input, as records: the whole now and then (W, in pieces), and after it what
was taken in as it came (D).

For what has a large memory of which each input changes little, here and there, and which makes of
its input what depends on the input's order alone. A restart takes the whole up, and the rest again,
in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from detector.newest import Kinds
from detector.sealing import sealed, sealed_bytes
from detector.state import Record, key_of, opened, opened_bytes, refusal

PIECE_BYTES: Final = 512 * 1024
BLOCKS_MIN: Final = 256  # so many at least before the whole is written again
BLOCKS_A_PIECE: Final = 16
WHOLE, SINCE = b"W", b"D"
Entry = TypeVar("Entry")


class InputLog:
    """What was taken in and is not written, and what the changelog holds."""

    def __init__(self) -> None:
        self._since: list[Any] = []  # taken since the state was last asked for
        self._blocks = 0  # how many the changelog holds
        self._pieces = 0
        self.is_whole_due = False  # whether what was taken may no longer be told as it came

    def take(self, entry: Any) -> None:
        """Something was taken in."""
        self._since.append(entry)

    def changes(self, whole: Callable[[], bytes]) -> list[Record]:
        """What changed since this was last asked, as records; `whole` gives the content of all."""
        since, self._since = self._since, []
        blocks = self._blocks + len(since)
        if self.is_whole_due or blocks > max(BLOCKS_MIN, BLOCKS_A_PIECE * self._pieces):
            return self._whole(whole())
        first, self._blocks = self._blocks, blocks
        return [(key_of(SINCE, first + k), sealed(one)) for k, one in enumerate(since)]

    def _whole(self, content: bytes) -> list[Record]:
        starts = range(0, len(content), PIECE_BYTES)
        pieces: list[Record] = [
            (key_of(WHOLE, k), sealed_bytes(content[at : at + PIECE_BYTES]))
            for k, at in enumerate(starts)
        ]
        gone: list[Record] = [(key_of(WHOLE, k), None) for k in range(len(pieces), self._pieces)]
        gone += [(key_of(SINCE, k), None) for k in range(self._blocks)]
        self._pieces, self._blocks, self.is_whole_due = len(pieces), 0, False
        return [*pieces, *gone]

    def restore(self, kinds: Kinds, entry: type[Entry], whose: str) -> tuple[bytes, list[Entry]]:
        """The whole (empty: never written) and what came after it, from a changelog's newest
        values. `whose`: what to call the stage.

        Raises:
            StateError: a record is damaged, of another schema or kind, or one is missing.
        """
        for kind in kinds.keys() - {WHOLE, SINCE}:
            raise refusal(kinds[kind].key(0), f"of no kind of the {whose}")
        pieces = [opened_bytes(key_of(WHOLE, k), one)
                  for k, one in enumerate(_numbered(kinds, WHOLE))]  # fmt: skip
        blocks: list[Entry] = [opened(key_of(SINCE, k), one, entry)
                               for k, one in enumerate(_numbered(kinds, SINCE))]  # fmt: skip
        self._pieces, self._blocks = len(pieces), len(blocks)
        return b"".join(pieces), blocks

    def forget(self) -> None:
        """What was taken in since `restore` is in the changelog: it was taken from there."""
        self._since.clear()


def portions(values: Sequence[bytes]) -> Iterator[int]:
    """Where portions end that fit into a record each, or are one value."""
    total = 0
    for at, value in enumerate(values):
        if at and total + len(value) > PIECE_BYTES:
            yield at
            total = 0
        total += len(value)
    if values:
        yield len(values)


def _numbered(kinds: Kinds, kind: bytes) -> list[bytes]:
    """The values of a kind by number.

    Raises:
        StateError: one is missing.
    """
    if kind not in kinds:
        return []
    records = dict(kinds[kind].items())
    for number in range(len(records)):
        if key_of(kind, number) not in records:
            raise refusal(key_of(kind, number), f"is missing, of {len(records)}")
    return [records[key_of(kind, number)] for number in range(len(records))]
