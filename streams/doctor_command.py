"""`lendwatch doctor`: what is wrong with this set-up, in words, each with its cure."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from streams import settings
from streams.cluster import UNKNOWN_TOPIC, admin_of
from streams.doctor_records import changelogs, clock, groups, transactions
from streams.doctor_topics import broker, replicas, rights, topics
from streams.findings import Check, Finding, Patient, looked
from streams.kafka_settings import KafkaSettings
from streams.topics import TopicNames, planned

CHECKS: tuple[tuple[str, Check], ...] = (
    ("broker", broker),
    ("topics", topics),
    ("replicas", replicas),
    ("rights", rights),
    ("clock", clock),
    ("groups", groups),
    ("transactions", transactions),
    ("changelogs", changelogs),
)
MARKS = {"well": "well ", "note": "note ", "wrong": "WRONG"}


def run(arguments: argparse.Namespace) -> int:
    """The command: every look, what it found, and 1 where something is wrong."""
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    with admin_of(kafka) as admin:
        patient = patient_of(admin, kafka)
        found = [one for name, check in CHECKS for one in looked(name, check, patient)]
    wrong = sum(one.level == "wrong" for one in found)
    if arguments.json:
        print(json.dumps({"wrong": wrong, "findings": [dataclasses.asdict(one) for one in found]}))
    else:
        _tell(found, wrong)
    return 1 if wrong else 0


def patient_of(admin: Any, kafka: KafkaSettings) -> Patient:
    """The cluster as it stands; topics that are not there, or hidden from us, are left out."""
    names = TopicNames(kafka.topic_prefix)
    told = admin.describe_topics([topic.name for topic in planned(names, 1, 1)])
    return Patient(
        admin=admin,
        settings=kafka,
        names=names,
        cluster=admin.describe_cluster(),
        topics={one["name"]: one for one in told if not one["error_code"]},
        allowed={
            one["name"]: one["authorized_operations"] or ()
            for one in told
            if one["error_code"] != UNKNOWN_TOPIC
        },
    )


def _tell(found: Sequence[Finding], wrong: int) -> None:
    for one in found:
        print(f"{MARKS[one.level]}  {one.check:<12}  {one.text}")
        if one.cure:
            print(f"{'':21}cure: {one.cure}")
    print("all is well" if not wrong else f"{wrong} wrong")
