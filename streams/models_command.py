"""`lendwatch models`: what a replay needs to repeat a service's scores, as files: the versions of
models that were published, and which of them judged which event."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson

from detector.models.learner import Version, encoded
from detector.sealing import SealError, unsealed
from streams import settings
from streams.cluster import kafka_faults
from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.reading import reader_of
from streams.recorded import Control
from streams.topics import TopicNames


def run(arguments: argparse.Namespace) -> int:
    """Write them: versions in the order of their making."""
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    names = TopicNames(kafka.topic_prefix)
    versions: dict[bytes, Version] = {}
    with _records(kafka, names.internal("weights")) as records:
        for record in records:
            versions.pop(record.key, None)  # the newest stands last
            if record.value is not None:
                versions[record.key] = _version(record)
    _write("--out", arguments.out, encoded(list(versions.values())))
    told = {"versions": len(versions), "file": arguments.out}
    if arguments.controls is not None:
        with _records(kafka, names.decision) as records:
            lines = [msgspec.json.encode(_control(record)) for record in records]
        _write("--controls", arguments.controls, b"".join(line + b"\n" for line in lines))
        told |= {"decisions": len(lines), "controls": arguments.controls}
    if arguments.json:
        print(orjson.dumps(told).decode())
    else:
        print(", ".join(f"{name}: {value}" for name, value in told.items()))
    return 0


@contextmanager
def _records(kafka: KafkaSettings, topic: str) -> Iterator[Iterable[Any]]:
    with kafka_faults(kafka), reader_of(kafka, topic) as reader:
        reader.first()
        yield reader.to_end()


def _write(name: str, path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise Fault(f"{name}: {path}: cannot be written: {error.strerror}") from error


def _version(record: Any) -> Version:
    try:
        version: Version = unsealed(record.value, Version)
    except SealError as error:
        raise Fault(
            f"{record.topic}, offset {record.offset}: no version of models: {error}: use the"
            " release of lendwatch that wrote it"
        ) from error
    return version


def _control(record: Any) -> Control:
    decision = orjson.loads(record.value)
    number = int(decision["versions"]["models"] or 0)
    return Control(decision["question"], decision["event_id"], number)
