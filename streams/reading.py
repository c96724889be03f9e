"""A topic read as it stands, by kafka-python: from a place to its end, committed records only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streams.cluster import CONNECT_MAX_MS, kafka_faults, knock
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings

POLL_MS, STALL_MAX_POLLS = 500, 40


@contextmanager
def reader_of(settings: KafkaSettings, topic: str) -> Iterator[Reader]:
    """A reader of all partitions of a topic, without a group: it leaves no trace."""
    knock(settings)
    with kafka_faults(settings):
        consumer = KafkaConsumer(
            **settings.kafka_python(),
            bootstrap_timeout_ms=CONNECT_MAX_MS,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        try:
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise Fault(f"no topic {topic}: make the topics with `lendwatch topics apply`")
            yield Reader(consumer, [TopicPartition(topic, at) for at in sorted(numbers)])
        finally:
            consumer.close()


class Reader:
    """The partitions of a topic and where they begin and end now."""

    def __init__(self, consumer: Any, partitions: list[Any]) -> None:
        self._consumer = consumer
        self.partitions = partitions
        consumer.assign(partitions)
        self.beginnings: dict[Any, int] = consumer.beginning_offsets(partitions)
        self.ends: dict[Any, int] = consumer.end_offsets(partitions)

    def last(self, count: int) -> None:
        """Go to the newest `count` records of each partition. Kafka's own marks of transactions
        count too, so there may be fewer."""
        for at in self.partitions:
            self._consumer.seek(at, max(self.beginnings[at], self.ends[at] - count))

    def first(self) -> None:
        """Go to the oldest record of each partition."""
        for at in self.partitions:
            self._consumer.seek(at, self.beginnings[at])

    def to_end(self) -> Iterator[Any]:
        """Records up to where the partitions ended when the reader was made."""
        silent_polls = 0
        while any(self._consumer.position(at) < self.ends[at] for at in self.partitions):
            before = [self._consumer.position(at) for at in self.partitions]
            for at, records in self._consumer.poll(timeout_ms=POLL_MS).items():
                yield from (record for record in records if record.offset < self.ends[at])
            moved = [self._consumer.position(at) for at in self.partitions] != before
            silent_polls = 0 if moved else silent_polls + 1
            if silent_polls == STALL_MAX_POLLS:
                raise Fault("the broker stopped answering in the middle: see `lendwatch doctor`")

    def on(self) -> Iterator[Any]:
        """Records for ever, as they are committed."""
        while True:
            for records in self._consumer.poll(timeout_ms=POLL_MS).values():
                yield from records

    def at(self, partition: int, offset: int) -> Any | None:
        """The record at one place, if there is one."""
        place = next((one for one in self.partitions if one.partition == partition), None)
        if place is None or not self.beginnings[place] <= offset < self.ends[place]:
            return None
        self._consumer.assign([place])
        self._consumer.seek(place, offset)
        for _ in range(STALL_MAX_POLLS):
            records = self._consumer.poll(timeout_ms=POLL_MS, max_records=1).get(place, [])
            if records:
                return records[0] if records[0].offset == offset else None
            if self._consumer.position(place) >= self.ends[place]:
                break
        return None
