"""Partitions that come with a state that cannot be used: a fault, or somebody else's doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any, cast

import pytest
from confluent_kafka import Producer

from detector.state import StateError
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.service.assignment import Assignment
from streams.service.changelog import Changelog
from streams.service.faulty import Again
from streams.service.journal import Journal
from streams.service.partition import Partition

TOPIC = "state"


@pytest.fixture(scope="module")
def producer() -> Iterator[Producer]:
    """Of a broker inside librdkafka (its documentation: "mock cluster"), that holds a record."""
    made = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 2})
    made.produce(TOPIC, b"value", b"key", partition=0)
    assert made.flush(30) == 0
    yield made
    made.flush(0)


class Unusable:
    """A partition whose records are no state."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile

    def restore(self, kinds: Any) -> None:
        self._meanwhile()
        raise StateError("its row and its slots are not of one state")


def assignment(producer: Producer, meanwhile: Callable[[], None]) -> Assignment:
    brokers = producer.list_topics(timeout=10).brokers.values()
    settings = KafkaSettings(tuple(f"{one.host}:{one.port}" for one in brokers))
    changelog = Changelog(settings, TOPIC, lambda: False)

    def make(number: int) -> Partition:
        return cast("Partition", Unusable(meanwhile))

    return Assignment("device", make, changelog, Journal(StringIO(), in_words=False))


def test_a_state_that_nobody_writes_and_that_cannot_be_used_is_a_fault_with_its_cure(
    producer: Producer,
) -> None:
    with pytest.raises(Fault, match=r"device, partition 0: its row .* `lendwatch run --rebuild`"):
        assignment(producer, lambda: None).take([0])


def test_one_that_somebody_else_writes_meanwhile_is_theirs_and_no_fault(producer: Producer) -> None:
    """Who slept while partitions came, read to an end in the middle of another's transaction."""

    def write() -> None:
        producer.produce(TOPIC, b"value", b"key", partition=0)
        assert producer.flush(30) == 0

    with pytest.raises(Again, match="somebody else writes"):
        assignment(producer, write).take([0])
