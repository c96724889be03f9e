"""From a stage's inputs to work: read, aligned, and in step with the other partitions.

An intake holds what was read and is in no transaction yet. It is all dropped when a partition
leaves; whoever has it next reads it again.

Partitions are kept in step by event time: when a backlog is worked off, one that ran ahead by more
than the lateness that the next stages allow would make all others' events too late there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from streams.service.alignment import (
    FOR_EVER,
    GRACE_MS,
    Alignment,
    Limits,
    Released,
    Times,
)  # fmt: skip
from streams.service.work import Work

# Records that wait of one input and partition before its reading is paused, and goes on again.
PAUSE_AT, RESUME_AT = 8_192, 2_048
KNOWN_FOR_MS = 200  # so long what is known of a drained partition is taken for true
Place = tuple[str, int]
Item = TypeVar("Item")


class Reads(Protocol[Item]):
    """What a stage's records are."""

    def read(self, messages: Sequence[Any]) -> tuple[Times, list[Item]]:
        """The event time by which each message's record is put in order, and the records."""
        ...

    def work(self, items: Sequence[Item], offsets: dict[str, int]) -> Work:
        """Records in order as one partition's work; by topic, the offset that comes after them."""
        ...


class Intake(Generic[Item]):
    """The inputs of a stage: `topics`, in whose order what happened at one time is taken."""

    def __init__(
        self, topics: Sequence[str], reads: Reads[Item], skew_max_ms: int,
        grace_ms: int = GRACE_MS,
    ) -> None:  # fmt: skip
        self._topics = tuple(topics)
        self._reads = reads
        self._skew_max_ms = skew_max_ms
        self._grace_ms = grace_ms
        self._aligned: dict[int, Alignment[Item]] = {}
        self._paused: set[Place] = set()

    def begin(self, number: int, offsets: Mapping[str, int]) -> None:
        """A partition has come; its inputs are read from here on."""
        one = self._aligned[number] = Alignment(self._topics, self._grace_ms)
        for topic in self._topics:
            one.begin_at(topic, offsets[topic])

    def leave(self, numbers: Iterable[int]) -> None:
        """Partitions have gone."""
        gone = set(numbers)
        for number in gone:
            self._aligned.pop(number, None)
        self._paused = {place for place in self._paused if place[1] not in gone}

    def take(
        self, messages: Sequence[Any], now_ms: int, ends: Iterable[tuple[str, int, int]] = ()
    ) -> None:  # fmt: skip
        """Messages have arrived, all of them records of partitions that are here.

        `ends`: topic, partition and offset to which reading has come after them, with nothing more
        to see before it.
        """
        if messages:
            self._take(messages, now_ms)
        for topic, number, position in ends:  # after the records, which lie before it
            if number in self._aligned:
                self._aligned[number].passed(topic, position)

    def _take(self, messages: Sequence[Any], now_ms: int) -> None:
        places: dict[Place, list[int]] = defaultdict(list)
        for at, message in enumerate(messages):
            places[message.topic(), message.partition()].append(at)
        times_ms, items = self._reads.read(messages)
        offsets = np.array([message.offset() for message in messages], np.int64)
        for (topic, number), own in places.items():
            records = [items[at] for at in own]
            self._aligned[number].add(topic, times_ms[own], offsets[own], records, now_ms)

    def ended(self, topic: str, number: int, end: int, asked_ms: int, answered_ms: int) -> None:
        """The end of an input, as it was asked for at a time and answered at another."""
        if number in self._aligned:
            self._aligned[number].ended(topic, end, asked_ms, answered_ms)

    @property
    def places(self) -> list[Place]:
        """The inputs, by topic and partition: their ends are to be asked for."""
        return [(topic, number) for number in self._aligned for topic in self._topics]

    def is_drained(self, number: int, now_ms: int) -> bool:
        """Whether a partition had nothing more to read a moment ago."""
        return self._aligned[number].is_drained_since(now_ms - 2 * KNOWN_FOR_MS)

    def position(self, topic: str, number: int) -> int:
        """The offset of an input that is read next."""
        return self._aligned[number].position_of(topic)

    def reached(self) -> dict[Place, int]:
        """Of each input, the place of the first record that is not taken: what waits counts back
        from where reading is."""
        return {
            (topic, number): one.position_of(topic) - one.waiting_of(topic)
            for number, one in self._aligned.items() for topic in self._topics
        }  # fmt: skip

    def full(self) -> tuple[list[Place], list[Place]]:
        """The inputs to pause, and those to go on with."""
        waiting = {
            (topic, number): one.waiting_of(topic)
            for number, one in self._aligned.items()
            for topic in self._topics
        }
        pausing = [at for at, n in waiting.items() if n > PAUSE_AT and at not in self._paused]
        resuming = [at for at in self._paused if waiting[at] < RESUME_AT]
        self._paused = (self._paused | set(pausing)) - set(resuming)
        return pausing, resuming

    def work(self, most: int) -> dict[int, Work]:
        """What can be worked on now, by partition, at most so many records in all.

        In as many steps as keep the partitions together: by event time, what one has in this may
        reach over what another has, as far as nothing more can come between.
        """
        released: dict[int, Released[Item]] = defaultdict(Released)
        before = most + 1
        while 0 < most < before:
            before, limits = most, self._limits()
            for number, one in self._aligned.items():
                some = one.release(most, limits)
                most -= len(some.items)
                released[number].add(some)
        return {
            number: self._reads.work(one.items, one.offsets)
            for number, one in released.items() if one.items
        }  # fmt: skip

    def _limits(self) -> Limits:
        full = [one for one in self._aligned.values() if one.waiting]
        empty = [one for one in self._aligned.values() if not one.waiting]
        if not full:
            return Limits()
        far_ms = min(one.come_ms for one in full)
        near_ms = min((one.come_ms for one in empty), default=far_ms)
        return Limits(
            near_ms=min(near_ms, far_ms) + self._skew_max_ms,
            far_ms=far_ms + self._skew_max_ms,
            sure_ms=min((one.sure_ms for one in empty), default=FOR_EVER),
        )

    @property
    def waiting(self) -> int:
        """Records that were read and wait."""
        return sum(one.waiting for one in self._aligned.values())
