"""The topics on a real broker: the difference first, then made, and what is never done."""

from __future__ import annotations

import json

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from streams import settings
from streams.cli import main
from streams.faults import Fault
from streams.topic_changes import check_topics
from streams.topics import TopicNames, planned
from tests.kafka.broker import Cluster
from tests.kafka.records import PARTITIONS, applied

Captured = pytest.CaptureFixture[str]


def topics(broker: Cluster, what: str, partitions: int = PARTITIONS, replication: int = 1) -> int:
    words = ["--partitions", str(partitions), "--replication", str(replication)]
    return main(["topics", what, "--bootstrap", broker.bootstrap, *words, "--json"])


def test_plan_shows_what_apply_then_does_and_nothing_is_left(
    broker: Cluster, prefix: str, capsys: Captured
) -> None:
    assert topics(broker, "plan") == 1
    shown = json.loads(capsys.readouterr().out)
    every = {topic.name for topic in planned(TopicNames(prefix), PARTITIONS, 1)}
    assert {one["topic"] for one in shown["changes"]} == every and len(every) == shown["topics"]
    assert topics(broker, "plan") == 1  # nothing was done yet
    assert topics(broker, "apply") == 0
    capsys.readouterr()
    assert topics(broker, "plan") == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []
    assert check_topics(settings.kafka(broker.bootstrap)) == PARTITIONS


def altered(broker: Cluster, topic: str, **words: object) -> None:
    configs = {key.replace("_", "."): str(value) for key, value in words.items()}
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs)
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        admin.alter_configs([resource])
        while True:  # until the broker that answers knows what the controller took
            told = admin.describe_configs([resource], config_filter="all")["topic"][topic]
            if {key: told[key]["value"] for key in configs} == configs:
                return


def test_a_setting_that_differs_is_set_and_a_more_careful_one_stays(
    broker: Cluster, prefix: str, capsys: Captured
) -> None:
    applied(broker.bootstrap)
    names = TopicNames(prefix)
    altered(broker, names.alert, retention_ms=1_000, message_timestamp_type="CreateTime")
    altered(broker, names.decision, retention_ms=-1)
    altered(broker, names.dead_letter, retention_ms=10**12)
    capsys.readouterr()
    assert topics(broker, "plan") == 1
    differing = json.loads(capsys.readouterr().out)["changes"]
    assert {one["topic"] for one in differing} == {names.alert}
    assert {key for one in differing for key in one["settings"]} == {
        "retention.ms", "message.timestamp.type"
    }  # fmt: skip
    assert topics(broker, "apply") == 0 and topics(broker, "plan") == 0


def test_partition_counts_are_never_changed_and_the_way_is_told(
    broker: Cluster, prefix: str, capsys: Captured
) -> None:
    applied(broker.bootstrap)
    names = TopicNames(prefix)
    altered(broker, names.alert, retention_ms=1_000)
    assert topics(broker, "plan", PARTITIONS * 2) == 1
    assert "LENDWATCH_TOPIC_PREFIX" in capsys.readouterr().out
    assert topics(broker, "apply", PARTITIONS * 2) == 2
    told = capsys.readouterr().err
    assert "nothing was changed" in told and f"has {PARTITIONS} partitions, the plan 8" in told
    assert topics(broker, "plan") == 1  # not even the setting


def test_what_would_delete_is_refused(broker: Cluster, prefix: str, capsys: Captured) -> None:
    applied(broker.bootstrap)
    altered(broker, TopicNames(prefix).alert, cleanup_policy="compact")
    assert topics(broker, "apply") == 2
    assert "would delete what is kept now" in capsys.readouterr().err


def test_more_copies_than_brokers_is_a_fault_in_plain_words(
    broker: Cluster, prefix: str, capsys: Captured
) -> None:
    assert topics(broker, "apply", replication=9) == 2
    assert "could not be made: Unable to replicate" in capsys.readouterr().err


def test_the_service_is_told_of_missing_and_unequal_topics(broker: Cluster, prefix: str) -> None:
    kafka = settings.kafka(broker.bootstrap)
    with pytest.raises(Fault, match=r"23 of 23 topics are missing .* `lendwatch topics apply"):
        check_topics(kafka)
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        odd = TopicNames(prefix).input("disposition")
        admin.create_topics({odd: {"num_partitions": 3, "replication_factor": 1}})
        wanted = {
            topic.name: {"num_partitions": topic.partitions, "replication_factor": 1}
            for topic in planned(TopicNames(prefix), PARTITIONS, 1)
            if topic.name != odd
        }
        admin.create_topics(wanted, wait_for_metadata=True)
    with pytest.raises(Fault, match=rf"{odd} has 3 partitions and not {PARTITIONS}"):
        check_topics(kafka)
