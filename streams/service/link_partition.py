"""A partition of a stage that judges events: a link with its state, and what it says as records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from detector.chain import Link, LinkOutputs
from detector.link_models import VersionsError
from detector.link_state import LinkState
from detector.newest import Kinds
from detector.onward import OnwardError
from detector.outages import Fact
from detector.parts import Parts
from detector.state import Record
from streams.dead_letters import letter_headers
from streams.faults import Fault
from streams.service.partition import Held, Partition, Taken
from streams.service.readers import ERASURE, word
from streams.service.stage_topics import StageTopics
from streams.service.work import Letter, Outgoing, Work

if TYPE_CHECKING:  # river is slow to import
    from detector.models.learner import Version

KIND_OF_LETTER: Final = "org.apache.kafka.common.errors.SerializationException"


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
    def models(self) -> Mapping[str, tuple[int, int]]:
        """See Partition."""
        models = self._link.models
        if models is None:
            return {}
        numbers = models.in_force
        return {name: (numbers[name], since_ms) for name, since_ms in models.since_ms.items()}

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
        try:
            if work.batch is not None:
                return self._link.take(work.batch, [*self._dead(work.letters)])
            return self._link.take_onward(work.values)
        except (OnwardError, VersionsError) as error:
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
                yield Outgoing(self.topics.features, ERASURE, value, 0)
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

    def follow(self, versions: Sequence[Version]) -> None:
        """See Partition."""
        assert self._link.models is not None, "it was made without models"
        self._link.models.follow(versions)

    def _made_of(self, outputs: LinkOutputs) -> Taken | None:
        if not outputs.alerts and not outputs.decisions:
            return None
        return self._made([*self._said(outputs)], outputs)

    def _made(self, said: list[Outgoing], outputs: LinkOutputs) -> Taken:
        return Taken(
            said, outputs.onward, self.state_records(), outputs.alerts, outputs.decisions,
            outputs.counted, outputs.entered, self.number, outputs.lessons,
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
