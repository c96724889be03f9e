"""What a batch is to the control stage: of each row, whose it is and what it says of them.

Attempts of debits count for their channel, answers for their provider, a draw that was not checked
for the provider that usually checks its account.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

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
from detector.control_walk import ATTEMPT, BARE, ERROR, NOTHING, PASSED
from detector.entering import Rows
from detector.events import (
    AMOUNT,
    CODE,
    DISPOSITIONS,
    KIND_MASK,
    KINDS,
    LIMIT,
    PROVIDER_MASK,
    PROVIDER_SHIFT,
)  # fmt: skip
from detector.rows import provider_code
from detector.schema import AutoDebit, Event, IdentityVerification

_WHAT: Final = np.zeros(KIND_MASK + 1, np.uint8)  # by kind of event
for _word in ("success", "partial", "insufficient_balance", "mandate_invalid", "account_frozen"):
    _WHAT[KINDS[f"debit_{_word}"]] = ATTEMPT
_WHAT[[KINDS["debit_channel_error"], KINDS["verification_error"]]] = ERROR
_WHAT[KINDS["verification_timeout"]] = ERROR
_WHAT[KINDS["verification_failed"]] = ATTEMPT
_WHAT[KINDS["verification_passed"]] = PASSED
_FEED: Final = np.zeros(KIND_MASK + 1, np.uint8)  # place in TYPES, by kind of event
for _type, (_low, _high) in enumerate(((0, 4), (4, 8), (8, 16), (16, 32), (32, 64))):
    _FEED[_low:_high] = _type
assert min(KINDS[word] for word in DISPOSITIONS) == 32


class Tallies(NamedTuple):
    """One entry a row."""

    first: NDArray[np.int32]  # the series it counts in; -1 for none
    second: NDArray[np.int32]  # the series of passes, of a provider's answer
    what: NDArray[np.uint8]  # NOTHING ...
    amounts: NDArray[np.int64]  # minor units
    feeds: NDArray[np.uint8]  # place of its feed in TYPES


class Watched:
    """Who is watched: channels by name, providers by name and code; their series.

    Of each the order of appearance is kept, and no more than SERIES_MAX series.
    """

    def __init__(self, *, debits: bool, verifications: bool) -> None:
        """`debits`, `verifications`: which feeds are there; what is not there counts nowhere."""
        self.names: list[str] = []  # by series
        self.unwatched = 0  # rows of those for whom there was no place
        self._debits, self._verifications = debits, verifications
        self._channels: dict[str, int] = {}
        self._providers: dict[int, int] = {}  # by code: the series of errors, then that of passes

    def provider(self, code: int) -> str | None:
        """The name of a provider that is watched, by its code."""
        series = self._providers.get(code)
        return None if series is None else self.names[series]

    def tally(
        self, memory: ControlMemory, events: Sequence[Event], rows: Rows, exempt_minor: int
    ) -> tuple[ControlMemory, Tallies]:
        """A batch, after the account stage. `exempt_minor`: draws below it need no check.

        Gives the memory with room for whoever is new.
        """
        codes = rows.words[:, CODE]
        kinds = codes & KIND_MASK
        what = _WHAT[kinds]
        is_debit = (what != NOTHING) & (kinds >= 16)
        is_answer = (what != NOTHING) & (kinds < 16)
        providers = np.where(is_answer, (codes >> PROVIDER_SHIFT) & PROVIDER_MASK, 0)
        is_bare = (rows.checked > 0) & (rows.checked & 1 == 0)
        is_bare &= rows.words[:, AMOUNT] >= exempt_minor
        providers[is_bare] = rows.checked[is_bare] >> 1
        what[is_bare] = BARE
        amounts = np.where(is_debit, rows.words[:, LIMIT], rows.words[:, AMOUNT])
        debits = np.flatnonzero(is_debit) if self._debits else np.empty(0, np.int64)
        channels = [cast(AutoDebit, events[row]).channel for row in debits.tolist()]
        if not self._verifications:
            providers[:] = 0
        memory = self._register(memory, events, debits, channels, providers, is_answer)
        first = np.full(len(codes), -1, np.int32)
        first[debits] = [self._channels.get(name, -1) for name in channels]
        for code, series in self._providers.items():
            first[providers == code] = series
        second = np.where(is_answer & (first >= 0), first + 1, -1).astype(np.int32)
        self.unwatched += int(((first < 0) & (is_answer | is_debit)).sum())
        what[first < 0] = NOTHING
        return memory, Tallies(first, second, what, amounts, _FEED[kinds])

    def _register(
        self, memory: ControlMemory, events: Sequence[Event], debits: NDArray[np.int64],
        channels: Sequence[str], providers: NDArray[np.int64], is_answer: NDArray[np.bool_],
    ) -> ControlMemory:  # fmt: skip
        """Give series to whoever appears for the first time, in the order of rows."""
        fresh: list[tuple[int, str]] = []
        if not self._channels.keys() >= set(channels):
            named = zip(debits.tolist(), channels, strict=True)
            fresh += [(row, name) for row, name in named if name not in self._channels]
        for code in np.unique(providers).tolist():
            if code and code not in self._providers:
                rows = np.flatnonzero((providers == code) & is_answer)
                fresh += [
                    (row, cast(IdentityVerification, events[row]).provider)
                    for row in rows[:1].tolist()
                ]
        for row, name in sorted(fresh):
            is_channel = isinstance(events[row], AutoDebit)
            memory = self._add_channel(memory, name) if is_channel else self._add_provider(
                memory, name
            )  # fmt: skip
        return memory

    def _add_channel(self, memory: ControlMemory, name: str) -> ControlMemory:
        if name not in self._channels and len(self.names) < SERIES_MAX:
            memory, self._channels[name] = with_series(memory, CHANNEL_ERRORS)
            self.names.append(name)
        return memory

    def _add_provider(self, memory: ControlMemory, name: str) -> ControlMemory:
        if len(self.names) + 1 < SERIES_MAX:
            memory, self._providers[provider_code(name)] = with_series(memory, PROVIDER_ERRORS)
            memory, _ = with_series(memory, PROVIDER_PASSES)
            self.names += [name, name]
        return memory
