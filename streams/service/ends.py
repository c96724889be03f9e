"""Where inputs end, asked of the broker while the loop goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.kafka_settings import KafkaSettings
from streams.service.journal import LIBRARY

ASK_MAX_S: Final = 5.0


class Ends:
    """One question at a time: the ends of some inputs, as a careful reader sees them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._admin = AdminClient(settings.confluent() | {"logger": LIBRARY})
        self._asked: dict[Any, Future[Any]] = {}
        self._asked_ms = 0

    @property
    def is_asking(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._asked)

    def ask(self, places: Iterable[tuple[str, int]], now_ms: int) -> None:
        """Ask, where no question is open."""
        wanted = {TopicPartition(*place): OffsetSpec.latest() for place in places}
        if wanted and not self._asked:
            self._asked_ms = now_ms
            self._asked = self._admin.list_offsets(
                wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ASK_MAX_S
            )

    def answer(self, take: Callable[[str, int, int, int], None]) -> None:
        """Give the answer on, if it is there: topic, partition, end, when it was asked.

        A broker that cannot answer is asked again; nothing goes on meanwhile.
        """
        if not self._asked or not all(one.done() for one in self._asked.values()):
            return
        asked, self._asked = self._asked, {}
        for place, one in asked.items():
            try:
                take(place.topic, place.partition, one.result().offset, self._asked_ms)
            except KafkaException:
                continue
