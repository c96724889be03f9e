"""A partition's state made anew from its inputs, where its changelog cannot be used.

The inputs are read from their beginning to what is committed, and taken in silence: all that is
said of them was said before. What the inputs no longer hold (they are kept for a week) is lost to
the state. The new state is written with its form last: one that was left half written is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from detector.state import Record
from streams.service.changelog import Changelog, Interrupted, reading
from streams.service.intake import Intake
from streams.service.journal import Journal
from streams.service.partition import FORM_KEY, Partition
from streams.service.transaction import Transactions

WRITE_MOST: Final = 20_000  # records in one transaction
READ_MOST, POLL_S, ASK_MAX_S = 10_000, 0.2, 30.0


class Rebuilding:
    """Makes partitions of one stage anew, each once in the life of the process."""

    def __init__(
        self, stage: str, topics: Sequence[str], changelog: Changelog, journal: Journal,
        make: Callable[[int], Partition], make_intake: Callable[[], Intake[Any]],
        is_stopping: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._stage = stage
        self._topics = topics
        self._changelog = changelog
        self._journal = journal
        self._make = make
        self._make_intake = make_intake
        self._is_stopping = is_stopping
        self._done: set[int] = set()

    def rebuild(
        self, numbers: Sequence[int], committed: Mapping[tuple[str, int], int],
        transactions: Transactions, member: Any,
    ) -> None:  # fmt: skip
        """Rebuild those of these partitions that were not rebuilt yet, into the changelog, as the
        `member` of the group that owns them."""
        for number in numbers:
            if number in self._done:
                continue
            began_s = time.monotonic()
            state, events = self._made_anew(number, committed)
            ((_, read),) = self._changelog.each({number: 0})
            taken = [k for k, _ in read.records.settled().items() if k != FORM_KEY]
            offsets = [TopicPartition(topic, number, committed[topic, number])
                       for topic in self._topics if committed[topic, number] >= 0]  # fmt: skip
            for some in _portions(taken, state):
                transactions.begin()
                transactions.write_state(self._changelog.topic, number, some, _delivered)
                transactions.commit(offsets, member)  # the same: who owns it no more is refused
            self._done.add(number)
            self._journal.tell(
                "rebuilt", stage=self._stage, partition=number, records=events,
                seconds=round(time.monotonic() - began_s, 3),
            )  # fmt: skip

    def _made_anew(
        self, number: int, committed: Mapping[tuple[str, int], int]
    ) -> tuple[dict[bytes, bytes | None], int]:
        """The state's newest values by key, and how many records it rests on."""
        partition, intake = self._make(number), self._make_intake()
        consumer = Consumer(reading(self._changelog.settings))
        state: dict[bytes, bytes | None] = {}
        try:
            begins, ends = self._bounds(consumer, number, committed)
            intake.begin(number, begins)
            consumer.assign([TopicPartition(t, number, begins[t]) for t in self._topics])
            left = {topic for topic in self._topics if begins[topic] < ends[topic]}
            count = 0
            while left or intake.waiting:
                now_ms = time.time_ns() // 1_000_000
                count += self._read(consumer, intake, number, ends, left, now_ms)
                for topic in self._topics:
                    intake.ended(topic, number, ends[topic], now_ms + (1 << 40), now_ms)
                for work in intake.work(READ_MOST).values():
                    state |= partition.absorb(work)
        finally:
            consumer.close()
        return state, count

    def _bounds(
        self, consumer: Consumer, number: int, committed: Mapping[tuple[str, int], int]
    ) -> tuple[dict[str, int], dict[str, int]]:
        begins, ends = {}, {}
        for topic in self._topics:
            low, _ = consumer.get_watermark_offsets(TopicPartition(topic, number), ASK_MAX_S)
            begins[topic] = low
            ends[topic] = max(low, committed[topic, number])
        return begins, ends

    def _read(
        self, consumer: Consumer, intake: Intake[Any], number: int, ends: Mapping[str, int],
        left: set[str], now_ms: int,
    ) -> int:  # fmt: skip
        """Read some more; topics that are read to their ends are no longer `left`."""
        if self._is_stopping():
            raise Interrupted
        if not left:
            return 0
        records: list[Any] = []
        passed: list[tuple[str, int, int]] = []
        messages: list[Any] = list(consumer.consume(READ_MOST, POLL_S))
        for message in messages:
            topic, error = message.topic(), message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if error is None and message.offset() < ends[topic]:
                records.append(message)
            position = message.offset() + (error is None)
            if position >= ends[topic]:
                left.discard(topic)
            if error is not None:
                passed.append((topic, number, position))
        intake.take(records, now_ms, passed)
        return len(records)


def _portions(taken: Sequence[bytes], state: dict[bytes, bytes | None]) -> Iterator[list[Record]]:
    """First the form is taken away, then all else written; the form last, so that half of it is
    refused."""
    form = state.pop(FORM_KEY, None)
    yield [(FORM_KEY, None)]
    records = iter([*((key, None) for key in taken if key not in state), *state.items()])
    while some := list(islice(records, WRITE_MOST)):
        yield some
    if form is not None:
        yield [(FORM_KEY, form)]


def _delivered(error: Any, message: Any) -> None:
    """The commit tells whether all was."""
