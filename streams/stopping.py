"""Ctrl-C and SIGTERM: a run ends after its current batch, with what there is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Stopped(Exception):
    """Raised where the run does nothing but wait for its input."""


class Stop:
    """While entered, a first signal asks the run to end; a second one ends it the hard way."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        self._former = {number: signal.signal(number, self._ask) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def until_asked(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items up to the one that was in work when the run was asked to end."""
        while not self.asked:
            try:
                self._waiting = True
                item = next(items)
            except (StopIteration, _Stopped):
                return
            finally:
                self._waiting = False
            yield item

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()
        if self._waiting:
            raise _Stopped

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}
