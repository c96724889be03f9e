"""Sends a part of a log at a steady pace, and notes when each event was due and when it left.

    python -m tests.bench.feeding BOOTSTRAP PREFIX LOG FIRST COUNT RATE STAMPS

A process of its own: a sender that shared an interpreter with anything else would be late, and a
late sender makes a system look quick. RATE 0 sends as fast as it can and needs no STAMPS.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson
from confluent_kafka import Producer

from streams.kafka_settings import KafkaSettings
from streams.routing import Route, route
from streams.topics import TopicNames
from tests.bench.processes import go_first

NAP_MAX_S = 0.001  # between looks at what is due
POLL_EVERY = 256


class Record(NamedTuple):
    """One event, ready to be sent."""

    event_id: str
    topic: str
    key: bytes | None
    line: bytes


def records(log: Path, prefix: str, first: int, count: int) -> list[Record]:
    """The events of a part of a log. ValueError for a line that has no topic."""
    names, found = TopicNames(prefix), []
    with log.open("rb") as file:
        for line in islice(file, first, first + count):
            told = route(line)
            if not isinstance(told, Route):
                raise ValueError(f"{log}: a line has no topic: {told}")
            event_id = orjson.loads(line)["event_id"]
            found.append(Record(event_id, names.input(told.event_type), told.key, line.rstrip()))
    return found


def producer(bootstrap: str, linger_ms: int) -> Producer:
    """A producer as lendwatch's own `send` has it."""
    named = KafkaSettings((bootstrap,), app_id=f"bench-feeding-{os.getpid()}")
    keys = {"linger.ms": linger_ms, "queue.buffering.max.messages": 1_000_000, "log_level": 3}
    return Producer(named.confluent_producer() | keys)


def fill(bootstrap: str, sent: list[Record]) -> None:
    """Send all at once. RuntimeError where the broker did not take them."""
    told = producer(bootstrap, linger_ms=5)
    for number, record in enumerate(sent):
        while True:
            try:
                told.produce(record.topic, record.line, record.key)
                break
            except BufferError:
                told.poll(0.05)
        if number % POLL_EVERY == 0:
            told.poll(0)
    if told.flush(120):
        raise RuntimeError("the broker did not take all records")


def pace(bootstrap: str, sent: list[Record], rate: float) -> tuple[list[int], list[int]]:
    """Send evenly; when each was due and when it was handed over, by the machine's monotonic clock
    in nanoseconds, which all processes of one machine share."""
    told = producer(bootstrap, linger_ms=1)
    told.list_topics(timeout=10)
    step_ns, due_ns, left_ns = 1e9 / rate, [], []
    began_ns = time.monotonic_ns() + 100_000_000
    for number, record in enumerate(sent):
        due = began_ns + int(number * step_ns)
        while (wait_ns := due - time.monotonic_ns()) > 0:
            told.poll(0)
            time.sleep(min(wait_ns / 1e9, NAP_MAX_S))
        told.produce(record.topic, record.line, record.key)
        left_ns.append(time.monotonic_ns())
        due_ns.append(due)
        if number % POLL_EVERY == 0:
            told.poll(0)
    if told.flush(60):
        raise RuntimeError("the broker did not take all records")
    return due_ns, left_ns


def main() -> None:
    bootstrap, prefix, log, first, count, rate, *stamps = sys.argv[1:]
    sent = records(Path(log), prefix, int(first), int(count))
    if not float(rate):
        return fill(bootstrap, sent)
    go_first()
    due_ns, left_ns = pace(bootstrap, sent, float(rate))
    told = {"event_ids": [one.event_id for one in sent], "due_ns": due_ns, "left_ns": left_ns}
    Path(stamps[0]).write_bytes(orjson.dumps(told))


if __name__ == "__main__":
    main()
