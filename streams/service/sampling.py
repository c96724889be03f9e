"""Whether producers put accounts where they belong: a look at a few of the records that arrive.

Every producer must choose a key's partition as Java's clients do (murmur2). One that does not, puts
an account's events on two partitions, and nothing would complain.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.reading import reader_of
from streams.routing import key_of, partition_of
from streams.service.journal import Journal

LOOK_EVERY_S: Final = 1.0
TELL_EVERY_S: Final = 60.0
NEWEST: Final = 20  # records of each partition that are looked at before the start
STRAYS_MIN: Final = 3  # so many are no accident of one hand-made record
CURE: Final = "set `partitioner=murmur2_random` (librdkafka) at its producers"


def is_stray(value: bytes | None, number: int, partitions: int) -> bool | None:
    """Whether a record lies on another partition than its account's; None: it tells no account."""
    key = key_of(value) if value else None
    return None if key is None else partition_of(key, partitions) != number


def refuse_strays(settings: KafkaSettings, topics: Sequence[str], partitions: int) -> None:
    """Look at the newest records of each input.

    Raises:
        Fault: some lie where their accounts do not belong.
    """
    for topic in topics:
        with reader_of(settings, topic) as reader:
            reader.last(NEWEST)
            found = Counter(
                is_stray(record.value, record.partition, partitions) for record in reader.to_end()
            )
        if found[True] >= STRAYS_MIN and found[True] * 10 > found[False]:
            raise Fault(
                f"{topic}: {found[True]} of {found[True] + found[False]} records looked at lie on"
                f" partitions where their accounts do not belong: {CURE}"
            )


class Sampler:
    """Looks at one record a partition now and then while the service runs, and says what is off."""

    def __init__(
        self, partitions: int, journal: Journal, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.strays: Counter[str] = Counter()
        self._partitions = partitions
        self._journal = journal
        self._clock_s = clock_s
        self._look_at_s = 0.0
        self._tell_at_s = 0.0

    def look(self, messages: Sequence[Any]) -> None:
        """Look at the newest of these messages of each input."""
        now_s = self._clock_s()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_EVERY_S
        for message in {message.topic(): message for message in messages}.values():
            self.strays[message.topic()] += bool(
                is_stray(message.value(), message.partition(), self._partitions)
            )
        strays = {topic: count for topic, count in self.strays.items() if count}
        if strays and now_s >= self._tell_at_s:
            self._tell_at_s = now_s + TELL_EVERY_S
            self._journal.tell("stray_records", "error", of=strays, cure=CURE)
