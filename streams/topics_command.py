"""`lendwatch topics plan` and `apply`: the difference shown before anything is done, then done."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from streams import settings
from streams.cluster import admin_of
from streams.faults import Fault
from streams.topic_changes import Change, apply, changes
from streams.topics import Topic, TopicNames, planned

PARTITIONS_MAX, REPLICATION_MAX = 10_000, 15


def plan(arguments: argparse.Namespace) -> int:
    """Show what `apply` would do; 1 where there is something to do."""
    return _run(arguments, doing=False)


def run_apply(arguments: argparse.Namespace) -> int:
    """Make the cluster's topics as planned."""
    return _run(arguments, doing=True)


def _run(arguments: argparse.Namespace, doing: bool) -> int:
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    topics = _wanted(arguments, kafka.topic_prefix)
    with admin_of(kafka) as admin:
        found = changes(admin, topics)
        if doing:
            apply(admin, topics, found)
    _tell(arguments.json, topics, found, doing)
    return 1 if found and not doing else 0


def _wanted(arguments: argparse.Namespace, prefix: str) -> tuple[Topic, ...]:
    for name, most in (("partitions", PARTITIONS_MAX), ("replication", REPLICATION_MAX)):
        if not 1 <= getattr(arguments, name) <= most:
            raise Fault(f"--{name}: from 1 to {most}")
    return planned(TopicNames(prefix), arguments.partitions, arguments.replication)


def _tell(as_json: bool, topics: Sequence[Topic], found: Sequence[Change], done: bool) -> None:
    if as_json:
        listed = [dataclasses.asdict(change) for change in found]
        print(json.dumps({"topics": len(topics), "applied": done, "changes": listed}))
        return
    for change in found:
        print(change.text)
    if not found:
        print(f"all {len(topics)} topics are as planned")
    elif done:
        print(f"done: {len(found)} changes")
    else:
        print(f"{len(found)} changes; nothing was done: `lendwatch topics apply` does it")
