"""`lendwatch learn`'s loop: lessons of the stages that decide in, versions of models out.

The same loop as a stage's, over one partition: what is learnt, what is remembered and where reading
goes on is committed in one transaction, so that no end of the process loses or repeats anything.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.ids import Ids
from detector.models.learner import Version
from detector.models.lessons import LessonsError
from detector.newest import Kinds
from detector.parts import Parts
from detector.stage import EVICTED
from detector.state import Record
from streams.faults import Fault
from streams.metrics import Metrics
from streams.service.app import Options, skew_max_ms
from streams.service.hearing import told_of
from streams.service.intake import Intake
from streams.service.journal import Journal
from streams.service.loop import StageLoop
from streams.service.meters import StageMeters
from streams.service.partition import Held, Partition, Taken
from streams.service.readers import CountReads
from streams.service.stage_topics import StageTopics
from streams.service.turns import Plan
from streams.service.work import Outgoing, Work
from streams.topics import LEARNER, TopicNames

REST_S: Final = 1.0  # what it makes is due once an hour of event time


class LearnerPartition(Partition):
    """The learner with its memory."""

    def __init__(self, number: int, parts: Parts, topics: StageTopics) -> None:
        super().__init__(number, topics, {"versions": parts.versions.record, "partitions": 1})
        self._school = parts.school()

    @property
    def clock_ms(self) -> int:
        """See Partition."""
        return self._school.clock_ms

    @property
    def held(self) -> Held:
        """See Partition. Its entities are the lessons that wait."""
        return Held(self._school.held, 0, None, None)

    @property
    def examples(self) -> dict[tuple[str, str], int]:
        """See Partition."""
        return self._school.examples

    @property
    def let_go(self) -> int:
        """See Partition."""
        return self._school.let_go

    @property
    def findings(self) -> tuple[list[str], NDArray[np.int64]]:
        """See Partition. It has no rules."""
        return [], np.zeros((0, 4), np.int64)

    @property
    def evicted(self) -> NDArray[np.int64]:
        """See Partition."""
        return np.zeros(len(EVICTED), np.int64)

    def take(self, work: Work) -> Taken:
        """See Partition."""
        versions = self._taken(work)
        said = [self._weights(one.question, one.number, told_of(one)) for one in versions]
        said += (self._weights(one.question, one.number, None) for one in self._school.take_gone())
        return Taken(said, [], self.state_records(), [], [], versions=versions)

    def absorb(self, work: Work) -> list[Record]:
        """See Partition."""
        self._taken(work)
        return self.state_records()

    def advance(self, clock_ms: int) -> Taken | None:
        """See Partition. It learns by the clocks of others."""

    def restore_rest(self, kinds: Kinds) -> None:
        """See Partition."""
        self._school.restore(kinds)

    def changes(self) -> list[Record]:
        """See Partition."""
        return self._school.changes()

    def _weights(self, question: str, number: int, value: bytes | None) -> Outgoing:
        """A version as a record, or its end: a key of its own, for a part may stand for long."""
        return Outgoing(self.topics.weights, f"{question}/{number:08}".encode(), value, 0)

    def _taken(self, work: Work) -> list[Version]:
        for account in work.erased:
            assert isinstance(account, int), "the account stage tells their hashes"
            self._school.erase(account)
        try:
            return self._school.take(work.values)
        except LessonsError as error:
            raise Fault(f"learner, partition {self.number}: {error}") from error


def learner_loop(options: Options, journal: Journal, metrics: Metrics) -> StageLoop:
    """The learner's loop, which tells these metrics."""
    names = TopicNames(options.kafka.topic_prefix)
    topics = StageTopics.of(names, LEARNER, ())
    parts = Parts(options.rulebook, options.policy, Ids(), with_models=True)

    def make_partition(number: int) -> Partition:
        return LearnerPartition(number, parts, topics)

    plan = Plan(
        stage=LEARNER, inputs=(topics.features,), state_topic=topics.state,
        settings=options.kafka, journal=journal, make_partition=make_partition,
        is_rebuilt=options.is_rebuilt,
        make_intake=lambda: Intake((topics.features,), CountReads(), skew_max_ms(options)),
        looked_at=lambda _: None, onward=lambda *_: [],
        meters=StageMeters(metrics, LEARNER, {topics.features: "lessons"}), rest_s=REST_S,
    )  # fmt: skip
    return StageLoop(plan)
