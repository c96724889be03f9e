"""The service on a real broker says what a replay says, whatever happens to it meanwhile."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from detector.ids import Ids
from detector.memory import STAGES
from streams.cli import main
from streams.dead_letters import DeadLetter
from streams.faults import Fault
from streams.topics import TopicNames
from tests.faults.judging import judged
from tests.faults.outcome import Outcome, served
from tests.faults.states import state_of
from tests.kafka.broker import Cluster
from tests.kafka.records import PARTITIONS, applied, read, write
from tests.kafka.service import drained, serving
from tests.streams.lines import login


def as_replayed(broker: Cluster, prefix: str, truth: Outcome, but_for: str = "") -> Outcome:
    """Hold what is committed, but for a typology, against the truth: the account stage exactly,
    others by standing."""
    found = served(broker.bootstrap, prefix, PARTITIONS)
    judged(truth, found.but_for(but_for)).check()
    return found


def sent(broker: Cluster, log: Path) -> None:
    assert main(["send", "--bootstrap", broker.bootstrap, "--log", str(log)]) == 0


def test_the_service_says_what_a_replay_says(
    broker: Cluster, prefix: str, world: Path, truth: Outcome
) -> None:
    applied(broker.bootstrap)
    sent(broker, world / "log.jsonl")
    with serving(broker.bootstrap) as service:
        drained(service)
    found = as_replayed(broker, prefix, truth)
    typologies = {alert["typology"] for alert in found.alerts.values()}
    assert len(typologies) > 5 and len(found.decisions) > 500
    # Nothing is told to a learner where models are off.
    assert read(broker.bootstrap, TopicNames(prefix).internal("features")) == []


def test_a_restart_in_the_middle_loses_nothing_and_says_nothing_twice(
    broker: Cluster, prefix: str, world: Path, truth: Outcome
) -> None:
    applied(broker.bootstrap)
    sent(broker, world / "log.jsonl")
    for _ in range(3):
        with serving(broker.bootstrap) as service:
            service.wait(lambda: service.told("restored"))
            service.wait(lambda: bool(read(broker.bootstrap, TopicNames(prefix).decision)))
    with serving(broker.bootstrap) as service:
        drained(service)
        assert sum(one["records"] for one in service.told("restored")) > 0
    as_replayed(broker, prefix, truth)


def test_checks_that_are_produced_last_make_no_false_bypass(
    broker: Cluster, prefix: str, world: Path, truth: Outcome
) -> None:
    """A backlog: all else is in Kafka, and only then the verifications are sent."""
    applied(broker.bootstrap)
    lines = (world / "log.jsonl").read_bytes().splitlines(keepends=True)
    is_check = b'"type":"identity_verification"'
    for name, part in (
        ("others.jsonl", [line for line in lines if is_check not in line]),
        ("checks.jsonl", [line for line in lines if is_check in line]),
    ):
        (world / name).write_bytes(b"".join(part))
        sent(broker, world / name)
    with serving(broker.bootstrap) as service:
        drained(service)
    as_replayed(broker, prefix, truth)


def test_poison_becomes_dead_letters_with_its_own_bytes_and_stops_nothing(
    broker: Cluster, prefix: str, world: Path, truth: Outcome
) -> None:
    applied(broker.bootstrap)
    names, rng = TopicNames(prefix), random.Random(5)
    poison = [rng.randbytes(rng.randrange(1, 300)) for _ in range(1_000)]
    write(broker.bootstrap, names.input("login"), poison, [("trace", b"7")], key=b"k1")
    future = login("soon", occurred_at=time.time_ns() // 1_000_000 + 600_000)
    write(broker.bootstrap, names.input("login"), [future], key=b"k2")
    sent(broker, world / "log.jsonl")
    with serving(broker.bootstrap) as service:
        drained(service)
        assert not service.told("begins_anew")
    letters = [DeadLetter.of(one) for one in read(broker.bootstrap, names.dead_letter)]
    assert Counter(one.value for one in letters) == Counter([*poison, future])
    assert {one.key for one in letters} == {b"k1", b"k2"}
    assert {one.topic for one in letters} == {names.input("login")}
    assert [one.reason for one in letters if one.value == future] == ["future_timestamp"]
    assert all(("trace", b"7") in one.headers for one in letters if one.key == b"k1")
    as_replayed(broker, prefix, truth, but_for="feed_broken")  # it may be told of these letters


def test_a_state_that_cannot_be_used_is_refused_and_rebuilt_in_silence(
    broker: Cluster, prefix: str, world: Path, truth: Outcome
) -> None:
    applied(broker.bootstrap)
    lines = (world / "log.jsonl").read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    for name, part in (("half.jsonl", lines[:half]), ("rest.jsonl", lines[half:])):
        (world / name).write_bytes(b"".join(part))
    sent(broker, world / "half.jsonl")
    with serving(broker.bootstrap) as service:
        drained(service)
    topic = TopicNames(prefix).internal("account-state")
    damaged = next(one for one in read(broker.bootstrap, topic) if one.key[:1] == b"E")
    put(broker, topic, damaged.partition, damaged.key, damaged.value[:-1] + b"?")
    with serving(broker.bootstrap) as service, pytest.raises(Fault, match=r"damaged.*--rebuild"):
        service.wait(lambda: False)
    sent(broker, world / "rest.jsonl")
    with serving(broker.bootstrap, is_rebuilt=True) as service:
        drained(service)
        assert len(service.told("rebuilt")) == len(STAGES) * PARTITIONS + 1  # control has one
    as_replayed(broker, prefix, truth)
    with serving(broker.bootstrap) as service:  # and what was rebuilt can be restored
        service.wait(lambda: len(service.told("restored")) == 4)
    as_replayed(broker, prefix, truth)


def test_an_erased_account_leaves_no_row_and_no_record(
    broker: Cluster, prefix: str, world: Path
) -> None:
    applied(broker.bootstrap)
    sent(broker, world / "log.jsonl")
    lines = (world / "log.jsonl").read_bytes().splitlines()
    account = orjson.loads(lines[-1])["account_id"]
    with serving(broker.bootstrap) as service:
        drained(service)
        before = state_of(broker.bootstrap, prefix, PARTITIONS)
        assert main(["erase", "--bootstrap", broker.bootstrap, account]) == 0
        service.wait(lambda: len(traces(broker, prefix, account)) == 0)
    after = state_of(broker.bootstrap, prefix, PARTITIONS)
    assert before.keys() - after.keys() and not after.keys() - before.keys()
    with serving(broker.bootstrap) as service:  # nor does a restart bring it back
        drained(service)
    assert traces(broker, prefix, account) == []


def traces(broker: Cluster, prefix: str, account: str) -> list[str]:
    """The stages whose newest state records hold an account's id or hash."""
    wanted = account.encode(), Ids().hash(account).to_bytes(8, "little", signed=True)
    by_key = Ids().hash(account).to_bytes(8, "big", signed=True)
    found = []
    for stage in STAGES:
        for (_, key), value in state_of(broker.bootstrap, prefix, PARTITIONS, stage).items():
            if by_key in key or any(one in value for one in wanted):
                found.append(f"{stage} {key[:1]!r}")
    return found


def put(broker: Cluster, topic: str, partition: int, key: bytes, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, value, key, partition)
    assert producer.flush(30) == 0
