"""One producer's transactions: records first, then the offsets, then the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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

    def write(self, records: Iterable[Outgoing], delivered: Delivered | None = None) -> None:
        """Write records; `delivered` is told where the last of them lies."""
        last: Outgoing | None = None
        for count, record in enumerate(records):
            if last is not None:
                self._produce(last)
            last = record
            if count % SERVE_EVERY == 0:
                self._producer.poll(0)
        if last is not None:
            self._produce(last, delivered)

    def _produce(self, record: Outgoing, delivered: Delivered | None = None) -> None:
        words: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
        if record.headers:
            words["headers"] = list(record.headers)
        if delivered is not None:
            words["on_delivery"] = delivered
        while True:
            try:
                self._producer.produce(record.topic, record.value, record.key, **words)
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
