"""Conditions awaited: asked for again and again, with a bound and a word on what was waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
ASK_EVERY_S = 0.05


def wait_until(ask: Callable[[], Found | None], most_s: float, what: str) -> Found:
    """What `ask` gives, once it is anything.

    Raises:
        AssertionError: it did not come in time.
    """
    until_s = time.monotonic() + most_s
    while True:
        if found := ask():
            return found
        assert time.monotonic() < until_s, f"not in {most_s:.0f} s: {what}"
        time.sleep(ASK_EVERY_S)
