"""One producer's transactions: records first, then the offsets, then the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaException, Producer, TopicPartition

from streams.kafka_settings import KafkaSettings
from streams.service.faulty import CALL_MAX_S, Patience
from streams.service.journal import LIBRARY
from streams.service.work import Outgoing
from streams.topics import LETTER_MAX_BYTES

Delivered = Callable[[Any, Any], None]
SERVE_EVERY: Final = 2_048


class Transactions:
    """A stage's producer."""

    def __init__(self, settings: KafkaSettings, stage: str, patience: Patience) -> None:
        self._patience = patience
        self._producer = Producer(
            settings.confluent_producer(stage)
            | {
                "logger": LIBRARY,
                "linger.ms": 5,
                "message.max.bytes": LETTER_MAX_BYTES,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 1 << 19,
            }
        )
        self._is_open = False

    def start(self) -> None:
        """Take the place of whoever had our name; what they left open is undone."""
        self._patience(self._producer.init_transactions, CALL_MAX_S)

    def begin(self) -> None:
        """Begin one."""
        self._producer.begin_transaction()
        self._is_open = True

    def write(self, records: Sequence[Outgoing], delivered: Delivered | None = None) -> None:
        """Write records; `delivered` is told where the last of them lies."""
        for begin in range(0, len(records), SERVE_EVERY):
            for record in records[begin : begin + SERVE_EVERY]:
                self._produce(record, delivered if record is records[-1] else None)
            self._producer.poll(0)

    def _produce(self, record: Outgoing, delivered: Delivered | None) -> None:
        topic, key, value, partition, headers = record
        while True:
            try:
                if headers:
                    self._producer.produce(topic, value, key, partition, headers=list(headers))
                elif delivered:
                    self._producer.produce(topic, value, key, partition, on_delivery=delivered)
                else:
                    self._producer.produce(topic, value, key, partition)
                return
            except BufferError:  # the broker is slower than we are
                self._producer.poll(0.05)

    def commit(self, offsets: list[TopicPartition], member: Any) -> None:
        """End it: with these offsets of the group in which `member` is one.

        Raises:
            KafkaException: it did not end so; `abort` it.
        """
        self._producer.flush(CALL_MAX_S)
        if offsets:
            self._patience(self._producer.send_offsets_to_transaction, offsets, member, CALL_MAX_S)
        self._patience(self._producer.commit_transaction, CALL_MAX_S)
        self._is_open = False

    def abort(self) -> None:
        """Undo what was begun, where something was.

        Raises:
            KafkaException: that is in doubt.
        """
        if not self._is_open:
            return
        self._is_open = False
        self._patience(self._producer.abort_transaction, CALL_MAX_S)

    def drop(self) -> None:
        """Let the producer go without a word to anybody."""
        try:
            self._producer.purge()
        except KafkaException:
            return  # nothing is left to be sent
