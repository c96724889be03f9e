"""`lendwatch dlq redrive`: dead letters sent again to the topics that they came from.

A letter stays where it is: the topic is a log. Sending one twice does no harm to what is judged:
the service knows an event by its `event_id` and drops the second; a letter whose event is still no
event becomes a letter once more, with its count of attempts.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from kafka import KafkaProducer

from streams.cluster import kafka_faults
from streams.dead_letters import DeadLetter
from streams.dlq_command import kafka_of, selected
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.plain_text import plain
from streams.topics import LETTER_MAX_BYTES, TopicNames

EXIT_LEFT = 1
ACKNOWLEDGED_MAX_S = 60


def run(arguments: argparse.Namespace) -> int:
    """Send the selected letters again; tell what was left out and why."""
    if not (arguments.places or arguments.reason or arguments.topic or arguments.all):
        raise Fault("name the dead letters: PARTITION:OFFSET, --reason, --topic, or --all")
    kafka = kafka_of(arguments)
    inputs = TopicNames(kafka.topic_prefix).inputs
    sent, left = 0, Counter[str]()
    failed: list[BaseException] = []
    with kafka_faults(kafka):
        producer = _producer(kafka)
        try:
            for letter in selected(kafka, arguments):
                if why := _why_not(letter, inputs, arguments.max_attempts):
                    left[why] += 1
                    continue
                sent += 1
                if not arguments.dry_run:
                    answer = producer.send(
                        letter.topic, letter.value, letter.key, headers=letter.again()
                    )
                    answer.add_errback(failed.append)
            producer.flush(timeout=ACKNOWLEDGED_MAX_S)
        finally:
            producer.close()
    if failed:
        raise Fault(f"{len(failed)} of {sent} were refused: {type(failed[0]).__name__}")
    _tell_redriven(arguments, sent, left)
    return EXIT_LEFT if left else 0


def _tell_redriven(arguments: argparse.Namespace, sent: int, left: Counter[str]) -> None:
    if arguments.json:
        told = {"dry_run": arguments.dry_run, "sent": sent, "left_out": dict(left)}
        print(json.dumps(told))
        return
    print(f"{sent:,} {'would be sent' if arguments.dry_run else 'sent'} again")
    for why, count in left.most_common():
        print(f"{count:,} left out: {why}")


def _why_not(letter: DeadLetter, inputs: tuple[str, ...], max_attempts: int) -> str | None:
    # A header is what its writer says. It must not make this tool write wherever it likes.
    if letter.topic not in inputs:
        return f"came from no input topic ({plain(letter.topic) or 'none told'})"
    if letter.attempt >= max_attempts:
        return f"was sent again {letter.attempt} times already"
    return None


def _producer(kafka: KafkaSettings) -> Any:
    """kafka-python's: idempotent, acknowledged by all replicas, murmur2, unless told otherwise."""
    return KafkaProducer(
        **kafka.kafka_python(), acks="all", enable_idempotence=True, linger_ms=5,
        max_request_size=LETTER_MAX_BYTES,
    )  # fmt: skip
