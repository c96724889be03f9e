"""Reads ahead: the next batches are read and decoded while the engine works on this one.

The engine's compiled walk lets other threads run, so this takes nearly the whole of reading and
decoding out of the time that a replay needs. The order stays that of the source.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

Item = TypeVar("Item")
AHEAD_MAX: Final = 2  # batches ready or in the making
_END: Final = object()


def ahead(source: Iterator[Item]) -> Generator[Item, None, None]:
    """What `source` yields, made in a thread of its own; its exception is raised here.

    Closing the iterator waits for the item in the making: not for a source that may wait for ever.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        coming: deque[Any] = deque(pool.submit(next, source, _END) for _ in range(AHEAD_MAX))
        try:
            while True:
                item = coming.popleft().result()
                if item is _END:
                    return
                coming.append(pool.submit(next, source, _END))
                yield item
        finally:
            for future in coming:
                future.cancel()
