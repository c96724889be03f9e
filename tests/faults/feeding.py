"""Events fed to the service's inputs, in order, at a rate, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Final

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.routing import Route, route
from streams.sending import Pace, Sender
from streams.topics import TopicNames

TICK_S: Final = 0.02


class Feeder:
    """Feeds lines while entered; leaving waits for the last of them."""

    def __init__(
        self, settings: KafkaSettings, lines: Iterable[bytes], rate: float | None = None
    ) -> None:
        self.sent_count = 0
        self.seconds = 0.0
        self._settings = settings
        self._lines = lines
        self._rate = rate
        self._failure: BaseException | None = None
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
        """Until all is delivered.

        Raises:
            Fault: something was not.
        """
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        began_s = time.monotonic()
        try:
            self._feed()
        except (AssertionError, Fault) as error:
            self._failure = error
        self.seconds = time.monotonic() - began_s

    def _feed(self) -> None:
        names, sender = TopicNames(self._settings.topic_prefix), Sender(self._settings, {})
        pace = Pace(self._rate)
        for line in self._lines:
            while seconds := pace.due_in():
                sender.wait(max(seconds, TICK_S))
            found = route(line)
            assert isinstance(found, Route), f"a line that goes nowhere: {found}"
            assert sender.send(names.input(found.event_type), found.key, line)
            self.sent_count += 1
        sender.finish()
