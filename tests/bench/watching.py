"""How far a consumer group has come, what that cost, and when there was nothing left to do.

Progress is what a group has committed, asked of the broker: the one thing that all contenders do
alike and that nobody can embellish.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

LOOK_EVERY_S = 0.1
ASK_MAX_S = 15
WARM_SHARE = 0.1  # of the log is consumed before the clock is started
SETTLED_S = 4.0  # longer than any contender waits between two commits


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when, what the worker and the broker had cost, and how far all had come."""

    at_s: float
    worker_cpu_s: float
    broker_cpu_s: float
    consumed: int  # of the inputs
    committed: int  # by all groups, of whatever they read: stands still once all is done


@dataclass(frozen=True, slots=True)
class Span:
    """What lay between two looks."""

    events: int
    wall_s: float
    worker_cpu_s: float
    broker_cpu_s: float


class Groups:
    """The committed offsets of some groups on one broker."""

    def __init__(self, bootstrap: str, groups: Sequence[str], inputs: Iterable[str]) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._groups = groups
        self._inputs = frozenset(inputs)

    def committed(self) -> tuple[int, int]:
        """Of the inputs, and of everything. A group that is not there yet has come nowhere."""
        asked = [
            next(iter(self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=ASK_MAX_S).values()))
            for group in self._groups
        ]  # fmt: skip
        consumed = everything = 0
        for future in asked:
            try:
                places = future.result().topic_partitions
            except KafkaException:  # its coordinator is only being found
                continue
            for place in places:
                if place.offset > 0:
                    everything += place.offset
                    consumed += place.offset if place.topic in self._inputs else 0
        return consumed, everything


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
        consumed, committed = groups.committed()
        now, cost = time.monotonic(), costs()
        if not looks or committed != looks[-1].committed:
            looks.append(Look(now, *cost, consumed, committed))
            moved_s = now
            report(min(consumed, total), total)
        if consumed >= total and now - moved_s > settled_s:
            return looks
        if now > deadline:
            raise TimeoutError(f"{consumed:,} of {total:,} events were consumed in {max_s:.0f} s")
        time.sleep(LOOK_EVERY_S)


def span(looks: Sequence[Look], total: int, timed: bool) -> Span:
    """The measured span: from the first look with a tenth of the log behind it to the last one
    that moved, which is the end of all work.

    Who commits by a timer (`timed`) would be charged for the wait for the last one: for such a
    contender the span ends at the newest commit before it, if some work lies between.
    ValueError where too little was seen.
    """
    warm = next((at for at, one in enumerate(looks) if one.consumed >= WARM_SHARE * total), None)
    if warm is None or warm == len(looks) - 1:
        raise ValueError("the log is too short to measure this contender")
    last = len(looks) - 1
    busy = max((at for at, one in enumerate(looks) if one.consumed < total), default=0)
    if timed and busy > warm:
        last = busy
    first, final = looks[warm], looks[last]
    return Span(
        final.consumed - first.consumed,
        final.at_s - first.at_s,
        final.worker_cpu_s - first.worker_cpu_s,
        final.broker_cpu_s - first.broker_cpu_s,
    )
