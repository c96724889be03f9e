"""The learner of a service: lessons of all partitions in, versions of both questions' models out.

Partitions of the account stage are not equally far, and what a draw was judged by comes from a
later stage. So lessons wait here until every partition that has something left has come past them,
and a draw, with all that came after it, until it is known what it was judged by. Then they are
taught in the order of the account stage's clock, hour by hour, by what teaches in a replay: what is
learnt depends neither on batches nor on who was slow.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec
import numpy as np

from detector.coming import Coming
from detector.counted_blocks import Come
from detector.input_log import WHOLE, InputLog, portions
from detector.models.follower import Follower
from detector.models.kept import KeptLearner, kept_of, take_up
from detector.models.learner import Version
from detector.models.lessons import (
    DebitAttempted,
    DebitJudged,
    DrawEntered,
    DrawHeard,
    DrawJudged,
    Lesson,
    Ordered,
    unpacked_lessons,
)
from detector.models.models import Models
from detector.models.published import Entry, Published
from detector.newest import Kinds
from detector.state import Record, refusal

TIME_BYTES: Final = 8
HELD_MAX: Final = 200_000  # lessons that wait; then a draw that is waited for is let go
Waiting = tuple[int, int, int, Ordered]  # its clock, its partition, its place of arrival
Of = TypeVar("Of", bound=Ordered)
_encode: Final = msgspec.msgpack.Encoder().encode


class _Since(msgspec.Struct, array_like=True):
    """What was taken at once."""

    values: list[bytes]


class _Whole(msgspec.Struct, array_like=True):
    arrived_ms: int
    come: dict[int, tuple[int, Come]]
    held: list[Waiting]
    arrivals: int
    judged: list[DrawJudged]
    let_go: int
    published: list[Entry]
    targets: list[tuple[int, int]]
    draws: KeptLearner
    debits: KeptLearner


class School:
    """One learner of each question, and what waits to be taught."""

    def __init__(self, models: Models, history_ms: int) -> None:
        """`models` learn, and have learnt nothing; versions stand for `history_ms` at least."""
        self._published = Published(history_ms)
        self._gone: list[Entry] = []
        self.models = models
        self.let_go = 0  # draws of which nobody told in time what they were judged by
        self._coming = Coming()
        self._held: list[Waiting] = []  # a heap
        self._arrivals = 0
        self._entered: set[int] = set()  # events of the draws that wait
        self._judged: dict[int, DrawJudged] = {}  # by event: what these were judged by
        self._log = InputLog()

    @property
    def clock_ms(self) -> int:
        """Up to where all partitions have come; negative before the first event."""
        return self._coming.come_to_ms

    @property
    def held(self) -> int:
        """Lessons that wait."""
        return len(self._held) + len(self._judged)

    @property
    def examples(self) -> dict[tuple[str, str], int]:
        """Labelled examples that are kept, by question and label."""
        counts: dict[tuple[str, str], int] = {}
        for each in (self.models.draws, self.models.debits):
            learner = each.follower.learner
            assert learner is not None, "these models learn"
            counts[learner.terms.question, "negative"] = learner.examples.negatives
            counts[learner.terms.question, "positive"] = learner.examples.positives
        return counts

    def take(self, values: Sequence[bytes]) -> list[Version]:
        """Take blocks of lessons, each behind the time of its arrival (eight bytes, ms).

        Gives the versions that were made of them.

        Raises:
            LessonsError: one cannot be read; nothing was taken.
        """
        told = [(int.from_bytes(value[:TIME_BYTES], "big", signed=True),
                 unpacked_lessons(value[TIME_BYTES:])) for value in values]  # fmt: skip
        begin = 0
        for end in portions(values):
            self._log.take(_Since(list(values[begin:end])))
            begin = end
        for arrived_ms, one in told:
            self._coming.tell(arrived_ms, one.come)
            for number, lessons in one.lessons:
                for lesson in lessons:
                    self._hold(number, lesson)
            self._teach(self._released())
        versions = self.models.take_versions()
        for version in versions:
            self._gone += self._published.add(version)
        return versions

    def take_gone(self) -> list[Entry]:
        """Versions that stand no longer, since this was last asked."""
        gone, self._gone = self._gone, []
        return gone

    def _hold(self, number: int, lesson: Lesson) -> None:
        if isinstance(lesson, DrawJudged):
            if lesson.event in self._entered:  # else it was erased, or let go: it enters first
                self._judged[lesson.event] = lesson
        else:
            if isinstance(lesson, DrawEntered):
                self._entered.add(lesson.event)
            self._arrivals += 1
            heapq.heappush(self._held, (lesson.clock_ms, number, self._arrivals, lesson))

    def _released(self) -> list[Ordered]:
        """The lessons that nothing can come before any more, in order."""
        come_to_ms, released = self._coming.come_to_ms, list[Ordered]()
        while self._held and self._held[0][0] < come_to_ms:
            lesson = self._held[0][-1]
            entered = lesson.event if isinstance(lesson, DrawEntered) else None
            is_missing = entered is not None and entered not in self._judged
            if is_missing and len(self._held) <= HELD_MAX:
                break
            heapq.heappop(self._held)
            if entered is not None:
                self._entered.discard(entered)
            if is_missing:
                self.let_go += 1
            else:
                released.append(lesson)
        return released

    def _teach(self, lessons: Sequence[Ordered]) -> None:
        draws = [one for one in lessons if isinstance(one, DrawEntered | DrawHeard)]
        debits = [one for one in lessons if isinstance(one, DebitJudged | DebitAttempted)]
        _by_hour(self.models.draws.follower, draws, self._teach_draw)
        _by_hour(self.models.debits.follower, debits, self._teach_debit)

    def _teach_draw(self, lesson: DrawEntered | DrawHeard) -> None:
        teacher = self.models.draws.teacher
        assert teacher is not None, "these models learn"
        if isinstance(lesson, DrawHeard):
            teacher.tell(lesson.kind, lesson.event, lesson.told)
        else:
            judged = self._judged.pop(lesson.event)
            teacher.teach(lesson.event, judged.told.example())

    def _teach_debit(self, lesson: DebitJudged | DebitAttempted) -> None:
        teacher = self.models.debits.teacher
        assert teacher is not None, "these models learn"
        if isinstance(lesson, DebitJudged):
            teacher.teach(lesson.told.example())
        else:
            teacher.tell(lesson.key, is_failure=lesson.is_failure)

    def erase(self, account: int) -> None:
        """Forget what would still be learnt of the account of an id of this hash; `changes` then
        takes it out of the state."""
        self.models.forget_account(account)
        self._held = [one for one in self._held if one[-1].account != account]
        heapq.heapify(self._held)
        self._judged = {k: one for k, one in self._judged.items() if one.account != account}
        self._entered = self._entering()
        self._log.is_whole_due = True

    def _entering(self) -> set[int]:
        return {one[-1].event for one in self._held if isinstance(one[-1], DrawEntered)}

    def changes(self) -> list[Record]:
        """What changed since this was last asked, as records."""
        return self._log.changes(self._whole)

    def _whole(self) -> bytes:
        models = self.models
        assert models.draws.teacher is not None
        return _encode(
            _Whole(
                self._coming.arrived_ms,
                self._coming.come,
                self._held,
                self._arrivals,
                list(self._judged.values()),
                self.let_go,
                self._published.entries,
                list(models.draws.teacher.targets.items()),
                kept_of(models.draws.follower),
                kept_of(models.debits.follower),
            )
        )

    def restore(self, kinds: Kinds) -> None:
        """Fill a fresh one from the newest values of all keys of its changelog.

        Raises:
            StateError: a record is damaged, of another schema or kind, or one is missing; or it is
                of models with other inputs.
        """
        content, since = self._log.restore(kinds, _Since, "learner")
        if content:
            whole = msgspec.msgpack.decode(content, type=_Whole)
            try:
                self._take_up(whole)
            except ValueError as error:
                raise refusal(WHOLE, error) from error
        for one in since:
            self.take(one.values)  # the versions were told before, and those that go
        self._gone.clear()
        self._log.forget()

    def _take_up(self, whole: _Whole) -> None:
        self._coming = Coming(whole.arrived_ms, whole.come)
        self._held, self._arrivals = whole.held, whole.arrivals
        self._entered = self._entering()
        self._judged = {one.event: one for one in whole.judged}
        self.let_go = whole.let_go
        self._published.entries = whole.published
        teacher = self.models.draws.teacher
        assert teacher is not None
        teacher.targets = dict(whole.targets)
        take_up(self.models.draws.follower, whole.draws)
        take_up(self.models.debits.follower, whole.debits)


def _by_hour(follower: Follower, lessons: Sequence[Of], teach: Callable[[Of], None]) -> None:
    """Teach lessons in order; what is learnt of an hour is learnt before the next one's."""
    clocks = np.array([one.clock_ms for one in lessons], np.int64)
    for part in follower.hours(clocks, np.arange(len(lessons))):
        for place in part.tolist():
            teach(lessons[place])
