"""Events fed to the service's inputs, in order, at a rate, in a thread of its own.

At a rate they come as in life, where what an account does follows from what it did: an event is
sent when the account's earlier ones on other topics are acknowledged. Where brokers fail it may
wait for all of its partition's: in a log of days that is fed in seconds, what one topic's leader
holds up for two seconds comes hours after what goes by another. Without a rate they are a backlog,
as fast as it goes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import Producer

from streams.kafka_settings import KafkaSettings
from streams.routing import Route, partition_of, route
from streams.sending import Pace
from streams.topics import TopicNames

ALL: Final = 1 << 60
TICK_S: Final = 0.01
DELIVERY_MAX_S: Final = 600  # brokers are among what is hurt


class Feeder:
    """Feeds lines while entered; leaving waits for the last of them."""

    def __init__(
        self, settings: KafkaSettings, lines: Iterable[bytes], rate: float | None = None,
        in_step_of: int | None = None,
    ) -> None:  # fmt: skip
        """`in_step_of`: how many partitions there are, each of which waits for all its topics."""
        self.sent_count = 0
        self.most = ALL  # no more than so many are sent before this is raised
        self.seconds = 0.0
        self._names = TopicNames(settings.topic_prefix)
        self._lines = lines
        self._rate = rate
        self._in_step_of = in_step_of
        self._producer = Producer(
            settings.confluent_producer()
            | {
                "log_level": 3,
                "linger.ms": 2 if rate else 20,
                "delivery.timeout.ms": DELIVERY_MAX_S * 1000,
            }
        )
        # By account, or partition: the topic that something is on its way to, and how many.
        self._on_way: dict[bytes | int, tuple[str, int]] = {}
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.wait()

    @property
    def is_feeding(self) -> bool:
        """Whether there is more to come."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Until all is delivered."""
        self._thread.join()
        assert not self._failure, self._failure

    def _run(self) -> None:
        began_s = time.monotonic()
        pace = Pace(self._rate)
        for line in self._lines:
            if self.sent_count >= self.most:
                while self.sent_count >= self.most:
                    self._producer.poll(TICK_S)
                pace = Pace(self._rate)
            while seconds := pace.due_in():
                self._producer.poll(min(seconds, TICK_S))
            self._send(line)
            if self._failure:
                return
        if left := self._producer.flush(DELIVERY_MAX_S):
            self._failure = f"{left} events were not acknowledged"
        self.seconds = time.monotonic() - began_s

    def _send(self, line: bytes) -> None:
        found = route(line)
        assert isinstance(found, Route), f"a line that goes nowhere: {found}"
        topic, key = self._names.input(found.event_type), found.key
        if self._rate and key is not None:
            whose = self._whose(key)
            while not self._failure and self._on_way.get(whose, (topic, 0))[0] != topic:
                self._producer.poll(TICK_S)
            self._on_way[whose] = topic, self._on_way.get(whose, (topic, 0))[1] + 1
        while True:
            try:
                self._producer.produce(topic, line, key, on_delivery=self._took)
                break
            except BufferError:
                self._producer.poll(TICK_S)
        self.sent_count += 1
        self._producer.poll(0)

    def _took(self, error: Any, message: Any) -> None:
        if error is not None:
            self._failure = self._failure or f"not fed: {error.str()}"
        whose = self._whose(message.key() or b"")
        if whose in self._on_way:
            topic, count = self._on_way.pop(whose)
            if count > 1:
                self._on_way[whose] = topic, count - 1

    def _whose(self, key: bytes) -> bytes | int:
        """Whose events wait for each other."""
        return key if self._in_step_of is None else partition_of(key, self._in_step_of)
