"""The service's loops in threads of the test's own process, on a real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from detector.memory import STAGES
from streams import settings
from streams.kafka_settings import KafkaSettings
from streams.replay import load
from streams.service.app import LOOPS, Options, loops_of
from streams.service.journal import Journal
from streams.service.warming import warm
from streams.topic_changes import check_topics
from streams.topics import CONTROL, LEARNER, TopicNames

DRAINED_MAX_S, STOP_MAX_S = 120.0, 30.0


class Service:
    """Loops that run; what ended one of them; what they told of their lives."""

    def __init__(
        self, bootstrap: str, stages: Sequence[str], is_rebuilt: bool, partitions: int | None
    ) -> None:
        self.kafka: KafkaSettings = settings.kafka(bootstrap)
        self._told = StringIO()
        self.partitions = partitions or check_topics(self.kafka)
        policy, rulebook = load(None, None)
        warm(policy, rulebook)
        options = Options(
            self.kafka, policy, rulebook, stages, self.partitions, Path(), is_rebuilt
        )  # fmt: skip
        self._loops = loops_of(options, Journal(self._told, in_words=False))
        self._threads = ThreadPoolExecutor(len(self._loops))
        self._runs = [self._threads.submit(loop.run) for loop in self._loops]

    def told(self, event: str) -> list[dict[str, Any]]:
        """The journal's lines of a kind."""
        lines = map(orjson.loads, self._told.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]

    def wait(self, is_so: Any, seconds: float = DRAINED_MAX_S) -> None:
        """Until a condition holds; what ended a loop meanwhile is raised here."""
        deadline_s = time.monotonic() + seconds
        while not is_so():
            for run in self._runs:
                if run.done():
                    run.result()
            assert time.monotonic() < deadline_s, f"not in {seconds} s:\n{self._told.getvalue()}"
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask all to end, and wait until they have."""
        for loop in self._loops:
            loop.stop()
        wait(self._runs, STOP_MAX_S)
        assert all(run.done() for run in self._runs)
        self._threads.shutdown()


@contextmanager
def serving(
    bootstrap: str, stages: Sequence[str] = LOOPS, is_rebuilt: bool = False,
    partitions: int | None = None,
) -> Iterator[Service]:  # fmt: skip
    """The service while entered; `partitions`: what it takes for their number, if not theirs."""
    service = Service(bootstrap, stages, is_rebuilt, partitions)
    try:
        yield service
    finally:
        service.stop()


def behind(kafka: KafkaSettings, partitions: int, stages: Sequence[str] = LOOPS) -> int:
    """In how many input partitions there is a record that its stage has not committed yet. Marks of
    transactions are none."""
    names, count = TopicNames(kafka.topic_prefix), 0
    for stage in stages:
        feed = "features" if stage == LEARNER else f"{stage}-in"
        inputs = names.inputs if stage == STAGES[0] else (names.internal(feed),)
        consumer = Consumer(
            {
                "bootstrap.servers": ",".join(kafka.bootstrap),
                "group.id": kafka.group_id(stage),
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "enable.auto.commit": False,  # we only look: the group is the service's
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
            }
        )
        try:
            numbers = range(1 if stage in (CONTROL, LEARNER) else partitions)
            places = [TopicPartition(topic, at) for topic in inputs for at in numbers]
            count += _more(consumer, _committed(consumer, places))
        finally:
            consumer.close()
    return count


def _committed(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    """Committed offsets; a fresh broker is asked again until it knows its groups."""
    while True:
        try:
            return consumer.committed(places, 10)
        except KafkaException as error:
            if error.args[0].code() not in (KafkaError.NOT_COORDINATOR,
                                            KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
                                            KafkaError.COORDINATOR_NOT_AVAILABLE):  # fmt: skip
                raise


def _more(consumer: Consumer, begins: list[TopicPartition]) -> int:
    """Of how many partitions there is more to read from these offsets on."""
    consumer.assign(
        [TopicPartition(p.topic, p.partition, max(p.offset, OFFSET_BEGINNING)) for p in begins]
    )
    told: dict[tuple[str, int], bool] = {}
    while len(told) < len(begins):
        for message in consumer.consume(1_000, 0.05):
            place = message.topic(), message.partition()
            told.setdefault(place, message.error() is None)
    return sum(told.values())


def drained(service: Service, stages: Sequence[str] = LOOPS) -> None:
    """Until a service has done all that is there."""
    service.wait(lambda: behind(service.kafka, service.partitions, stages) == 0)
