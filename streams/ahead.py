"""Reads ahead: the next batches are read and decoded while the engine works on this one.

The engine's compiled walk lets other threads run, so this takes nearly the whole of reading and
decoding out of the time that a replay needs. The order stays that of the source.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final, TypeVar

Item = TypeVar("Item")
AHEAD_MAX: Final = 2  # batches ready or in the making
JOIN_MAX_S: Final = 2.0  # a thread that waits for standard input is left to end with the process


def ahead(source: Iterator[Item]) -> Iterator[Item]:
    """What `source` yields, made in a thread of its own; its exception is raised here.

    Closing the iterator ends the thread; it waits for the item in the making, but not for ever.
    """
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(AHEAD_MAX)
    closed = threading.Event()

    def put(entry: tuple[Item | None, BaseException | None]) -> bool:
        while not closed.is_set():
            try:
                ready.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in source:
                if not put((item, None)):
                    return
        except BaseException as error:  # handed over, never swallowed
            put((None, error))
            return
        put((None, None))

    maker = threading.Thread(target=make, name="read-ahead", daemon=True)
    maker.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        closed.set()
        maker.join(JOIN_MAX_S)
