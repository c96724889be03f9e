"""Reading ahead changes when items are made, never what comes or in which order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from streams.ahead import AHEAD_MAX, ahead


def test_everything_comes_in_the_order_of_the_source() -> None:
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead(iter(()))) == []


def test_a_fault_of_the_source_is_raised_after_what_came_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk has gone")

    taken = []
    with pytest.raises(OSError, match="the disk has gone"):
        for item in ahead(source()):
            taken.append(item)
    assert taken == [1, 2]


def test_no_more_is_made_than_was_agreed() -> None:
    made = []

    def source() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    items = ahead(source())
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert len(made) <= 3 + AHEAD_MAX


def test_closing_leaves_no_thread_behind() -> None:
    items = ahead(iter(range(9)))
    next(items)
    items.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("read-ahead")]
