"""A log's lines into Kafka in the log's order: idempotent, acknowledged by all replicas, paced.

By confluent-kafka and not kafka-python, which hashes and packs each record in Python: a tenth of
the speed (README.md has the figures).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.routing import partition_of
from streams.topics import RECORD_MAX_BYTES

DELIVERY_MAX_S = 60
POLL_EVERY = 256  # sends between looks at what was delivered


class Sender:
    """Sends records and counts what was delivered; the first failure ends it, for order's sake."""

    def __init__(
        self, settings: KafkaSettings, partitions: Mapping[str, int], key_check: bool = False
    ) -> None:
        self.delivered: Counter[str] = Counter()
        self.checked_count = 0
        self._partitions = partitions if key_check else {}
        self._failure = ""
        self._sent_count = 0
        self._producer = Producer(
            settings.confluent_producer()
            | {
                "linger.ms": 5,
                "message.max.bytes": RECORD_MAX_BYTES,
                "delivery.timeout.ms": DELIVERY_MAX_S * 1000,
                "logger": _Silent(),
            }
        )

    def send(self, topic: str, key: bytes | None, value: bytes) -> bool:
        """Give a record to the producer; False where it is too large for Kafka to take."""
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._took)
                break
            except BufferError:  # the broker is slower than we are
                self.wait(0.05)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    return False
                raise Fault(f"{topic}: {error.args[0].str()}") from error
        self._sent_count += 1
        if self._sent_count % POLL_EVERY == 0:
            self.wait(0)
        return True

    def wait(self, seconds: float) -> None:
        """Let time pass while deliveries are taken note of; Fault once one has failed."""
        self._producer.poll(seconds)
        if self._failure:
            raise Fault(self._failure)

    def finish(self) -> None:
        """Until all that was sent is delivered."""
        left = self._producer.flush(DELIVERY_MAX_S + 5)
        if left and not self._failure:
            self._failure = f"{left} records were not acknowledged in {DELIVERY_MAX_S} s"
        if self._failure:
            raise Fault(self._failure)

    def _took(self, error: KafkaError | None, message: Message) -> None:
        topic = str(message.topic())
        if error is not None:
            delivered = self.delivered.total()
            self._failure = self._failure or f"{topic}: {error.str()}; delivered: {delivered:,}"
            return
        self.delivered[topic] += 1
        key, count = message.key(), self._partitions.get(topic)
        if count and isinstance(key, bytes):
            self.checked_count += 1
            if message.partition() != partition_of(key, count):
                self._failure = (
                    f"{topic}: a key went to partition {message.partition()} of {count} and belongs"
                    f" to {partition_of(key, count)}: the producer does not use murmur2"
                )


class Pace:
    """So many sends a second, evenly."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._began = time.monotonic()
        self._count = 0

    def due_in(self) -> float:
        """Seconds until the next send is due; 0 once it is, and then the one after is next."""
        if self._rate is None:
            return 0.0
        seconds = self._began + self._count / self._rate - time.monotonic()
        if seconds > 0:
            return seconds
        self._count += 1
        return 0.0


class _Silent:
    """A logger for a library whose failures we tell in our own words."""

    def log(self, *_words: Any, **_named: Any) -> None:
        """Say nothing."""
