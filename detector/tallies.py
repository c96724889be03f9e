"""Who the control stage watches, and in which of their series each count counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import (
    CHANNEL_ERRORS,
    PROVIDER_ERRORS,
    PROVIDER_PASSES,
    SERIES_MAX,
    ControlMemory,
    with_series,
)  # fmt: skip
from detector.control_walk import BARE, NOTHING
from detector.counted import ANSWERS, Counts
from detector.counting import NOBODY


class Series(NamedTuple):
    """Of each row of counts: the series it counts in, and of a provider's answer that of passes.

    -1 for none.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]


class Watched:
    """Who is watched: channels by name, providers by name and code; their series.

    Of each the order of appearance is kept, and no more than SERIES_MAX series.
    """

    def __init__(self) -> None:
        self.names: list[str] = []  # by series
        self.unwatched = 0  # events of those for whom there was no place
        self.channels: dict[str, int] = {}
        self.providers: dict[int, int] = {}  # by code: the series of errors, then that of passes

    def provider(self, code: int) -> str | None:
        """The name of a provider that is watched, by its code."""
        series = self.providers.get(code)
        return None if series is None else self.names[series]

    def tally(self, memory: ControlMemory, counts: Counts) -> tuple[ControlMemory, Series]:
        """Give rows their series, and series to whoever appears for the first time.

        Gives the memory with room for whoever is new.
        """
        memory = self._register(memory, counts)
        first = np.full(len(counts), -1, np.int32)
        for place, name in enumerate(counts.channels):
            first[counts.who == -1 - place] = self.channels.get(name, -1)
        for code, series in self.providers.items():
            first[counts.who == code] = series
        is_answer = (counts.feeds == ANSWERS) & (first >= 0) & (counts.what != NOTHING)
        second = np.where(is_answer, first + 1, -1).astype(np.int32)
        is_lost = (first < 0) & (counts.who != NOBODY) & (counts.what != BARE)
        self.unwatched += int(counts.counts[is_lost].sum())
        return memory, Series(first, second)

    def _register(self, memory: ControlMemory, counts: Counts) -> ControlMemory:
        """In the order of rows."""
        fresh: list[tuple[int, str | None, int]] = []
        for place, name in enumerate(counts.channels):
            if name not in self.channels and len(at := np.flatnonzero(counts.who == -1 - place)):
                fresh.append((int(at[0]), name, NOBODY))
        for code in counts.providers:
            answers = (counts.who == code) & (counts.feeds == ANSWERS)
            if code not in self.providers and answers.any():
                fresh.append((int(np.argmax(answers)), None, code))
        for _, channel, code in sorted(fresh, key=lambda one: one[0]):
            if channel is not None:
                memory = self._add_channel(memory, channel)
            else:
                memory = self._add_provider(memory, code, counts.providers[code])
        return memory

    def _add_channel(self, memory: ControlMemory, name: str) -> ControlMemory:
        if len(self.names) < SERIES_MAX:
            memory, self.channels[name] = with_series(memory, CHANNEL_ERRORS)
            self.names.append(name)
        return memory

    def _add_provider(self, memory: ControlMemory, code: int, name: str) -> ControlMemory:
        if len(self.names) + 1 < SERIES_MAX:
            memory, self.providers[code] = with_series(memory, PROVIDER_ERRORS)
            memory, _ = with_series(memory, PROVIDER_PASSES)
            self.names += [name, name]
        return memory
