"""What there is to be learnt, on its way to a learner in another process.

The account stage tells all in its own order: draws by name alone, for what they were judged by is
known to the stage that decides, which tells that (`DrawJudged`) when it does. Numbers and hashes
travel, nobody's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from detector.counted_blocks import Come
from detector.entering import JUDGED, Rows
from detector.events import ACCOUNT, CODE, ID, KIND_MASK, OBJECT
from detector.models.examples import Example
from detector.sealing import SealError, sealed, unsealed

BLOCK_LESSONS: Final = 2_000  # of some 250 bytes: a block stays below half a mebibyte


class LessonsError(ValueError):
    """A block of lessons that cannot be read; the text says why."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """An example as numbers. `inputs`: float32, little-endian; the rest as Example has it."""

    key: int
    account: int
    at_ms: int
    inputs: bytes
    parts: tuple[float, float, float] | None
    is_doubtful: bool
    payee: int
    device: int

    def example(self) -> Example:
        """What was told."""
        inputs = np.frombuffer(self.inputs, "<f4").astype(np.float32)
        return Example(
            self.key, self.account, self.at_ms, inputs, self.parts, self.is_doubtful, self.payee,
            self.device,
        )  # fmt: skip


class DrawEntered(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A draw came, which will be judged. `clock_ms`, here and below: of the account stage, once
    the event was handled; `event`: its id's hash."""

    clock_ms: int
    event: int
    account: int


class DrawHeard(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Something became of a draw: an event of one of the kinds in teaching.HEARD."""

    clock_ms: int
    kind: int
    event: int
    told: int  # the disbursement's or the target event's hash
    account: int


class DebitJudged(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A scheduled debit was decided."""

    clock_ms: int
    told: Told

    @property
    def account(self) -> int:
        """Whose it is."""
        return self.told.account


class DebitAttempted(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """An attempt at a debit said yes or no."""

    clock_ms: int
    key: int
    account: int
    is_failure: bool


class DrawJudged(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """What a draw that has entered was judged by."""

    event: int
    told: Told

    @property
    def account(self) -> int:
        """Whose it is."""
        return self.told.account


Ordered = DrawEntered | DrawHeard | DebitJudged | DebitAttempted  # of the account stage
Lesson = Ordered | DrawJudged


class Lessons(NamedTuple):
    """What a block tells: lessons by the partition that they come from, and, after them, how far
    partitions of the account stage have come."""

    lessons: Sequence[tuple[int, Sequence[Lesson]]]
    come: Mapping[int, Come]


class _Block(msgspec.Struct, array_like=True):
    lessons: list[tuple[int, list[Lesson]]]
    come: dict[int, Come]


def packed_lessons(
    told: Mapping[int, Sequence[Lesson]], come: Mapping[int, Come]
) -> Iterator[bytes]:  # fmt: skip
    """Lessons by partition, in blocks; how far these have come thereby goes with the last one."""
    portions = [
        (number, list(lessons[begin : begin + BLOCK_LESSONS]))
        for number, lessons in told.items() for begin in range(0, len(lessons), BLOCK_LESSONS)
    ]  # fmt: skip
    block, count = _Block([], {}), 0
    for number, lessons in portions:
        if count + len(lessons) > BLOCK_LESSONS:
            yield sealed(block)
            block, count = _Block([], {}), 0
        block.lessons.append((number, lessons))
        count += len(lessons)
    block.come = dict(come)
    if count or come:
        yield sealed(block)


def unpacked_lessons(value: bytes) -> Lessons:
    """What a block holds.

    Raises:
        LessonsError: it is none, damaged, or of another schema.
    """
    try:
        block: _Block = unsealed(value, _Block)
    except SealError as error:
        raise LessonsError(f"lessons: {error}") from error
    return Lessons(block.lessons, block.come)


def told_of(example: Example) -> Told:
    """An example as it travels."""
    inputs = example.inputs.astype("<f4").tobytes()
    return Told(
        example.key, example.account, example.decided_ms, inputs, example.parts,
        example.is_doubtful, example.payee, example.device,
    )  # fmt: skip


class AccountScribe:
    """Writes down what the account stage has to tell, in the order of its rows."""

    def __init__(self) -> None:
        self._written: list[tuple[int, Ordered]] = []

    def entered(self, rows: Rows) -> None:
        """Of a batch's rows, the draws that were told for the first time and go on to be judged."""
        for row in np.flatnonzero((rows.decide != 0) & (rows.state == JUDGED)).tolist():
            words = rows.words[row]
            lesson = DrawEntered(int(rows.clock[row]), int(words[ID]), int(words[ACCOUNT]))
            self._written.append((row, lesson))

    def hear(self, rows: Rows, row: int) -> None:
        """See teaching.DrawPupil."""
        words = rows.words[row]
        kind, clock_ms = int(words[CODE]) & KIND_MASK, int(rows.clock[row])
        lesson = DrawHeard(clock_ms, kind, *(int(words[k]) for k in (ID, OBJECT, ACCOUNT)))
        self._written.append((row, lesson))

    def take(self) -> list[Lesson]:
        """What was written since this was last asked."""
        written, self._written = self._written, []
        return [lesson for _, lesson in sorted(written, key=lambda one: one[0])]

    def judged(self, rows: Rows, row: int, example: Example) -> None:
        """See teaching.DrawPupil: what is decided here (too old to be judged) teaches nothing."""
        raise AssertionError("a draw that is judged is decided by the last stage")

    def debits(self, first_row: int) -> DebitScribe:
        """Who writes down debits of rows that stand behind this many others of their batch."""
        return DebitScribe(self._written, first_row)


class DebitScribe:
    """Writes down what there is to tell of debits."""

    def __init__(self, written: list[tuple[int, Ordered]], first_row: int) -> None:
        self._written = written
        self._first_row = first_row

    def judged(self, rows: Rows, row: int, example: Example) -> None:
        """See teaching.DebitPupil."""
        lesson = DebitJudged(int(rows.clock[row]), told_of(example))
        self._written.append((self._first_row + row, lesson))

    def attempted(self, rows: Rows, row: int, key: int, *, is_failure: bool) -> None:
        """See teaching.DebitPupil."""
        account = int(rows.words[row, ACCOUNT])
        lesson = DebitAttempted(int(rows.clock[row]), key, account, is_failure)
        self._written.append((self._first_row + row, lesson))


class DecisionScribe:
    """Writes down what draws were judged by, where they are decided."""

    def __init__(self) -> None:
        self._written: list[Lesson] = []

    def judged(self, rows: Rows, row: int, example: Example) -> None:
        """See teaching.DrawPupil."""
        self._written.append(DrawJudged(int(rows.words[row, ID]), told_of(example)))

    def hear(self, rows: Rows, row: int) -> None:
        """See teaching.DrawPupil: the account stage has told it already."""

    def take(self) -> list[Lesson]:
        """What was written since this was last asked."""
        written, self._written = self._written, []
        return written
