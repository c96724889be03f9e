"""The planned topics held against a cluster: what is missing, what differs, and making it so.

Nothing is ever deleted and no partition count changed: a key's partition is its hash by the count,
so another count would part accounts from their state. `PROCEDURE` is how people change it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import for_code

from streams.cluster import admin_of, described
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.topics import FLOORS, Topic, TopicNames, planned

PROCEDURE = (
    "stop the producers, let the service drain its lag and stop it, make the topics anew under"
    " another LENDWATCH_TOPIC_PREFIX with the new count, `lendwatch send` the kept logs there, and"
    " point producers and service to the new prefix"
)
REASSIGN = "move replicas with kafka-reassign-partitions.sh first, then apply again"
VISIBLE_MAX_S = 10
Action = Literal["create", "set", "refuse"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: what is to be done about it, or why it is refused."""

    topic: str
    action: Action
    what: str
    settings: Mapping[str, str]

    @property
    def text(self) -> str:
        """The difference in one line."""
        return f"{self.action:<6} {self.topic}: {self.what}"


def changes(admin: Any, topics: Sequence[Topic]) -> list[Change]:
    """Every difference between the plan and the cluster, in the order of the plan."""
    there = described(admin, [topic.name for topic in topics])
    settings = _settings_of(admin, list(there))
    found: list[Change] = []
    for topic in topics:
        if topic.name in there:
            found += differences(topic, there[topic.name], settings[topic.name])
        else:
            shape = f"{topic.partitions} partitions, {topic.replication} replicas"
            found.append(Change(topic.name, "create", shape, topic.settings))
    return found


def differences(topic: Topic, there: Mapping[str, Any], now: Mapping[str, str]) -> list[Change]:
    """How a topic that is there differs from its plan."""
    found: list[Change] = []
    partitions = there["partitions"]
    if len(partitions) != topic.partitions:
        counts = f"has {len(partitions)} partitions, the plan {topic.partitions}"
        found.append(Change(topic.name, "refuse", f"{counts}: {PROCEDURE}", {}))
    replicas = min((len(one["replica_nodes"]) for one in partitions), default=0)
    if replicas < topic.replication:
        counts = f"has {replicas} replicas, the plan {topic.replication}"
        found.append(Change(topic.name, "refuse", f"{counts}: {REASSIGN}", {}))
    for key, value in topic.settings.items():
        if _differs(key, now.get(key), value):
            what = f"{key} from {now.get(key)} to {value}"
            if key == "cleanup.policy" and "delete" in value:
                words = f"{what} would delete what is kept now: set it by hand if that is meant"
                found.append(Change(topic.name, "refuse", words, {}))
            else:
                found.append(Change(topic.name, "set", what, {key: value}))
    return found


def _differs(key: str, now: str | None, planned_value: str) -> bool:
    if now is None or key not in FLOORS:
        return now != planned_value
    unlimited = key == "retention.ms" and now == "-1"
    return not unlimited and int(now) < int(planned_value)


def _settings_of(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    told = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: one["value"] for key, one in told[name].items()} for name in names}


def apply(admin: Any, topics: Sequence[Topic], found: Sequence[Change]) -> None:
    """Make what is missing and set what differs. Nothing is done where anything is refused."""
    refused = [change for change in found if change.action == "refuse"]
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise Fault(f"nothing was changed: {refused[0].topic}: {refused[0].what}{more}")
    missing = {change.topic for change in found if change.action == "create"}
    _create(admin, [topic for topic in topics if topic.name in missing])
    for change in found:
        if change.action == "set":
            resource = ConfigResource(ConfigResourceType.TOPIC, change.topic, dict(change.settings))
            admin.alter_configs([resource])
    # The controller has taken them; the broker that we ask learns of it a little later.
    deadline = time.monotonic() + VISIBLE_MAX_S
    while changes(admin, topics) and time.monotonic() < deadline:
        time.sleep(0.05)


def _create(admin: Any, topics: Sequence[Topic]) -> None:
    """Make topics, and wait until each partition has a leader."""
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": dict(topic.settings),
        }
        for topic in topics
    }
    if not wanted:
        return
    for one in admin.create_topics(wanted, raise_errors=False)["topics"]:
        if one["error_code"]:
            reason = one["error_message"] or for_code(one["error_code"]).__name__
            raise Fault(f"{one['name']} could not be made: {reason}")
    admin.wait_for_topics(list(wanted))


def check_topics(settings: KafkaSettings) -> int:
    """What the service asks at its start: all topics are there and their partitions agree.

    Gives the number of partitions. A Fault says what is wrong, and the command that mends it.
    """
    names = TopicNames(settings.topic_prefix)
    with admin_of(settings) as admin:
        wanted = [topic.name for topic in planned(names, 1, 1)]
        there = described(admin, wanted)
    if missing := [name for name in wanted if name not in there]:
        raise Fault(
            f"{', '.join(settings.bootstrap)}: {len(missing)} of {len(wanted)} topics are missing"
            f" ({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}): run `lendwatch"
            " topics apply --partitions N --replication R`"
        )
    count = len(there[names.inputs[0]]["partitions"])
    for topic in planned(names, count, 1):
        has = len(there[topic.name]["partitions"])
        if has != topic.partitions:
            raise Fault(
                f"{topic.name} has {has} partitions and not {topic.partitions} as"
                f" {names.inputs[0]} asks for: no worker could own the same accounts of both;"
                f" {PROCEDURE}"
            )
    return count
