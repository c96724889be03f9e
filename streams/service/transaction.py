"""One producer's transactions: records first, then the offsets, then the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from detector.state import Record
from streams.kafka_settings import KafkaSettings
from streams.service.faulty import CALL_MAX_S, Aside, Patience
from streams.service.journal import LIBRARY
from streams.service.work import Outgoing
from streams.topics import STATE_MAX_BYTES

Delivered = Callable[[Any, Any], None]
SERVE_EVERY: Final = 2_048


class Transactions:
    """A stage's producer."""

    def __init__(
        self, settings: KafkaSettings, stage: str, patience: Patience, aside: Aside
    ) -> None:
        self._patience = patience
        self._aside = aside
        self._producer = Producer(
            settings.confluent_producer(stage)
            | {
                "logger": LIBRARY,
                "linger.ms": 5,
                "message.max.bytes": STATE_MAX_BYTES,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 1 << 19,
            }
        )
        self._is_open = False

    def start(self) -> None:
        """Take the place of whoever had our name; what they left open is undone."""
        self._call(self._producer.init_transactions, CALL_MAX_S)

    def begin(self) -> None:
        """Begin one."""
        self._producer.begin_transaction()
        self._is_open = True

    def write(self, records: Iterable[Outgoing]) -> None:
        """Write records, each for its topic."""
        for count, record in enumerate(records, 1):
            self._produce(record)
            if count % SERVE_EVERY == 0:
                self._producer.poll(0)

    def _produce(self, record: Outgoing) -> None:
        topic, key, value, partition, headers = record
        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=list(headers))
                return
            except BufferError:  # the broker is slower than we are
                self._producer.poll(0.05)
            except KafkaException as error:
                raise self._told_why(error.args[0]) from error

    def write_state(
        self, topic: str, partition: int, records: Sequence[Record], delivered: Delivered
    ) -> None:  # fmt: skip
        """Write records of a state, of no key two; `delivered` is told where the last one lies."""
        messages: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in records]
        messages[-1]["callback"] = delivered
        for begin in range(0, len(messages), SERVE_EVERY):
            self._produce_all(topic, partition, messages[begin : begin + SERVE_EVERY])
            self._producer.poll(0)

    def _produce_all(self, topic: str, partition: int, messages: list[dict[str, Any]]) -> None:
        """At once: several records an event, each at half of what `produce` costs."""
        while self._producer.produce_batch(topic, messages, partition) < len(messages):
            messages = [one for one in messages if "_error" in one]
            for one in messages:
                error = one.pop("_error")
                if error.code() != KafkaError._QUEUE_FULL:
                    raise self._told_why(error)
            self._producer.poll(0.05)  # the broker is slower than we are

    def _told_why(self, error: KafkaError) -> KafkaException:
        """What to raise for an error of a record. Of a transaction that has failed before, the
        library says so (`_STATE`) and not why; asked to commit it, it refuses and says why."""
        if error.code() == KafkaError._STATE:
            try:
                self._producer.commit_transaction(CALL_MAX_S)
            except KafkaException as why:
                return why
        return KafkaException(error)

    def commit(self, offsets: list[TopicPartition], member: Any) -> None:
        """End it: with these offsets of the group in which `member` is one.

        Raises:
            KafkaException: it did not end so; `abort` it.
        """
        self._producer.flush(CALL_MAX_S)
        if offsets:
            self._call(self._producer.send_offsets_to_transaction, offsets, member, CALL_MAX_S)
        self._call(self._producer.commit_transaction, CALL_MAX_S)
        self._is_open = False

    def abort(self) -> bool:
        """Undo what was begun, where something was: whether there was.

        Raises:
            KafkaException: that is in doubt.
        """
        if not self._is_open or self._aside.is_lost:
            return False  # a lost one is undone by whoever takes our place, ourselves as a rule
        self._is_open = False
        self._call(self._producer.abort_transaction, CALL_MAX_S)
        return True

    def drop(self) -> None:
        """Let the producer go without a word to anybody."""
        self._aside.close()
        if self._aside.is_lost:
            return
        try:
            self._producer.purge()
        except KafkaException:
            return  # nothing is left to be sent

    def _call(self, call: Callable[..., object], *arguments: object) -> None:
        self._patience(self._aside, call, *arguments)
