"""The brokers that other tests stand on: they can be lost, paused and brought back."""

from __future__ import annotations

import threading
from pathlib import Path

from kafka import KafkaAdminClient

from streams import settings
from streams.cli import main
from streams.topic_changes import check_topics
from streams.topics import TopicNames
from tests.kafka.broker import Cluster
from tests.kafka.records import (
    PARTITIONS,
    applied,
    lines_of_many_accounts,
    producing,
    read,
    read_inputs,
    write,
)
from tests.waiting import wait_until

# A question that a paused node got is asked again of another one, in time.
SAFE = {"acks": "all", "enable.idempotence": True, "socket.timeout.ms": 5_000}


def test_a_record_survives_the_kill_of_any_node(cluster: Cluster, prefix: str) -> None:
    applied(cluster.bootstrap, replication=3)
    topic = TopicNames(prefix).alert
    write(cluster.bootstrap, topic, [b"before"], **SAFE)
    node = cluster.nodes[0]
    node.kill()
    write(cluster.bootstrap, topic, [b"without"], **SAFE)
    node.restart()
    cluster.wait_ready()
    assert values_of(cluster, topic) == [b"before", b"without"]
    assert check_topics(settings.kafka(cluster.bootstrap)) == PARTITIONS


def test_a_paused_node_holds_writing_up_for_a_while_only(cluster: Cluster, prefix: str) -> None:
    applied(cluster.bootstrap, replication=3)
    topic = TopicNames(prefix).decision
    node = next(one for one in cluster.nodes if one is not cluster.controller)
    # written to before: a node asked for a producer's id may ask the controller of yesterday
    with producing(cluster.bootstrap, **SAFE) as put:
        put(topic, b"before")
        node.pause()
        try:
            put(topic, b"while one sleeps")
        finally:
            node.resume()
    cluster.wait_ready()
    # a node that slept takes itself for the leader it was, with nothing written, until it is told
    both = [b"before", b"while one sleeps"]
    wait_until(lambda: values_of(cluster, topic) == both, 20.0, "the record")


def values_of(cluster: Cluster, topic: str) -> list[bytes]:
    return [one.value for one in read(cluster.bootstrap, topic)]


def test_a_stopped_node_comes_back_to_its_data(broker: Cluster, prefix: str) -> None:
    if not broker.nodes:  # a broker that the user named is not ours to stop
        return
    applied(broker.bootstrap)
    topic = TopicNames(prefix).alert
    write(broker.bootstrap, topic, [b"kept"])
    broker.nodes[0].restart()
    broker.wait_ready()
    assert [one.value for one in read(broker.bootstrap, topic)] == [b"kept"]
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        assert topic in admin.list_topics()


def test_a_broker_that_dies_on_the_way_costs_time_and_nothing_else(
    broker: Cluster, prefix: str, tmp_path: Path
) -> None:
    if not broker.nodes:  # a broker that the user named is not ours to kill
        return
    applied(broker.bootstrap)
    lines = lines_of_many_accounts(1_500)
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"\n".join(lines))
    (node,) = broker.nodes

    def die_and_return() -> None:
        wait_until(lambda: len(read_inputs(broker.bootstrap, prefix)) > 100, 60.0, "a first part")
        node.kill()
        node.restart()

    death = threading.Thread(target=die_and_return)
    death.start()
    assert main(["send", "--log", str(log), "--bootstrap", broker.bootstrap, "--rate", "300"]) == 0
    death.join()
    broker.wait_ready()
    arrived = read_inputs(broker.bootstrap, prefix)
    assert sorted(one.value for one in arrived) == sorted(lines)
    place = {line: at for at, line in enumerate(lines)}
    for topic in TopicNames(prefix).inputs:
        for partition in range(PARTITIONS):
            here = [one for one in arrived if (one.topic, one.partition) == (topic, partition)]
            places = [place[one.value] for one in here]
            assert places == sorted(places)
