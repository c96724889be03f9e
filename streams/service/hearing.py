"""Facts of the control stage, as every worker of the account stage hears them: without a group.

The topic is compacted and small: a loop reads it whole when it begins, before it takes anything in,
and follows it from then on. Facts say when an outage was, so it never matters when they are heard
(semantics 20).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from detector.outages import Fact
from detector.sealing import SealError, sealed, unsealed
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.service.changelog import STALL_MAX_S, Interrupted, reading
from streams.service.faulty import Again

LOOK_EVERY_S: Final = 0.2
POLL_S: Final = 0.1
READ_MOST: Final = 500


def told_of(fact: Fact) -> bytes:
    """A fact as a record's value."""
    return sealed(fact)


class Hearing:
    """Hears the facts of one topic, from its beginning on, until it is closed."""

    def __init__(
        self, settings: KafkaSettings, topic: str, is_stopping: Callable[[], bool]
    ) -> None:
        self._topic = topic
        self._is_stopping = is_stopping
        self._known: dict[str, Fact] = {}
        self._looked_s = 0.0
        self._is_at_end = False
        self._consumer = Consumer(reading(settings) | {"queued.max.messages.kbytes": 1_024})

    def begin(self) -> None:
        """Hear all that was told until now.

        Raises:
            Again: the broker does not let it be read.
            Interrupted: the process was asked to end meanwhile.
        """
        self._consumer.assign([TopicPartition(self._topic, 0, OFFSET_BEGINNING)])
        began_s = time.monotonic()
        while not self._is_at_end:
            if self._is_stopping():
                raise Interrupted
            if time.monotonic() - began_s > STALL_MAX_S:
                raise Again(f"{self._topic} cannot be read to its end")
            self._read(POLL_S)

    def fresh(self) -> list[Fact]:
        """What was told since this was last asked; looked for a few times a second."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return []
        self._looked_s = now_s
        return self._read(0)

    @property
    def known(self) -> list[Fact]:
        """All that was told, of each incident the newest."""
        return list(self._known.values())

    def close(self) -> None:
        """Hear no more."""
        self._consumer.close()

    def _read(self, wait_s: float) -> list[Fact]:
        found: list[Fact] = []
        messages: list[Any] = self._consumer.consume(READ_MOST, wait_s)
        for message in messages:
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                self._is_at_end = True
            elif message.value() is not None:
                found.append(self._fact(message))
        for fact in found:
            self._known.pop(fact.incident_id, None)  # the newest stands last
            self._known[fact.incident_id] = fact
        return found

    def _fact(self, message: Any) -> Fact:
        try:
            fact: Fact = unsealed(message.value(), Fact)
        except SealError as error:
            raise Fault(
                f"{self._topic}, offset {message.offset()}: no fact of the control stage: {error}:"
                " stop all workers, empty the topic, start with `lendwatch run --rebuild`"
            ) from error
        return fact
