"""What a loop owns of one Kafka partition: a memory, and what a transaction writes of it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from detector.counted import Counts
from detector.newest import Kinds
from detector.outages import Fact
from detector.parcels import Parcel
from detector.sealing import sealed
from detector.state import Record, StateError, opened
from streams.outputs import with_detected_at
from streams.service.stage_topics import StageTopics
from streams.service.work import Outgoing, Work
from streams.topic_changes import PROCEDURE

if TYPE_CHECKING:  # river is slow to import
    from detector.models.learner import Version
    from detector.models.lessons import Lesson

FORM_KEY: Final = b"V"  # under what versions, and of how many partitions, the records were written


@dataclass(frozen=True, slots=True)
class Taken:
    """What a partition made of its work: records to write, rows for later stages, what changed of
    its state, and what was counted for the control stage."""

    said: list[Outgoing]
    onward: list[Parcel]
    state: list[Record]
    alerts: list[dict[str, Any]]  # what of `said` these are, for whoever counts
    decisions: list[dict[str, Any]]
    counted: Counts | None = None
    entered: NDArray[np.int64] | None = None  # events, as LinkOutputs has them
    number: int = 0  # the partition
    lessons: Sequence[Lesson] = ()  # what there is for the learner of models
    versions: Sequence[Version] = ()  # what it made of them


class Held(NamedTuple):
    """What a partition holds in memory. Of obligations: None where the stage has none."""

    entities: int
    bytes_used: int
    obligations: int | None
    standings: Mapping[tuple[str, bool], int] | None = None  # as Repayment has them


class Partition(ABC):
    """What a loop owns one of a partition. `state_offset`: where its changelog is read from, to go
    on."""

    def __init__(self, number: int, topics: StageTopics, form: Mapping[str, Any]) -> None:
        """`form`: under what its state is written; with another count of partitions it is
        refused."""
        self.number = number
        self.state_offset = 0
        self.topics = topics
        self._form = dict(form)
        self._is_form_told = False

    @property
    @abstractmethod
    def clock_ms(self) -> int:
        """The newest event time, or what came of it since; negative before the first event."""

    @property
    @abstractmethod
    def held(self) -> Held:
        """What it holds in memory."""

    @property
    def models(self) -> Mapping[str, tuple[int, int]]:
        """Of models that score here, by question: the newest version, and from when on (ms)."""
        return {}

    @property
    def examples(self) -> Mapping[tuple[str, str], int]:
        """Labelled examples that a learner keeps, by question and label."""
        return {}

    @property
    def let_go(self) -> int:
        """Draws of which a learner was not told in time what they were judged by."""
        return 0

    @property
    @abstractmethod
    def findings(self) -> tuple[list[str], NDArray[np.int64]]:
        """Rules, and for each how often it hit, was clear, abstained, erred since the process
        began: one count for all partitions of a stage."""

    @abstractmethod
    def take(self, work: Work) -> Taken:
        """Take work in; what is to be written of it."""

    @abstractmethod
    def absorb(self, work: Work) -> list[Record]:
        """Take work in of which all was said before: only what the state keeps of it."""

    @abstractmethod
    def advance(self, clock_ms: int) -> Taken | None:
        """Let the clock go on without an event; what is to be written, where anything was said.

        A clock that only went on is not worth a transaction: it is written with the next event.
        """

    @abstractmethod
    def restore_rest(self, kinds: Kinds) -> None:
        """Fill it from its changelog's newest values, but for the form. StateError as `restore`."""

    @abstractmethod
    def changes(self) -> list[Record]:
        """What changed of the state, its header last."""

    def hear(self, facts: Sequence[Fact]) -> Taken | None:
        """Take word of the control stage; what is to be written, where anything was said."""
        raise NotImplementedError(f"partition {self.number} asks for no facts, and heard {facts}")

    def follow(self, versions: Sequence[Version]) -> None:
        """Versions of models were published."""
        raise NotImplementedError(f"partition {self.number} has no models, and heard {versions}")

    @property
    @abstractmethod
    def evicted(self) -> NDArray[np.int64]:
        """How much of each of EVICTED (detector/stage.py) memory let go of since the process
        began: one count for all partitions of a stage."""

    def restore(self, kinds: Kinds) -> None:
        """Fill it from its changelog's newest values.

        Raises:
            StateError: a record is damaged, of another schema or of another partition count.
        """
        rest = dict(kinds)
        form = rest.pop(FORM_KEY, None)
        if form is None:
            if rest:
                raise StateError("the state says nothing of its form: it was never written whole")
            return
        told = opened(FORM_KEY, form.value(0), dict[str, Any])
        if told["partitions"] != self._form["partitions"]:
            raise StateError(
                f"the state was written for {told['partitions']} partitions and not for"
                f" {self._form['partitions']}: {PROCEDURE}"
            )
        self._is_form_told = told == self._form
        self.restore_rest(rest)

    def state_records(self) -> list[Record]:
        """What changed of the state; before it its form, where that is not told yet."""
        records = self.changes()
        if self._is_form_told:
            return records
        self._is_form_told = True
        return [(FORM_KEY, sealed(self._form)), *records]

    def said_alerts(self, alerts: Sequence[Mapping[str, Any]]) -> Iterator[Outgoing]:
        """Alerts as records."""
        now_ms = time.time_ns() // 1_000_000
        for alert in alerts:
            value = orjson.dumps(with_detected_at(alert, now_ms))
            key = alert["account_id"] or alert["entity"]["id"]
            yield Outgoing(self.topics.alert, key.encode(), value)
