"""What a loop owns of one Kafka partition: a memory, and what a transaction writes of it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from detector.chain import Link, LinkOutputs
from detector.counted import Counts
from detector.link_state import LinkState
from detector.newest import Kinds
from detector.onward import OnwardError
from detector.outages import Fact
from detector.parcels import Parcel
from detector.parts import Parts
from detector.sealing import sealed
from detector.state import Record, StateError, opened
from streams.dead_letters import letter_headers
from streams.faults import Fault
from streams.outputs import with_detected_at
from streams.service.readers import ERASURE, word
from streams.service.stage_topics import StageTopics
from streams.service.work import Letter, Outgoing, Work
from streams.topic_changes import PROCEDURE

FORM_KEY: Final = b"V"  # under what versions, and of how many partitions, the records were written
KIND_OF_LETTER: Final = "org.apache.kafka.common.errors.SerializationException"


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


class LinkPartition(Partition):
    """One of a stage that judges events: a link with its state."""

    def __init__(
        self, stage: str, number: int, parts: Parts, topics: StageTopics, partitions: int
    ) -> None:
        form = {"versions": parts.versions.record, "partitions": partitions}
        super().__init__(number, topics, form)
        self._ids = parts.ids
        self._partitions = partitions
        self._link = Link(stage, parts)
        self._state = LinkState(self._link)

    @property
    def clock_ms(self) -> int:
        """See Partition."""
        return self._link.clock_ms

    @property
    def held(self) -> Held:
        """See Partition."""
        store, repayment = self._link.stage.store, self._link.repayment
        if repayment is None:
            return Held(store.entities, store.bytes_used, None, None)
        return Held(store.entities, store.bytes_used, repayment.remembered, repayment.standings)

    @property
    def evicted(self) -> NDArray[np.int64]:
        """See Partition."""
        return self._link.stage.evicted

    @property
    def findings(self) -> tuple[list[str], NDArray[np.int64]]:
        """See Partition."""
        stage = self._link.stage
        return [rule.id for rule in stage.rules], stage.results

    def restore_rest(self, kinds: Kinds) -> None:
        """See Partition."""
        self._state.restore(kinds)

    def take(self, work: Work) -> Taken:
        """See Partition."""
        letters = map(self._letter, work.letters)
        erasures = self._erasures(work)
        outputs = self._taken(work)
        said = [*letters, *erasures, *self._said(outputs)]
        return self._made(said, outputs)

    def absorb(self, work: Work) -> list[Record]:
        """See Partition."""
        self._taken(work)
        return self.state_records()

    def _taken(self, work: Work) -> LinkOutputs:
        for account in work.erased:
            self._link.erase(account)
        if work.batch is not None:
            return self._link.take(work.batch, [*self._dead(work.letters)])
        try:
            return self._link.take_onward(work.values)
        except OnwardError as error:
            raise Fault(f"{self._link.name}, partition {self.number}: {error}") from error

    def _dead(self, letters: Sequence[Letter]) -> Iterator[tuple[str, int]]:
        """Of each letter the feed, and a mark of what it says, by which a repeat is known."""
        for one in letters:
            if one.topic in self.topics.feeds:
                digest = blake2b(one.value or b"", digest_size=8).digest()
                yield self.topics.feeds[one.topic], int.from_bytes(digest, "big", signed=True)

    def _erasures(self, work: Work) -> Iterator[Outgoing]:
        """To every partition of the later stages: an account may have left its trace on each."""
        for account in work.erased:
            if isinstance(account, str):
                value = word(self._ids.hash(account))
                yield Outgoing(self.topics.counts, ERASURE, value, 0)
                for topic in self.topics.onward.values():
                    for number in range(self._partitions):
                        yield Outgoing(topic, ERASURE, value, number)

    def advance(self, clock_ms: int) -> Taken | None:
        """See Partition."""
        outputs = self._link.advance(clock_ms)
        return self._made_of(outputs)

    def hear(self, facts: Sequence[Fact]) -> Taken | None:
        """See Partition."""
        return self._made_of(self._link.hear(facts))

    def _made_of(self, outputs: LinkOutputs) -> Taken | None:
        if not outputs.alerts and not outputs.decisions:
            return None
        return self._made([*self._said(outputs)], outputs)

    def _made(self, said: list[Outgoing], outputs: LinkOutputs) -> Taken:
        return Taken(
            said, outputs.onward, self.state_records(), outputs.alerts, outputs.decisions,
            outputs.counted, outputs.entered,
        )  # fmt: skip

    def _said(self, outputs: LinkOutputs) -> Iterator[Outgoing]:
        yield from self.said_alerts(outputs.alerts)
        for decision in outputs.decisions:
            key = decision["account_id"].encode()
            yield Outgoing(self.topics.decision, key, orjson.dumps(decision))

    def changes(self) -> list[Record]:
        """See Partition."""
        return self._state.changes()

    def _letter(self, letter: Letter) -> Outgoing:
        headers = letter_headers(
            letter.headers, reason=letter.reason, exception=KIND_OF_LETTER, message=letter.message,
            topic=letter.topic, partition=letter.partition, offset=letter.offset,
        )  # fmt: skip
        return Outgoing(self.topics.dead_letter, letter.key, letter.value, headers=tuple(headers))
