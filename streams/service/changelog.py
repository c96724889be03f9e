"""A stage's changelog, read: from a place to its true end, committed records only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)  # fmt: skip
from confluent_kafka.admin import AdminClient, OffsetSpec

from detector.newest import Newest
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.service.journal import LIBRARY

# More at once are no longer in the processor's cache when their keys and values are taken, and the
# garbage collector (700 new objects) looks through them: of 20,000 each costs twice as much.
READ_MOST: Final = 500
POLL_S: Final = 0.02  # a batch that is not filled by then is taken as it is
ASK_MAX_S: Final = 30.0
# A transaction that its owner left open holds readers back until the broker ends it (10 s).
STALL_MAX_S: Final = 60.0


class Interrupted(Exception):
    """The process was asked to end while it read."""


@dataclass(slots=True)
class Read:
    """What a partition of a changelog held before its `end`, `count` records, and where it is read
    on from."""

    end: int
    position: int
    records: Newest = field(default_factory=Newest)
    count: int = 0


class Changelog:
    """Reads one topic."""

    def __init__(self, settings: KafkaSettings, topic: str, is_stopping: Callable[[], bool]):
        self.settings = settings
        self.topic = topic
        self._is_stopping = is_stopping

    def each(self, begins: Mapping[int, int]) -> Iterator[tuple[int, Read]]:
        """Read partitions, each from its offset (0: from the beginning) to its end.

        One after another, so that no more than one is held as records. The end is that of all
        records, also of transactions that are still open: what an owner before us has begun must
        be over before we believe to have read it.
        """
        ends = self._ends(list(begins))
        wanted = [number for number in sorted(ends) if ends[number] > begins[number]]
        yield from ((number, Read(ends[number], begins[number]))
                    for number in begins if number not in wanted)  # fmt: skip
        if not wanted:
            return
        places = [
            TopicPartition(self.topic, number, begins[number] or OFFSET_BEGINNING)
            for number in wanted
        ]
        consumer = Consumer(reading(self.settings))
        try:
            consumer.assign(places[:1])
            for at, number in enumerate(wanted):
                read = Read(ends[number], begins[number])
                self._read_to(consumer, number, read)
                consumer.assign(places[at + 1 : at + 2])  # it comes while this one is worked off
                yield number, read
        finally:
            consumer.close()

    def has_grown(self, number: int, read: Read) -> bool:
        """Whether somebody wrote to a partition since its end was asked for."""
        return self._ends([number])[number] > read.end

    def _read_to(self, consumer: Consumer, number: int, read: Read) -> None:
        moved_s = time.monotonic()
        while read.position < read.end:
            if self._is_stopping():
                raise Interrupted
            messages = consumer.consume(READ_MOST, POLL_S)
            if messages:
                _take(messages, number, read)
                moved_s = time.monotonic()
            elif time.monotonic() - moved_s > STALL_MAX_S:
                raise Fault(
                    f"{self.topic}:{number}: nothing can be read past {read.position}: a"
                    " transaction hangs there, `lendwatch doctor` says how to end it"
                )

    def _ends(self, numbers: list[int]) -> dict[int, int]:
        # A new client each time: an old one asks by the leaders that it knew, for a quarter of an
        # hour, and is refused (FENCED_LEADER_EPOCH) once they were elected anew.
        admin = AdminClient(self.settings.confluent() | {"logger": LIBRARY})
        asked = admin.list_offsets(
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


def _take(messages: Sequence[Message], number: int, read: Read) -> None:
    """Take what was read of one partition.

    A large state is millions of records: what is done with each is done by C, for all at once.
    """
    if messages[0].partition() != number or any(map(Message.error, messages)):
        messages = _records(messages, number, read)
    if not messages:
        return
    keys: Any = list(map(Message.key, messages))  # a compacted topic takes no record without one
    read.records.add(keys, list(map(Message.value, messages)))
    read.position = max(read.position, (messages[-1].offset() or 0) + 1)
    read.count += len(messages)


def _records(messages: Sequence[Message], number: int, read: Read) -> list[Message]:
    """A partition's records, without what was left of the one before, and the word of its end."""
    records = []
    for message in messages:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        if message.partition() != number:
            continue
        if error is None:
            records.append(message)
        else:
            read.position = max(read.position, message.offset() or 0)
    return records
