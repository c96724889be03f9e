"""Where inputs end, asked of the broker again and again beside the loop, by a thread of its own.

A loop is in a transaction for most of the time; what it needs to know when it is out of it, has
been asked for by then.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from streams.kafka_settings import KafkaSettings
from streams.service.journal import LIBRARY

ASK_MAX_S: Final = 5.0
HURRY_S, IDLE_S = 0.02, 0.2  # between two questions: while something waits for an answer, and else
OURS: Final = {"logger": LIBRARY}  # it joins no group: nobody is pushed out
ANSWERS_MAX: Final = 256  # the newest ones; older ones say nothing that these do not

Place = tuple[str, int]
Take = Callable[[str, int, int, int, int], None]


class Ends:
    """Asks for the ends of some inputs, as a careful reader sees them, until it is closed."""

    def __init__(
        self, settings: KafkaSettings, stage: str,
        heard: Callable[[dict[Place, int]], None] = lambda _: None,
    ) -> None:  # fmt: skip
        """`heard`: told of each answer when it comes, by the thread that asks."""
        self._heard = heard
        self._settings = settings
        self._stage = stage
        self._places: tuple[Place, ...] = ()
        self._answers: deque[tuple[int, int, dict[Place, int]]] = deque(maxlen=ANSWERS_MAX)
        self._hurry = threading.Event()
        self._closed = threading.Event()
        self._threads = ThreadPoolExecutor(1, f"{stage}-ends")
        self._asking = self._threads.submit(self._ask)

    def ask_for(self, places: Iterable[Place]) -> None:
        """From now on ask for these."""
        self._places = tuple(places)

    def answer(self, take: Take) -> None:
        """Give the answers on that have come: topic, partition, end, when it was asked, when it was
        answered. What ended the asking is raised: without answers nothing would ever go on."""
        if self._asking.done():
            self._asking.result()
        while self._answers:
            asked_ms, answered_ms, ends = self._answers.popleft()
            for (topic, number), end in ends.items():
                take(topic, number, end, asked_ms, answered_ms)

    def hurry(self, *, is_held: bool) -> None:
        """Ask often while something is held back; else now and then."""
        if is_held:
            self._hurry.set()
        else:
            self._hurry.clear()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()
        self._hurry.set()
        self._threads.shutdown()

    def _ask(self) -> None:
        """A broker that cannot answer is asked again, by a new client: one that knew a leader
        before it was elected anew asks by that, for a quarter of an hour. Nothing goes on
        meanwhile."""
        client: Consumer | None = None
        while not self._closed.is_set():
            if places := self._places:
                if client is None:  # not "or": a client that holds nothing counts as false
                    client = Consumer(self._settings.confluent_consumer(self._stage) | OURS)
                try:
                    answer = _answer(client, places)
                except KafkaException:
                    client.close()
                    client = None
                else:
                    self._answers.append(answer)
                    self._heard(answer[2])
            self._hurry.wait(IDLE_S)
            self._closed.wait(HURRY_S)
        if client is not None:
            client.close()


def _answer(client: Consumer, places: tuple[Place, ...]) -> tuple[int, int, dict[Place, int]]:
    """When it was asked, when the last of it was answered, and the ends.

    Raises:
        KafkaException: of one of them the broker could not say.
    """
    # By time, "the end" is one of the times that can be asked for; the admin client's question for
    # the same is six times as dear.
    wanted = [TopicPartition(*place, OFFSET_END) for place in places]
    asked_ms = time.time_ns() // 1_000_000
    found = client.offsets_for_times(wanted, ASK_MAX_S)
    answered_ms = time.time_ns() // 1_000_000
    for one in found:
        if one.error is not None:
            raise KafkaException(one.error)
    return asked_ms, answered_ms, {(one.topic, one.partition): one.offset for one in found}
