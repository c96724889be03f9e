"""`lendwatch dlq list` and `show`: what could not be read, and why."""

from __future__ import annotations

import argparse
import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from streams import settings
from streams.dead_letters import DeadLetter
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.plain_text import plain
from streams.reading import reader_of
from streams.times import iso
from streams.topics import TopicNames

EXIT_NONE = 1


def run_list(arguments: argparse.Namespace) -> int:
    """Count the letters by reason and topic, and list the newest."""
    if arguments.last < 0:
        raise Fault("--last: 0 or more")
    counts: Counter[tuple[str, str]] = Counter()
    newest: list[DeadLetter] = []
    for letter in selected(kafka_of(arguments), arguments):
        counts[letter.reason, letter.topic] += 1
        newest.append(letter)
        if len(newest) > 2 * arguments.last + 1_000:
            newest = _newest(newest, arguments.last)
    listed = [letter.told() for letter in _newest(newest, arguments.last)]
    if arguments.json:
        by = [{"reason": r, "topic": t, "count": n} for (r, t), n in sorted(counts.items())]
        print(json.dumps({"total": counts.total(), "counts": by, "newest": listed}))
        return 0
    print(f"{counts.total():,} dead letters")
    for (reason, topic), count in counts.most_common():
        print(f"{count:>10,}  {plain(reason) or 'no reason told'}  of {plain(topic) or '?'}")
    for told in listed:
        print(_line(told))
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Show one letter; its value only where it is asked for."""
    kafka = kafka_of(arguments)
    partition, offset = _place(arguments.place)
    with reader_of(kafka, TopicNames(kafka.topic_prefix).dead_letter) as reader:
        record = reader.at(partition, offset)
    if record is None:
        print("null" if arguments.json else f"no dead letter at {arguments.place}")
        return EXIT_NONE
    letter = DeadLetter.of(record)
    told = letter.told()
    if arguments.value:
        told["value_base64"] = base64.b64encode(letter.value or b"").decode()
    if arguments.json:
        print(json.dumps(told))
        return 0
    for name, value in told.items():
        if name != "value_base64":
            print(f"{name:<12} {iso(value) if name == 'at' else plain(str(value))}")
    if arguments.value:
        print(f"{'value':<12} {plain((letter.value or b'').decode('utf-8', 'backslashreplace'))}")
    return 0


def selected(kafka: KafkaSettings, arguments: argparse.Namespace) -> Iterator[DeadLetter]:
    """The letters that the arguments mean, oldest first in each partition."""
    places = [_place(place) for place in getattr(arguments, "places", [])]
    with reader_of(kafka, TopicNames(kafka.topic_prefix).dead_letter) as reader:
        if places:
            found = [(place, reader.at(*place)) for place in dict.fromkeys(places)]
            if missing := [place for place, record in found if record is None]:
                partition, offset = missing[0]
                raise Fault(f"no dead letter at {partition}:{offset}")
            records: Iterator[Any] = (record for _, record in found)
        else:
            reader.first()
            records = reader.to_end()
        for letter in map(DeadLetter.of, records):
            if _meant(letter, arguments):
                yield letter


def _meant(letter: DeadLetter, arguments: argparse.Namespace) -> bool:
    reason, topic = getattr(arguments, "reason", None), getattr(arguments, "topic", None)
    return reason in (None, letter.reason) and topic in (None, letter.topic)


def _newest(letters: list[DeadLetter], count: int) -> list[DeadLetter]:
    return sorted(letters, key=lambda one: one.timestamp_ms)[max(0, len(letters) - count) :]


def _line(told: dict[str, Any]) -> str:
    again = f", sent again {told['attempt']} times" if told["attempt"] else ""
    return (
        f"{told['place']:>10}  {iso(told['at'])}  {plain(told['reason'])}: {plain(told['message'])}"
        f" ({plain(told['topic'])} {plain(told['source'])}, {told['value_bytes']:,} bytes{again})"
    )


def _place(told: str) -> tuple[int, int]:
    if not re.fullmatch("[0-9]{1,9}:[0-9]{1,18}", told):
        raise Fault(f"{told!r} is no place: it is PARTITION:OFFSET, as `lendwatch dlq list` says")
    partition, _, offset = told.partition(":")
    return int(partition), int(offset)


def kafka_of(arguments: argparse.Namespace) -> KafkaSettings:
    """How to reach Kafka, as the command line and the environment say."""
    return settings.kafka(arguments.bootstrap, arguments.insecure_dev)
