"""Topics and users for Strimzi, made from the plan of topics and from the rights, as YAML.

    python deploy/kafka/strimzi.py --cluster kafka --partitions 48 --replication 3 > strimzi.yaml

`strimzi.yaml` beside this holds what the defaults make; a test holds the two together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from streams.rights import Right, learner_rights, service_rights, source_rights
from streams.topics import Topic, TopicNames, planned

VERSION = "kafka.strimzi.io/v1"
HEAD = "# Made by `python deploy/kafka/strimzi.py`: change the plan of topics, not this.\n"


def topic(one: Topic, cluster: str) -> dict[str, Any]:
    """A topic."""
    return {
        "apiVersion": VERSION, "kind": "KafkaTopic",
        "metadata": {"name": one.name.lower(), "labels": {"strimzi.io/cluster": cluster}},
        "spec": {"topicName": one.name, "partitions": one.partitions,
                 "replicas": one.replication, "config": dict(one.settings)},
    }  # fmt: skip


def user(name: str, rights: Iterable[Right], cluster: str) -> dict[str, Any]:
    """A user with a password of its own, which the operator makes and puts in a secret."""
    acls = [
        {
            "resource": {"type": one.kind, "name": one.name,
                         "patternType": "prefix" if one.is_prefix else "literal"},
            "operations": list(one.operations),
        }
        for one in rights
    ]  # fmt: skip
    return {
        "apiVersion": VERSION, "kind": "KafkaUser",
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": cluster}},
        "spec": {"authentication": {"type": "scram-sha-512"},
                 "authorization": {"type": "simple", "acls": acls}},
    }  # fmt: skip


def resources(
    cluster: str, prefix: str, app_id: str, partitions: int, replication: int
) -> list[dict[str, Any]]:
    """All of a deployment."""
    names = TopicNames(prefix)
    return [
        *(topic(one, cluster) for one in planned(names, partitions, replication)),
        user("lendwatch", service_rights(names, app_id), cluster),
        user("lendwatch-learner", learner_rights(names, app_id), cluster),
        user("lendwatch-source", source_rights(names), cluster),
    ]


def written(documents: Sequence[dict[str, Any]]) -> str:
    """The file."""
    return HEAD + yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True)


def main() -> None:
    """Print it."""
    words = argparse.ArgumentParser(description="Topics and users for Strimzi")
    add = words.add_argument
    add("--cluster", default="kafka", help="the Kafka resource's name (default: kafka)")
    add("--prefix", default="lendwatch", help="LENDWATCH_TOPIC_PREFIX (default: lendwatch)")
    add("--app-id", default="lendwatch", help="LENDWATCH_APP_ID (default: lendwatch)")
    add("--partitions", type=int, default=48, help="for good (default: 48)")
    add("--replication", type=int, default=3, help="copies (default: 3)")
    told = words.parse_args()
    made = resources(told.cluster, told.prefix, told.app_id, told.partitions, told.replication)
    print(written(made), end="")


if __name__ == "__main__":
    main()
