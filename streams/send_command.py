"""`lendwatch send`: an event log into Kafka, in its order, by key."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections import Counter
from typing import Any

from streams import progress, settings
from streams.cluster import admin_of, described
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.logs import Log
from streams.routing import TOO_LARGE, Route, key_of, route
from streams.sending import Pace, Sender
from streams.stopping import Stop
from streams.topics import TopicNames

BATCH_LINES = 2_000
EXIT_SKIPPED, EXIT_STOPPED = 1, 130


def run(arguments: argparse.Namespace) -> int:
    """The command: sends the log, tells what was sent, returns the exit status."""
    if arguments.rate is not None and not 0 < arguments.rate <= 1e7:
        raise Fault("--rate: more than 0, at most 10,000,000 events a second")
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    names = TopicNames(kafka.topic_prefix)
    wanted = (arguments.raw,) if arguments.raw else names.inputs
    sending = _Sending(
        Sender(kafka, partitions_of(kafka, wanted), arguments.key_check), names, arguments.raw
    )
    began = time.perf_counter()
    stopped = sending.send(arguments.log, Pace(arguments.rate), arguments.rate)
    told = sending.told(time.perf_counter() - began, stopped)
    print(json.dumps(told) if arguments.json else _text(told))
    return EXIT_STOPPED if stopped else EXIT_SKIPPED if sending.skipped else 0


def partitions_of(kafka: KafkaSettings, names: tuple[str, ...]) -> dict[str, int]:
    """How many partitions each topic has; Fault where one is missing."""
    with admin_of(kafka) as admin:
        there = described(admin, names)
    if missing := [name for name in names if name not in there]:
        raise Fault(f"no topic {missing[0]}: make the topics with `lendwatch topics apply`")
    return {name: len(one["partitions"]) for name, one in there.items()}


class _Sending:
    """One run: the sender, and what was left out."""

    def __init__(self, sender: Sender, names: TopicNames, raw_topic: str | None) -> None:
        self.skipped: Counter[str] = Counter()
        self.first_lines: dict[str, int] = {}
        self._sender = sender
        self._names = names
        self._raw_topic = raw_topic

    def send(self, name: str, pace: Pace, rate: float | None) -> bool:
        """Send the log `name`; True where a person ended it before its end."""
        lines_at_once = BATCH_LINES if rate is None else max(1, min(BATCH_LINES, int(rate / 4)))
        with (
            contextlib.closing(Log(name)) as log,
            progress.bytes_read("send", [name]) as report,
            Stop() as stop,
        ):
            for batch in stop.until_asked(log.batches(lines_at_once)):
                for at, line in enumerate(batch.lines):
                    if stop.asked:
                        break
                    while (seconds := pace.due_in()) and not stop.asked:
                        self._sender.wait(min(seconds, 0.2))
                    self._take(line, batch.numbers[at], at in batch.lengths)
                if report is not None:
                    report(log.bytes_read)
            self._sender.finish()
        return stop.asked

    def _take(self, line: bytes, number: int, cut: bool) -> None:
        if cut:
            return self._skip(TOO_LARGE, number)
        found = Route("", key_of(line)) if self._raw_topic else route(line)
        if isinstance(found, str):
            return self._skip(found, number)
        topic = self._raw_topic or self._names.input(found.event_type)
        if not self._sender.send(topic, found.key, line):
            self._skip(TOO_LARGE, number)

    def _skip(self, reason: str, number: int) -> None:
        self.skipped[reason] += 1
        self.first_lines.setdefault(reason, number)

    def told(self, seconds: float, stopped: bool) -> dict[str, Any]:
        """What was done, for people and programs."""
        delivered = self._sender.delivered
        return {
            "interrupted": stopped,
            "sent": delivered.total(),
            "by_topic": dict(sorted(delivered.items())),
            "skipped": dict(sorted(self.skipped.items())),
            "first_skipped_lines": self.first_lines,
            "keys_checked": self._sender.checked_count,
            "seconds": round(seconds, 3),
            "events_per_second": round(delivered.total() / seconds),
        }


def _text(told: dict[str, Any]) -> str:
    lines = [f"{told['sent']:,} sent in {told['seconds']:.1f} s, {told['events_per_second']:,}/s"]
    lines += [f"  {count:>10,}  {topic}" for topic, count in told["by_topic"].items()]
    for reason, count in told["skipped"].items():
        first = told["first_skipped_lines"][reason]
        lines.append(f"not sent: {count:,} {reason} (the first is line {first})")
    if told["keys_checked"]:
        lines.append(f"{told['keys_checked']:,} keys are where murmur2 puts them")
    if told["interrupted"]:
        lines.append("interrupted: the rest of the log was not sent")
    return "\n".join(lines)
