"""A stage's changelog, read: from a place to its true end, committed records only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)  # fmt: skip
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.service.journal import LIBRARY

READ_MOST: Final = 20_000
POLL_S: Final = 0.2
ASK_MAX_S: Final = 30.0
# A transaction that its owner left open holds readers back until the broker ends it (10 s).
STALL_MAX_S: Final = 60.0


class Interrupted(Exception):
    """The process was asked to end while it read."""


@dataclass(slots=True)
class Read:
    """What a partition of a changelog held: the newest value of each key, None where taken away."""

    records: dict[bytes, bytes | None] = field(default_factory=dict)
    position: int = 0
    count: int = 0


class Changelog:
    """Reads one topic."""

    def __init__(self, settings: KafkaSettings, topic: str, is_stopping: Callable[[], bool]):
        self.settings = settings
        self.topic = topic
        self._is_stopping = is_stopping
        self._admin = AdminClient(settings.confluent() | {"logger": LIBRARY})

    def read(self, begins: Mapping[int, int]) -> dict[int, Read]:
        """Read partitions, each from its offset (0: from the beginning) to its end.

        The end is that of all records, also of transactions that are still open: what an owner
        before us has begun must be over before we believe to have read it.
        """
        ends = self._ends(list(begins))
        found = {number: Read(position=begin) for number, begin in begins.items()}
        wanted = {number for number, end in ends.items() if end > begins[number]}
        if not wanted:
            return found
        consumer = Consumer(reading(self.settings))
        try:
            places = [
                TopicPartition(self.topic, number, begins[number] or OFFSET_BEGINNING)
                for number in sorted(wanted)
            ]
            consumer.assign(places)
            self._read_to(consumer, found, {number: ends[number] for number in wanted})
        finally:
            consumer.close()
        return found

    def _read_to(self, consumer: Consumer, found: dict[int, Read], ends: dict[int, int]) -> None:
        moved_s = time.monotonic()
        while ends:
            if self._is_stopping():
                raise Interrupted
            messages = consumer.consume(READ_MOST, POLL_S)
            for message in messages:
                number = _take(message, found)
                if number in ends and found[number].position >= ends[number]:
                    del ends[number]
            if messages:
                moved_s = time.monotonic()
            elif time.monotonic() - moved_s > STALL_MAX_S:
                place = f"{self.topic}:{min(ends)}"
                raise Fault(
                    f"{place}: nothing can be read past {found[min(ends)].position}: a transaction"
                    " hangs there, `lendwatch doctor` says how to end it"
                )

    def _ends(self, numbers: list[int]) -> dict[int, int]:
        asked = self._admin.list_offsets(
            {TopicPartition(self.topic, number): OffsetSpec.latest() for number in numbers},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=ASK_MAX_S,
        )
        return {place.partition: answer.result().offset for place, answer in asked.items()}


def reading(settings: KafkaSettings) -> dict[str, object]:
    """A consumer that is told what to read, is in no group, and is told where partitions end."""
    return settings.confluent() | {
        "logger": LIBRARY,
        "group.id": f"{settings.app_id}-restore",  # asked for by the library; not used
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": 65_536,
        "fetch.message.max.bytes": 8 << 20,
        "fetch.wait.max.ms": 50,
    }


def _take(message: Any, found: Mapping[int, Read]) -> int:
    """Take a record, or the word that an end is reached; the partition's number."""
    error = message.error()
    number: int = message.partition()
    one = found[number]
    if error is None:
        one.records[message.key()] = message.value()
        one.position = message.offset() + 1
        one.count += 1
    elif error.code() == KafkaError._PARTITION_EOF:
        one.position = max(one.position, message.offset())
    else:
        raise KafkaException(error)
    return number
