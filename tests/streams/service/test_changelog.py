"""A changelog is read to its end: of each key the newest value, one partition after another."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from streams.kafka_settings import KafkaSettings
from streams.service.changelog import Changelog, Interrupted

TOPIC = "state"
PARTITIONS = 3  # of four that the broker makes: one stays empty
Written = dict[int, list[tuple[bytes, bytes | None]]]


@pytest.fixture(scope="module")
def written() -> Written:
    rng = random.Random(5)
    return {
        number: [
            (rng.randrange(300).to_bytes(9, "big"), rng.choice((None, rng.randbytes(20))))
            for _ in range(1_000)
        ]
        for number in range(PARTITIONS)
    }


@pytest.fixture(scope="module")
def settings(written: Written) -> Iterator[KafkaSettings]:
    """A broker inside librdkafka (its documentation: "mock cluster"), which holds these records."""
    producer = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 2})
    brokers = producer.list_topics(timeout=10).brokers.values()
    for number, records in written.items():
        for key, value in records:
            producer.produce(TOPIC, value, key, partition=number)
    assert producer.flush(30) == 0
    yield KafkaSettings(tuple(f"{one.host}:{one.port}" for one in brokers))
    producer.flush(0)


def newest(records: list[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    return {key: value for key, value in dict(records).items() if value is not None}


def test_each_partition_is_read_to_its_end(written: Written, settings: KafkaSettings) -> None:
    changelog = Changelog(settings, TOPIC, lambda: False)
    found = dict(changelog.each(dict.fromkeys(range(PARTITIONS + 1), 0)))
    for number, records in written.items():
        read = found[number]
        assert (read.position, read.count) == (len(records), len(records))
        assert dict(read.records.settled().items()) == newest(records)
    assert (found[PARTITIONS].position, found[PARTITIONS].count) == (0, 0)
    assert list(found[PARTITIONS].records.settled().items()) == []


def test_a_partition_is_read_on_from_an_offset(written: Written, settings: KafkaSettings) -> None:
    changelog = Changelog(settings, TOPIC, lambda: False)
    found = dict(changelog.each({0: 990, 2: len(written[2])}))
    assert dict(found[0].records.settled().items()) == newest(written[0][990:])
    assert (found[0].count, found[2].count) == (10, 0)
    assert (found[0].position, found[2].position) == (len(written[0]), len(written[2]))


def test_who_is_asked_to_end_reads_no_further(settings: KafkaSettings) -> None:
    changelog = Changelog(settings, TOPIC, lambda: True)
    with pytest.raises(Interrupted):
        dict(changelog.each({0: 0}))
