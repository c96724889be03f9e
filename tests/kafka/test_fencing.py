"""A producer that is refused, by the broker's doing or by another process's."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Producer

from detector.memory import STAGES
from streams.faults import Fault
from streams.topics import TopicNames
from tests.faults.outcome import Outcome
from tests.kafka.broker import Cluster
from tests.kafka.records import applied, read
from tests.kafka.service import drained, serving
from tests.kafka.test_service import as_replayed, sent


def test_a_producer_that_is_fenced_though_nobody_has_its_name_begins_anew(
    broker: Cluster, prefix: str, world: Path, truth: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENDWATCH_INSTANCE_ID", "w0")
    monkeypatch.setattr("streams.service.membership.JOIN_MAX_S", 2.0)  # here is nobody else
    applied(broker.bootstrap)
    sent(broker, world / "log.jsonl")
    with serving(broker.bootstrap) as service:
        service.wait(lambda: bool(read(broker.bootstrap, TopicNames(prefix).decision)))
        for stage in STAGES:  # as a broker does whose patience with a transaction is over
            Producer(service.kafka.confluent_producer(stage)).init_transactions(30)
        service.wait(lambda: {one["stage"] for one in service.told("begins_anew")} == {*STAGES})
        drained(service)
    as_replayed(broker, prefix, truth)


def test_of_two_workers_with_one_name_the_first_ends_and_says_why(
    broker: Cluster, prefix: str, world: Path, truth: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENDWATCH_INSTANCE_ID", "w0")
    applied(broker.bootstrap)
    with serving(broker.bootstrap) as first:
        first.wait(lambda: len(first.told("restored")) == len(STAGES) + 1)
        with serving(broker.bootstrap) as second:
            sent(broker, world / "log.jsonl")
            with pytest.raises(Fault, match="another worker has taken LENDWATCH_INSTANCE_ID=w0"):
                first.wait(lambda: False)
            first.stop()
            drained(second)
            assert not second.told("begins_anew")
    as_replayed(broker, prefix, truth)
