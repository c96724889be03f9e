"""What all workers hear alike: facts of the control stage, versions of models; without a group.

These topics are compacted and small: a loop reads each whole when it begins, before it takes
anything in, and follows it from then on. A fact says when an outage was, so it never matters when
it is heard (semantics 20); a version comes into force between two transactions (semantics 21).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from detector.outages import Fact
from detector.sealing import SealError, sealed, unsealed
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.service.assignment import LEARNER_ANEW
from streams.service.changelog import STALL_MAX_S, Interrupted, reading
from streams.service.faulty import Again
from streams.service.partition import Partition, Taken

if TYPE_CHECKING:
    from detector.models.learner import Version

LOOK_EVERY_S: Final = 0.2
POLL_S: Final = 0.1
READ_MOST: Final = 500
NO_FACT: Final = (
    "no fact of the control stage: {}: stop all workers, empty the topic, start with"
    " `lendwatch run --rebuild`"
)
NO_VERSION: Final = f"no version of models: {{}}: {LEARNER_ANEW}"
Word = TypeVar("Word")


def told_of(word: object) -> bytes:
    """A word as a record's value."""
    return sealed(word)


class Hearing(Generic[Word]):
    """Hears the words of one topic, from its beginning on, until it is closed."""

    def __init__(
        self, settings: KafkaSettings, topic: str, kind: type[Word], what_else: str,
        is_stopping: Callable[[], bool],
    ) -> None:  # fmt: skip
        """`what_else`: what to say of a record that is of no such kind, with the cure."""
        self._topic, self._kind, self._what_else = topic, kind, what_else
        self._is_stopping = is_stopping
        self._known: dict[bytes, Word] = {}
        self._looked_s = 0.0
        self._is_at_end = False
        self._consumer = Consumer(reading(settings) | {"queued.max.messages.kbytes": 1_024})

    def begin(self) -> None:
        """Hear all that was told until now; it may be asked for again.

        Raises:
            Again: the broker does not let it be read.
            Interrupted: the process was asked to end meanwhile.
        """
        self._is_at_end = False
        self._consumer.assign([TopicPartition(self._topic, 0, OFFSET_BEGINNING)])
        began_s = time.monotonic()
        while not self._is_at_end:
            if self._is_stopping():
                raise Interrupted
            if time.monotonic() - began_s > STALL_MAX_S:
                raise Again(f"{self._topic} cannot be read to its end")
            self._read(POLL_S)

    def fresh(self) -> list[Word]:
        """What was told since this was last asked; looked for a few times a second."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return []
        self._looked_s = now_s
        return self._read(0)

    @property
    def known(self) -> list[Word]:
        """All that was told and stands, of each key the newest, in the order of telling."""
        return list(self._known.values())

    def close(self) -> None:
        """Hear no more."""
        self._consumer.close()

    def _read(self, wait_s: float) -> list[Word]:
        found: list[Word] = []
        messages: list[Any] = self._consumer.consume(READ_MOST, wait_s)
        for message in messages:
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                self._is_at_end = True
                continue
            self._known.pop(message.key(), None)  # the newest stands last
            if message.value() is not None:
                found.append(self._word(message))
                self._known[message.key()] = found[-1]
        return found

    def _word(self, message: Any) -> Word:
        try:
            word: Word = unsealed(message.value(), self._kind)
        except SealError as error:
            why = self._what_else.format(error)
            raise Fault(f"{self._topic}, offset {message.offset()}: {why}") from error
        return word


class Ears:
    """All that one loop hears so, told to its partitions."""

    def __init__(
        self, settings: KafkaSettings, facts_topic: str | None, weights_topic: str | None,
        is_stopping: Callable[[], bool],
    ) -> None:  # fmt: skip
        """None: that is not listened to."""
        self._facts: Hearing[Fact] | None = None
        self._versions: Hearing[Version] | None = None
        if facts_topic is not None:
            self._facts = Hearing(settings, facts_topic, Fact, NO_FACT, is_stopping)
        if weights_topic is not None:
            from detector.models.learner import Version  # it imports river, which is slow to

            self._versions = Hearing(settings, weights_topic, Version, NO_VERSION, is_stopping)

    def begin(self) -> None:
        """Hear all that is known; raises as Hearing.begin."""
        for one in (self._facts, self._versions):
            if one is not None:
                one.begin()

    def close(self) -> None:
        """Hear no more."""
        for one in (self._facts, self._versions):
            if one is not None:
                one.close()

    def tell(self, owned: Mapping[int, Partition], unheard: Collection[int]) -> dict[int, Taken]:
        """Tell partitions what is new; one that is `unheard`, all that is known. What is to be
        written of it."""
        if self._versions is not None:
            if unheard:  # whoever had them before may have heard of more than we have by now
                self._versions.begin()
            versions = self._versions.known if unheard else self._versions.fresh()
            for partition in owned.values():
                partition.follow(versions)  # who has heard of one before passes over it
        taken: dict[int, Taken] = {}
        if self._facts is not None:
            fresh = self._facts.fresh()
            for number, partition in owned.items():
                facts = self._facts.known if number in unheard else fresh
                if facts and (one := partition.hear(facts)):
                    taken[number] = one
        return taken
