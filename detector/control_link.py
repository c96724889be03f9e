"""The control stage standing alone, as a service runs it: blocks of counts in, its word out.

Its memory is large and hardly changes, and what it makes of its input depends on the input's order
alone. So its state is the whole now and then (W, in pieces), and after it the blocks as they came
(D): a restart takes the whole up, and the blocks in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from detector.control import Control, Word
from detector.control_kept import Kept, kept_of, take_up
from detector.counted_blocks import unpacked
from detector.newest import Kinds
from detector.sealing import sealed, sealed_bytes
from detector.state import Record, key_of, opened, opened_bytes, refusal

PIECE_BYTES: Final = 512 * 1024
BLOCKS_MIN: Final = 256  # so many at least before the whole is written again
BLOCKS_A_PIECE: Final = 16
WHOLE, SINCE = b"W", b"D"
_encode: Final = msgspec.msgpack.Encoder().encode


class _Since(msgspec.Struct, array_like=True):
    """What was taken at once; `clock_ms`: where the clock stood before it."""

    clock_ms: int
    values: list[bytes]


class ControlLink:
    """One control stage and its state."""

    def __init__(self, control: Control, hash_of: Callable[[str], int]) -> None:
        """`control` has seen nothing; `hash_of`: of an account's id."""
        self.control = control
        self._hash_of = hash_of
        self.clock_ms = -1  # where its clock stands; negative before the first event
        self._since: list[_Since] = []  # taken since the state was last asked for
        self._blocks = 0  # how many the changelog holds
        self._pieces = 0
        self._is_whole_due = False

    def take(self, values: Sequence[bytes]) -> list[Word]:
        """Take blocks of counts.

        Raises:
            CountsError: one cannot be read; nothing was taken.
        """
        parts = [unpacked(value) for value in values]
        self._since.append(_Since(self.clock_ms, list(values)))
        words = []
        for counts in parts:
            words += self.control.take(counts)
            if len(counts):
                self.clock_ms = max(self.clock_ms, int(counts.clock[-1]))
        return words

    def advance(self, clock_ms: int) -> list[Word]:
        """Let the clock go on to a time without an event; never back."""
        words = self.control.advance(clock_ms) if clock_ms > self.clock_ms else []
        self.clock_ms = max(self.clock_ms, clock_ms)
        if words:
            self._since.append(_Since(self.clock_ms, []))
        return words

    def erase(self, account: int) -> None:
        """Forget the account of an id of this hash; `changes` then takes it out of the state."""
        self.control.erase(lambda account_id: self._hash_of(account_id) == account)
        self._is_whole_due = True

    def changes(self) -> list[Record]:
        """What changed since this was last asked, as records."""
        since, self._since = self._since, []
        blocks = self._blocks + len(since)
        if self._is_whole_due or blocks > max(BLOCKS_MIN, BLOCKS_A_PIECE * self._pieces):
            return self._whole()
        first, self._blocks = self._blocks, blocks
        return [(key_of(SINCE, first + k), sealed(one)) for k, one in enumerate(since)]

    def _whole(self) -> list[Record]:
        content = _encode((self.clock_ms, kept_of(self.control)))
        starts = range(0, len(content), PIECE_BYTES)
        pieces: list[Record] = [
            (key_of(WHOLE, k), sealed_bytes(content[at : at + PIECE_BYTES]))
            for k, at in enumerate(starts)
        ]
        gone: list[Record] = [(key_of(WHOLE, k), None) for k in range(len(pieces), self._pieces)]
        gone += [(key_of(SINCE, k), None) for k in range(self._blocks)]
        self._pieces, self._blocks, self._is_whole_due = len(pieces), 0, False
        return [*pieces, *gone]

    def restore(self, kinds: Kinds) -> None:
        """Fill a fresh one from the newest values of all keys of its changelog.

        Raises:
            StateError: a record is damaged, of another schema or kind, or one is missing.
        """
        for kind in kinds.keys() - {WHOLE, SINCE}:
            raise refusal(kinds[kind].key(0), "of no kind of the control stage")
        pieces = _numbered(kinds, WHOLE)
        if pieces:
            content = b"".join(opened_bytes(key_of(WHOLE, k), one) for k, one in enumerate(pieces))
            self.clock_ms, kept = msgspec.msgpack.decode(content, type=tuple[int, Kept])
            try:
                take_up(self.control, kept)
            except ValueError as error:
                raise refusal(WHOLE, error) from error
        blocks = _numbered(kinds, SINCE)
        for k, value in enumerate(blocks):
            one: _Since = opened(key_of(SINCE, k), value, _Since)
            self.advance(one.clock_ms)
            self.take(one.values)
        self._since.clear()
        self._pieces, self._blocks = len(pieces), len(blocks)


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
