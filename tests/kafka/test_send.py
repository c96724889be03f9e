"""A log sent into a real broker: whole, by key, in order, and where every producer would put it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from streams.cli import main
from streams.routing import partition_of
from streams.topics import TopicNames
from tests.kafka.broker import Cluster
from tests.kafka.murmur2 import murmur2
from tests.kafka.records import (
    PARTITIONS,
    applied,
    lines_of_many_accounts,
    read,
    read_inputs,
    write,
)
from tests.streams.lines import login

Captured = pytest.CaptureFixture[str]


def send(broker: Cluster, log: Path, *words: str) -> int:
    return main(["send", "--log", str(log), "--bootstrap", broker.bootstrap, "--json", *words])


def test_every_line_arrives_untouched_in_order_by_key(
    broker: Cluster, prefix: str, tmp_path: Path, capsys: Captured
) -> None:
    applied(broker.bootstrap)
    lines = lines_of_many_accounts(3_000)
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"\n".join(lines))
    capsys.readouterr()
    assert send(broker, log, "--key-check") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sent"] == told["keys_checked"] == len(lines) and told["skipped"] == {}
    arrived = read_inputs(broker.bootstrap, prefix)
    assert sorted(one.value for one in arrived) == sorted(lines)
    place = {line: at for at, line in enumerate(lines)}
    last: dict[tuple[str, bytes], int] = {}
    for one in arrived:
        event = orjson.loads(one.value)
        assert one.topic == TopicNames(prefix).input(event["type"])
        assert one.key == event["account_id"].encode()
        assert one.partition == (murmur2(one.key) & 0x7FFFFFFF) % PARTITIONS
        assert last.get((one.topic, one.key), -1) < place[one.value]
        last[one.topic, one.key] = place[one.value]
    assert {one.timestamp_type for one in arrived} == {1}  # LogAppendTime: the broker's clock


def test_what_is_no_event_is_left_out_and_told(
    broker: Cluster, prefix: str, tmp_path: Path, capsys: Captured
) -> None:
    applied(broker.bootstrap)
    log = tmp_path / "events.jsonl"
    big = login("big", note="x" * (3 << 20))
    poison = b'{"type":"login","event_id":7}'  # routed: the service makes the dead letter
    nameless = b'{"type":"disposition","alert_id":"AL"}'
    nested = b'{"type":"login","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    bad = [b"\xff\xfe", b'{"type":"nope"}', b"[]", b'{"type":["login"]}', b"{}", nested, big]
    log.write_bytes(b"\n".join([*bad, poison, nameless]))
    capsys.readouterr()
    assert send(broker, log) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["skipped"] == {"not_json": 3, "too_large": 1, "unknown_type": 3}
    assert told["first_skipped_lines"] == {"not_json": 1, "unknown_type": 2, "too_large": 7}
    arrived = {one.value: one.key for one in read_inputs(broker.bootstrap, prefix)}
    assert arrived == {poison: None, nameless: b"AL"}


def test_raw_lines_go_to_one_topic_as_they_are(
    broker: Cluster, prefix: str, tmp_path: Path, capsys: Captured
) -> None:
    applied(broker.bootstrap)
    log, topic = tmp_path / "poison", TopicNames(prefix).input("auto_debit")
    lines = [b"\x00\xff", b"{}", login("e1")]
    log.write_bytes(b"\n".join(lines))
    assert send(broker, log, "--raw", topic) == 0
    assert {one.value: one.key for one in read(broker.bootstrap, topic)} == {
        lines[0]: None, lines[1]: None, lines[2]: b"A",
    }  # fmt: skip


def test_a_rate_is_kept(broker: Cluster, prefix: str, tmp_path: Path, capsys: Captured) -> None:
    applied(broker.bootstrap)
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"\n".join(lines_of_many_accounts(200)))
    capsys.readouterr()
    assert send(broker, log, "--rate", "200") == 0
    assert 0.9 < json.loads(capsys.readouterr().out)["seconds"] < 2.5


def test_a_missing_topic_or_broker_is_one_clear_line(
    broker: Cluster, prefix: str, tmp_path: Path, capsys: Captured
) -> None:
    log = tmp_path / "events.jsonl"
    log.write_bytes(login("e1"))
    assert send(broker, log) == 2
    assert f"no topic {prefix}.login.v1: make the topics" in capsys.readouterr().err
    assert send(Cluster([], "127.0.0.1:1"), log) == 2
    told = capsys.readouterr().err
    assert "127.0.0.1:1: cannot be reached" in told and told.count("\n") == 1


def test_all_producers_put_a_key_where_murmur2_says(broker: Cluster, prefix: str) -> None:
    applied(broker.bootstrap)
    names = TopicNames(prefix)
    by_confluent, by_python = names.input("login"), names.input("disposition")
    chance = random.Random(11)
    keys = [chance.randbytes(chance.randrange(1, 40)) for _ in range(300)]
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random"})
    for key in keys:
        producer.produce(by_confluent, key, key)
    assert producer.flush(30) == 0
    slower = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for key in keys:
        slower.send(by_python, key=key, value=key)
    slower.close()
    expected = {key: (murmur2(key) & 0x7FFFFFFF) % PARTITIONS for key in keys}
    for topic in (by_confluent, by_python):
        assert {one.key: one.partition for one in read(broker.bootstrap, topic)} == expected
    assert {key: partition_of(key, PARTITIONS) for key in keys} == expected
    assert len(set(expected.values())) == PARTITIONS


def test_a_partitioner_that_is_not_murmur2_would_be_seen(broker: Cluster, prefix: str) -> None:
    applied(broker.bootstrap)
    topic = TopicNames(prefix).alert
    for at in range(20):
        key = f"K{at}".encode()
        write(broker.bootstrap, topic, [key], key=key, partitioner="consistent_random")
    wrong = [
        one for one in read(broker.bootstrap, topic)
        if one.partition != partition_of(one.key, PARTITIONS)
    ]  # fmt: skip
    assert wrong
