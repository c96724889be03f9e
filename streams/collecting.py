"""The collector of reference cycles, told to look seldom while a run is on.

A run makes few cycles and keeps many small objects (obligations and their steps); to look through
them all again and again took a tenth of the time. What is no cycle is freed at once as ever.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (100_000, 50, 1000)  # new objects before a look; looks at the young before the older


@contextmanager
def seldom_collected() -> Iterator[None]:
    """While inside, cycles are looked for seldom."""
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
