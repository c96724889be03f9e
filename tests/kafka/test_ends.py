"""Where inputs end, asked of a real broker beside a loop."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Producer

from streams import settings
from streams.service import ends
from streams.service.ends import Ends
from streams.topics import TopicNames
from tests.kafka.broker import Cluster
from tests.kafka.records import applied
from tests.waiting import wait_until

WAIT_MAX_S = 20.0
Told = dict[tuple[str, int], tuple[int, int, int]]


def told_by(one: Ends, told: Told) -> None:
    def take(topic: str, number: int, end: int, asked_ms: int, answered_ms: int) -> None:
        told[topic, number] = end, asked_ms, answered_ms

    one.answer(take)


def test_an_end_is_that_of_what_is_committed(broker: Cluster, prefix: str) -> None:
    applied(broker.bootstrap)
    topic = TopicNames(prefix).input("login")
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": prefix})
    producer.init_transactions()
    one, told = Ends(settings.kafka(broker.bootstrap), "account"), Told()
    try:
        one.ask_for([(topic, 1)])
        producer.begin_transaction()
        producer.produce(topic, b"open", partition=1)
        producer.flush()
        wrote_ms = time.time_ns() // 1_000_000

        def was_asked_since() -> bool:
            told_by(one, told)
            return told.get((topic, 1), (0, 0, 0))[1] > wrote_ms

        wait_until(was_asked_since, WAIT_MAX_S, "an answer")
        end, asked_ms, answered_ms = told[topic, 1]
        assert end == 0 and asked_ms <= answered_ms
        producer.commit_transaction()

        def has_ended_later() -> bool:
            told_by(one, told)
            return told[topic, 1][0] > 0

        wait_until(has_ended_later, WAIT_MAX_S, "a later end")
    finally:
        one.close()


def test_what_ends_the_asking_ends_the_loop_too(
    broker: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(client: object, places: object) -> None:
        raise ValueError("not Kafka's")

    monkeypatch.setattr(ends, "_answer", broken)
    one = Ends(settings.kafka(broker.bootstrap), "account")
    try:
        one.ask_for([("any", 0)])

        def has_raised() -> bool:
            try:
                told_by(one, {})
            except ValueError:
                return True
            return False

        wait_until(has_raised, WAIT_MAX_S, "what ended the asking")
    finally:
        one.close()
