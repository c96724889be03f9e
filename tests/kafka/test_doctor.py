"""The doctor at a healthy set-up and at broken ones: the right word and the right cure for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer
from kafka import KafkaAdminClient

from streams import doctor_records
from streams.cli import main
from streams.topics import TopicNames
from tests.kafka.broker import Cluster
from tests.kafka.records import PARTITIONS, applied, write

Captured = pytest.CaptureFixture[str]


def examined(broker: Cluster, capsys: Captured) -> tuple[int, list[dict[str, str]]]:
    capsys.readouterr()
    status = main(["doctor", "--bootstrap", broker.bootstrap, "--json"])
    return status, json.loads(capsys.readouterr().out)["findings"]


def wrongs(found: list[dict[str, str]]) -> list[dict[str, str]]:
    return [one for one in found if one["level"] == "wrong"]


def test_a_healthy_set_up_is_well(broker: Cluster, prefix: str, capsys: Captured) -> None:
    applied(broker.bootstrap)
    status, found = examined(broker, capsys)
    assert wrongs(found) == [] and status == 0
    well = {one["check"] for one in found if one["level"] == "well"}
    assert {"broker", "topics", "replicas", "rights", "clock", "transactions"} <= well
    assert main(["doctor", "--bootstrap", broker.bootstrap]) == 0
    assert "all is well" in capsys.readouterr().out


def test_missing_topics_are_named_with_the_command_that_makes_them(
    broker: Cluster, prefix: str, capsys: Captured
) -> None:
    status, found = examined(broker, capsys)
    (wrong,) = wrongs(found)
    assert status == 1 and "23 of 23 are missing" in wrong["text"]
    assert wrong["cure"].startswith("lendwatch topics apply")


def test_wrong_partition_counts_are_named(broker: Cluster, prefix: str, capsys: Captured) -> None:
    odd = TopicNames(prefix).input("disposition")
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        made = {odd: {"num_partitions": 3, "replication_factor": 1}}
        admin.create_topics(made, wait_for_metadata=True)
    assert main(["topics", "plan", "--bootstrap", broker.bootstrap, "--partitions", "4"]) == 1
    words = ["--partitions", str(PARTITIONS), "--replication", "1"]
    assert main(["topics", "apply", "--bootstrap", broker.bootstrap, *words]) == 2
    status, found = examined(broker, capsys)
    assert status == 1 and any("are missing" in one["text"] for one in wrongs(found))


def test_an_unreachable_broker_is_2(capsys: Captured) -> None:
    assert main(["doctor", "--bootstrap", "127.0.0.1:1"]) == 2
    assert "127.0.0.1:1: cannot be reached (Connection refused)" in capsys.readouterr().err


def test_plain_text_does_not_leave_this_machine(capsys: Captured) -> None:
    assert main(["doctor", "--bootstrap", "kafka.example:9092"]) == 2
    told = capsys.readouterr().err
    assert "would be reached in plain text" in told and "--insecure-dev" in told


@contextmanager
def group_of(broker: Cluster, prefix: str, topic: str) -> Iterator[Consumer]:
    member = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": f"{prefix}-account",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    member.subscribe([topic])
    try:
        yield member
    finally:
        member.close()


def test_lag_that_nobody_works_on_is_wrong(broker: Cluster, prefix: str, capsys: Captured) -> None:
    applied(broker.bootstrap)
    topic = TopicNames(prefix).input("login")
    write(broker.bootstrap, topic, [b"{}"] * 5)
    with group_of(broker, prefix, topic) as member:
        messages = member.consume(2, 30)
        member.commit(message=messages[-1], asynchronous=False)
        status, found = examined(broker, capsys)
        (group,) = [one for one in found if one["check"] == "groups"]
        assert status == 0 and "1 members, stable, 3 records behind" in group["text"]
    status, found = examined(broker, capsys)
    (group,) = [one for one in found if one["check"] == "groups"]
    assert status == 1 and group["cure"].startswith("nobody reads: start `lendwatch run`")


def test_a_transaction_that_nobody_ends_is_named_with_its_place(
    broker: Cluster, prefix: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(broker.bootstrap)
    topic = TopicNames(prefix).alert
    settings = {"bootstrap.servers": broker.bootstrap, "transactional.id": f"{prefix}-x"}
    writer = Producer(settings)
    writer.init_transactions(30)
    writer.begin_transaction()
    writer.produce(topic, b"{}", b"A", partition=1)
    writer.flush(30)
    status, found = examined(broker, capsys)
    (told,) = [one for one in found if one["check"] == "transactions"]
    assert status == 0 and told["text"] == "1 are open, all of them fresh"
    monkeypatch.setattr(doctor_records, "OPEN_MAX_S", -1)
    status, found = examined(broker, capsys)
    (told,) = wrongs(found)
    assert status == 1 and f"{topic}:1 waits behind offset 0" in told["text"]
    assert f"abort --topic {topic} --partition 1 --start-offset 0" in told["cure"]
    writer.abort_transaction(30)


def test_a_clock_that_is_off_is_wrong(
    broker: Cluster, prefix: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(broker.bootstrap)
    monkeypatch.setattr(doctor_records, "SKEW_MAX_MS", -1)
    status, found = examined(broker, capsys)
    (wrong,) = wrongs(found)
    assert status == 1 and wrong["check"] == "clock" and "NTP" in wrong["cure"]
