"""Reads committed records of some topics, and notes when each became visible.

    python -m tests.bench.hearing BOOTSTRAP OUT TOPIC...

A process of its own, until SIGTERM; then OUT holds one line a record: the time by the machine's
monotonic clock in nanoseconds, the topic, and the record. It says `ready` once it is placed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from tests.bench.processes import go_first

WAIT_S = 0.05  # between looks at whether it is to stop


class Stop:
    """Whether SIGTERM came."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def hear(bootstrap: str, topics: list[str], stop: Stop) -> list[tuple[int, str, bytes]]:
    """All that is committed there, from the topics' beginnings, until it is asked to stop."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": f"bench-hearing-{os.getpid()}",
        "isolation.level": "read_committed", "enable.auto.commit": False,
        # A record that waits for company at the reader is no property of what is measured.
        "fetch.wait.max.ms": 10, "fetch.min.bytes": 1, "fetch.queue.backoff.ms": 1,
    })  # fmt: skip
    known = consumer.list_topics(timeout=10).topics
    consumer.assign([
        TopicPartition(topic, number, OFFSET_BEGINNING)
        for topic in topics for number in known[topic].partitions
    ])  # fmt: skip
    print("ready", flush=True)
    heard = []
    while not stop.asked:
        # Not `consume`: it waits for a full batch or its time-out, and would add that to each.
        message = consumer.poll(WAIT_S)
        if message is not None and message.error() is None:
            heard.append((time.monotonic_ns(), message.topic(), message.value()))
    consumer.close()
    return heard


def main() -> None:
    bootstrap, out, *topics = sys.argv[1:]
    go_first()
    heard = hear(bootstrap, topics, Stop())
    with Path(out).open("wb") as file:
        for at_ns, topic, value in heard:
            file.write(orjson.dumps([at_ns, topic, orjson.Fragment(value)]) + b"\n")


if __name__ == "__main__":
    main()
