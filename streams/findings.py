"""What `lendwatch doctor` says: one finding a thing looked at, with the cure where it is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kafka.errors import AuthorizationError, KafkaError

from streams.kafka_settings import KafkaSettings
from streams.topics import TopicNames

Level = Literal["well", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. A note is worth knowing and needs no cure."""

    check: str
    level: Level
    text: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at: a cluster by an admin client, our settings, the topics there."""

    admin: Any
    settings: KafkaSettings
    names: TopicNames
    cluster: Mapping[str, Any]
    topics: Mapping[str, Mapping[str, Any]]  # of the planned ones those that are there
    allowed: Mapping[str, Sequence[str]]  # what this user may do with those, and the hidden ones


Check = Callable[[Patient], list[Finding]]


# A topic is in a broker's metadata a moment before the broker leads its partitions.
RETRY_MAX_S, RETRY_EVERY_S = 5.0, 0.2


def looked(name: str, check: Check, patient: Patient) -> list[Finding]:
    """A check's findings; where Kafka refuses the look itself, that is the finding."""
    try:
        return _settled(check, patient)
    except AuthorizationError as error:
        kind = type(error).__name__.removesuffix("Error")
        return [Finding(name, "note", f"could not be looked at: {kind}",
                        "run the doctor as a user who may describe the cluster")]  # fmt: skip
    except KafkaError as error:
        kind = type(error).__name__.removesuffix("Error")
        return [Finding(name, "wrong", f"could not be looked at: {kind}",
                        "see the brokers' logs; then run the doctor again")]  # fmt: skip


def _settled(check: Check, patient: Patient) -> list[Finding]:
    """A check's findings, asked again while Kafka says that it will soon know better."""
    deadline = time.monotonic() + RETRY_MAX_S
    while True:
        try:
            return check(patient)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_EVERY_S)
