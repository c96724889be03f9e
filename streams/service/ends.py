"""Where inputs end, asked of the broker again and again beside the loop, by a thread of its own.

A loop is in a transaction for most of the time; what it needs to know when it is out of it, has
been asked for by then.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.kafka_settings import KafkaSettings
from streams.service.journal import LIBRARY

ASK_MAX_S: Final = 5.0
HURRY_S, IDLE_S = 0.02, 0.2  # between two questions: while something waits for an answer, and else
ANSWERS_MAX: Final = 256  # the newest ones; older ones say nothing that these do not

Place = tuple[str, int]
Take = Callable[[str, int, int, int, int], None]


class Ends:
    """Asks for the ends of some inputs, as a careful reader sees them, until it is closed."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._settings = settings
        self._places: tuple[Place, ...] = ()
        self._answers: deque[tuple[int, int, dict[Place, int]]] = deque(maxlen=ANSWERS_MAX)
        self._hurry = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._ask, name=f"{name}-ends", daemon=True)
        self._thread.start()

    def ask_for(self, places: Iterable[Place]) -> None:
        """From now on ask for these."""
        self._places = tuple(places)

    def answer(self, take: Take, is_waiting: bool) -> None:
        """Give the answers on that have come: topic, partition, end, when it was asked, when it was
        answered. `is_waiting`: whether more are waited for."""
        while self._answers:
            asked_ms, answered_ms, ends = self._answers.popleft()
            for (topic, number), end in ends.items():
                take(topic, number, end, asked_ms, answered_ms)
        if is_waiting:
            self._hurry.set()
        else:
            self._hurry.clear()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()
        self._hurry.set()
        self._thread.join()

    def _ask(self) -> None:
        """A broker that cannot answer is asked again, by a new client: one that knew a leader
        before it was elected anew asks by that, for a quarter of an hour. Nothing goes on
        meanwhile."""
        admin: AdminClient | None = None
        while not self._closed.is_set():
            if places := self._places:
                if admin is None:  # not "or": a client of which nothing is asked counts as false
                    admin = AdminClient(self._settings.confluent() | {"logger": LIBRARY})
                try:
                    self._answers.append(_answer(admin, places))
                except KafkaException:
                    admin: AdminClient | None = None
            self._hurry.wait(IDLE_S)
            self._closed.wait(HURRY_S)


def _answer(admin: AdminClient, places: tuple[Place, ...]) -> tuple[int, int, dict[Place, int]]:
    """When it was asked, when the last of it was answered, and the ends."""
    wanted = {TopicPartition(*place): OffsetSpec.latest() for place in places}
    asked_ms = time.time_ns() // 1_000_000
    found: dict[TopicPartition, Any] = admin.list_offsets(
        wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ASK_MAX_S
    )
    ends = {(at.topic, at.partition): one.result().offset for at, one in found.items()}
    return asked_ms, time.time_ns() // 1_000_000, ends
