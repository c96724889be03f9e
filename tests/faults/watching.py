"""The groups' committed offsets, watched from outside: whether they go on, back, or are done."""

from __future__ import annotations

import threading
import time
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from detector.memory import STAGES
from streams.service.app import LOOPS
from streams.topics import CONTROL, TopicNames
from tests.waiting import wait_until

Place = tuple[str, int]
SAMPLE_EVERY_S: Final = 0.2
ASK_MAX_S: Final = 15.0
STEADY_S: Final = 1.5


class Groups:
    """The groups of a deployment, one a loop, and what they read."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        names = TopicNames(prefix)
        topics = {STAGES[0]: names.inputs} | {
            stage: (names.internal(f"{stage}-in"),) for stage in LOOPS[1:]
        }
        self.places: dict[str, list[Place]] = {
            stage: [
                (topic, k) for topic in its for k in range(1 if stage == CONTROL else partitions)
            ]
            for stage, its in topics.items()
        }
        common = {"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 1_000}
        self._admin = AdminClient(common)
        # Consumers that never join. The admin client's question for a group's offsets crashes
        # librdkafka 2.x while a coordinator is being found.
        self._asking = {
            stage: Consumer(common | {"group.id": f"{prefix}-{stage}", "enable.auto.commit": False,
                                      "isolation.level": "read_uncommitted"})
            for stage in LOOPS
        }  # fmt: skip

    def committed(self, stage: str) -> dict[Place, int]:
        """Committed offsets of a stage; 0 where there is none yet.

        Raises:
            KafkaException: no broker could say.
        """
        asked = [TopicPartition(*place) for place in self.places[stage]]
        found = self._asking[stage].committed(asked, timeout=ASK_MAX_S)
        for one in found:
            if one.error:
                raise KafkaException(one.error)
        return {(one.topic, one.partition): max(0, one.offset) for one in found}

    def ends(self, stage: str) -> dict[Place, int]:
        """Where a stage's inputs end, for a reader of what is committed."""
        asked = {TopicPartition(*place): OffsetSpec.latest() for place in self.places[stage]}
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ASK_MAX_S
        )
        return {(at.topic, at.partition): one.result().offset for at, one in answers.items()}

    def lag(self, stage: str) -> int:
        """Offsets between what is committed and the ends; marks of transactions count."""
        committed = self.committed(stage)
        return sum(max(0, end - committed[place]) for place, end in self.ends(stage).items())

    def is_drained(self) -> bool:
        """Whether no group has a record left to read, as far as the brokers can say. Asked in the
        order of an event's way: what one stage had left, the next one would not yet show."""
        try:
            return not any(self._has_left(stage) for stage in LOOPS)
        except KafkaException:
            return False

    def _has_left(self, stage: str) -> bool:
        """Whether any committed record lies behind the committed offsets."""
        committed, ends = self.committed(stage), self.ends(stage)
        behind = [place for place, end in ends.items() if end > committed[place]]
        if not behind:
            return False
        if stage == STAGES[0]:
            return True  # nobody writes its inputs in transactions
        return any(True for _ in records(self.bootstrap, {at: committed[at] for at in behind}, 1))

    def wait_drained(self, most_s: float) -> float:
        """Until all groups are done and stay so; the seconds that it took."""
        began_s = time.monotonic()
        steady_s = 0.0

        def is_steady() -> bool:
            nonlocal steady_s
            if not self.is_drained():
                steady_s = 0.0
            elif not steady_s:
                steady_s = time.monotonic()
            return bool(steady_s) and time.monotonic() - steady_s > STEADY_S

        wait_until(is_steady, most_s, "all groups at the ends of what they read")
        return time.monotonic() - began_s


def records(bootstrap: str, begins: Mapping[Place, int], most: int = 0) -> Iterable[Any]:
    """The committed records from these places to the ends, at most so many (0: all)."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap, "group.id": "nobody", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True,
            "auto.offset.reset": "earliest", "fetch.message.max.bytes": 8 << 20,
            "fetch.wait.max.ms": 50,
        }
    )  # fmt: skip
    try:
        consumer.assign([TopicPartition(*at, begin or OFFSET_BEGINNING)
                         for at, begin in begins.items()])  # fmt: skip
        reading, count = set(begins), 0
        until_s = time.monotonic() + 120
        while reading:
            assert time.monotonic() < until_s, f"cannot be read to the end: {sorted(reading)[:3]}"
            for message in consumer.consume(5_000, 0.2):
                error = message.error()
                if error is None:
                    count += 1
                    yield message
                    if count == most:
                        return
                elif error.code() == KafkaError._PARTITION_EOF:
                    reading.discard((message.topic(), message.partition()))
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


class Watch:
    """Samples the offsets of some stages in a thread of its own while entered."""

    def __init__(self, groups: Groups, stages: Sequence[str] = (STAGES[0],)) -> None:
        self.samples: list[tuple[float, dict[Place, int]]] = []
        self.went_back: list[str] = []
        self.unanswered: Counter[str] = Counter()
        self._groups = groups
        self._stages = stages
        self._newest: dict[tuple[str, Place], int] = defaultdict(int)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def done(self, partitions: Iterable[int], at_s: float) -> int:
        """The records of the first stage's partitions committed by a time (seconds of the epoch),
        as the last sample before it shows."""
        wanted = set(partitions)
        after = bisect(self.samples, at_s, key=lambda sample: sample[0])
        if not after:
            return 0
        return sum(offset for (_, k), offset in self.samples[after - 1][1].items() if k in wanted)

    def newest(self, partitions: Iterable[int]) -> int:
        """The same, by now."""
        return self.done(partitions, time.time())

    def _run(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            for stage in self._stages:
                try:
                    offsets = self._groups.committed(stage)
                except KafkaException as error:  # brokers are among what is hurt
                    self.unanswered[error.args[0].name()] += 1
                    continue
                for place, offset in offsets.items():
                    if offset < self._newest[stage, place]:
                        self.went_back.append(
                            f"{stage} {place}: {self._newest[stage, place]} -> {offset}"
                        )
                    self._newest[stage, place] = offset
                if stage == STAGES[0]:
                    self.samples.append((time.time(), offsets))
