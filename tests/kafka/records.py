"""Commands run in this process, and records read and written beside them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer
from kafka import KafkaConsumer, TopicPartition

from streams.cli import main
from streams.topics import TopicNames
from tests.streams.lines import disbursement, disposition, login

PARTITIONS = 4


def applied(bootstrap: str, *, replication: int = 1) -> None:
    """All topics of the prefix in force, made."""
    words = ["--partitions", str(PARTITIONS), "--replication", str(replication)]
    assert main(["topics", "apply", "--bootstrap", bootstrap, *words]) == 0


def lines_of_many_accounts(count: int) -> list[bytes]:
    """Events of some accounts in an order that no sorting gives."""
    chance = random.Random(7)
    makers = (login, disbursement, disposition)
    return [
        chance.choice(makers)(f"e{at}", at, account_id=f"账户-{chance.randrange(40)}")
        for at in range(count)
    ]


def read(bootstrap: str, topic: str, **settings: Any) -> list[Any]:
    """All that a topic holds now and a careful reader may see, partition by partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap.split(","),
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **settings,
    )
    try:
        places = [TopicPartition(topic, at) for at in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: list[Any] = []
        while any(consumer.position(at) < ends[at] for at in places):
            for records in consumer.poll(timeout_ms=500).values():
                found += records
        return sorted(found, key=lambda one: (one.partition, one.offset))
    finally:
        consumer.close()


def read_inputs(bootstrap: str, prefix: str) -> list[Any]:
    """What the five inputs hold."""
    return [one for name in TopicNames(prefix).inputs for one in read(bootstrap, name)]


def write(
    bootstrap: str,
    topic: str,
    values: Sequence[bytes],
    headers: Sequence[tuple[str, bytes]] = (),
    key: bytes = b"A",
    **settings: Any,
) -> None:
    """Records onto a topic, delivered when this returns."""
    with producing(bootstrap, headers, key, **settings) as put:
        put(topic, *values)


@contextmanager
def producing(
    bootstrap: str,
    headers: Sequence[tuple[str, bytes]] = (),
    key: bytes = b"A",
    **settings: Any,
) -> Iterator[Callable[..., None]]:
    """What puts records onto a topic, by one producer, delivered when it returns."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", **settings}
    )

    def put(topic: str, *values: bytes) -> None:
        for value in values:
            producer.produce(topic, value, key, headers=list(headers))
        assert producer.flush(30) == 0, "not delivered in 30 s"

    yield put
