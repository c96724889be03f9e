"""How far a consumer group has come, what that cost, and when there was nothing left to do.

Progress is what a group has committed, asked of the broker: the one thing that all contenders do
alike and that nobody can embellish.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

LOOK_EVERY_S = 0.1
ASK_MAX_S = 15
SETTLED_S = 7.0  # longer than any contender waits between two commits


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when, what the worker and the broker had cost, and how far all had come."""

    at_s: float
    worker_cpu_s: float
    broker_cpu_s: float
    consumed: int  # of the inputs
    committed: tuple[int, ...]  # by each group: stands still once all is done


@dataclass(frozen=True, slots=True)
class Span:
    """What lay between two looks."""

    events: int
    wall_s: float
    worker_cpu_s: float
    broker_cpu_s: float

    @property
    def per_wall_s(self) -> float:
        """Events a second."""
        return self.events / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        """Events a second of the worker's processor time: what one core carries."""
        return self.events / self.worker_cpu_s


@dataclass(frozen=True, slots=True)
class Standing:
    """How far each group has come: offsets over all partitions, of the inputs and in all."""

    consumed: int  # of the inputs, by the first group
    committed: tuple[int, ...]  # of all that it reads, by each group


class Groups:
    """The committed offsets of some groups on one broker; the first consumes the inputs."""

    def __init__(self, bootstrap: str, groups: Sequence[str], inputs: Iterable[str]) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
        self._groups = groups
        self._inputs = frozenset(inputs)

    def standing(self) -> Standing:
        """How far they have come now. A group that is not there yet has come nowhere."""
        asked = [self._asked(group) for group in self._groups]
        places = [self._places(future) for future in asked]
        consumed = sum(place.offset for place in places[0] if place.topic in self._inputs)
        return Standing(consumed, tuple(sum(one.offset for one in own) for own in places))

    def _asked(self, group: str) -> Any:
        wanted = [ConsumerGroupTopicPartitions(group)]
        return self._admin.list_consumer_group_offsets(wanted, request_timeout=ASK_MAX_S)[group]

    def _places(self, future: Any) -> list[TopicPartition]:
        try:
            found = future.result().topic_partitions
        except KafkaException:  # its coordinator is only being found
            return []
        return [place for place in found if place.offset > 0]


def ends(bootstrap: str, topics: Iterable[str]) -> int:
    """How many offsets there are in some topics, over all partitions."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-ends"})
    try:
        known = consumer.list_topics(timeout=ASK_MAX_S).topics
        return sum(
            consumer.get_watermark_offsets(TopicPartition(topic, number), ASK_MAX_S)[1]
            for topic in topics
            for number in known[topic].partitions
        )
    finally:
        consumer.close()


def watch(
    groups: Groups,
    total: int,
    costs: Callable[[], tuple[float, float]],
    max_s: float,
    report: Callable[[int, int], None],
    settled_s: float = SETTLED_S,
) -> list[Look]:
    """Looks until all inputs are consumed and nothing has moved for `settled_s`.

    `costs` gives the processor seconds of worker and broker, and raises where one has died;
    `report` hears of progress.
    TimeoutError after `max_s`.
    """
    looks: list[Look] = []
    deadline = time.monotonic() + max_s
    moved_s = time.monotonic()
    while True:
        seen = groups.standing()
        now, cost = time.monotonic(), costs()
        if not looks or seen.committed != looks[-1].committed:
            looks.append(Look(now, *cost, seen.consumed, seen.committed))
            moved_s = now
            report(min(seen.consumed, total), total)
        if seen.consumed >= total and now - moved_s > settled_s:
            return looks
        if now > deadline:
            raise TimeoutError(
                f"{seen.consumed:,} of {total:,} events were consumed in {max_s:.0f} s"
            )
        time.sleep(LOOK_EVERY_S)


def whole_span(looks: Sequence[Look], warm: int) -> Span:
    """From the first look with `warm` events consumed to the end of all work. ValueError where too
    little was seen."""
    return _between(looks[_first_warm(looks, warm)], looks[-1])


def busy_span(looks: Sequence[Look], total: int, warm: int) -> Span:
    """The same, up to the last commit before the inputs' end: who commits by a timer would else be
    charged with the wait for it. The whole span where nothing lies between."""
    first = _first_warm(looks, warm)
    busy = max(at for at, one in enumerate(looks) if one.consumed < total)
    return _between(looks[first], looks[busy if busy > first else -1])


def _first_warm(looks: Sequence[Look], warm: int) -> int:
    for at, one in enumerate(looks[:-1]):
        if one.consumed >= warm:
            return at
    raise ValueError("the log is too short to measure this contender")


def _between(first: Look, last: Look) -> Span:
    return Span(
        last.consumed - first.consumed,
        last.at_s - first.at_s,
        last.worker_cpu_s - first.worker_cpu_s,
        last.broker_cpu_s - first.broker_cpu_s,
    )
