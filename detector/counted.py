"""What a batch of the account stage is to the control stage: counts of who did what in a minute.

Attempts of debits count for their channel, answers for their provider, a draw that was not checked
for the provider that usually checks its account. In a replay a count stands for one event; in a
service, where it travels, for all of a minute (law 36).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from detector.complaints import Complaint
from detector.control_memory import MINUTE_MS
from detector.control_walk import ATTEMPT, BARE, ERROR, NOTHING, PASSED
from detector.entering import JUDGED, Rows
from detector.events import (
    AMOUNT,
    CODE,
    DISPOSITIONS,
    KIND_MASK,
    KINDS,
    LIMIT,
    PROVIDER_MASK,
    PROVIDER_SHIFT,
    TYPES,
    T,
)  # fmt: skip
from detector.feed_arrivals import Arrived
from detector.feed_breaks import DeadLetter
from detector.schema import AutoDebit, Disbursement, Event, IdentityVerification
from detector.trials import Trial

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
NOBODY: Final = 0
ANSWERS: Final = TYPES.index("identity_verification")  # a feed
_FEWEST: Final = np.empty(0, np.int64)


class Sample(NamedTuple):
    """An event that counts against somebody, with the row that counts it."""

    row: int
    event_id: str
    account_id: str
    currency: str | None  # of money


@dataclass(slots=True)
class Counts:
    """One entry a row, in an order in which the stage's clock never falls.

    `who`: NOBODY, a provider's code, or -1 - k for the channel of that place in `channels`.
    """

    clock: NDArray[np.int64]  # ms: where the stage's clock stands after it
    minutes: NDArray[np.int64]  # in which it counts
    feeds: NDArray[np.uint8]  # place of its feed in TYPES
    what: NDArray[np.uint8]  # NOTHING ...
    who: NDArray[np.int64]
    counts: NDArray[np.int64]  # how many events it stands for; of 0 only the clock counts
    amounts: NDArray[np.int64]  # minor units, of them all
    channels: list[str]
    providers: Mapping[int, str]  # by code, of those who answered here
    newest_id: Callable[[int], str]  # of a row: the newest event that it stands for
    samples: list[Sample] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    arrivals: list[Arrived] = field(default_factory=list)  # where they travel
    letters: list[DeadLetter] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.clock)


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts batches after the account stage.

    `debits`, `verifications`: which feeds are there; what is not there counts nowhere.
    `exempt_minor`: draws below it need no check.
    """

    debits: bool
    verifications: bool
    exempt_minor: int

    def counted(self, events: Sequence[Event], rows: Rows) -> Counts:
        """A batch, a row an event."""
        codes = rows.words[:, CODE]
        kinds = codes & KIND_MASK
        what = _WHAT[kinds]
        is_debit = (what != NOTHING) & (kinds >= 16)
        is_answer = (what != NOTHING) & (kinds < 16)
        who = np.where(is_answer, (codes >> PROVIDER_SHIFT) & PROVIDER_MASK, NOBODY)
        providers = self._providers(events, who, is_answer)
        is_bare = (rows.checked > 0) & (rows.checked & 1 == 0)
        is_bare &= rows.words[:, AMOUNT] >= self.exempt_minor
        who[is_bare], what[is_bare] = rows.checked[is_bare] >> 1, BARE
        if not self.verifications:
            who[:] = NOBODY
        channels = self._channels(events, who, np.flatnonzero(is_debit))
        what[who == NOBODY] = NOTHING
        is_counted = rows.state == JUDGED
        at_ms = np.minimum(rows.words[:, T], rows.clock)
        counts = Counts(
            clock=rows.clock, minutes=(at_ms - 1) // MINUTE_MS, feeds=_FEED[kinds], what=what,
            who=who, counts=is_counted.astype(np.int64),
            amounts=np.where(is_debit, rows.words[:, LIMIT], is_bare * rows.words[:, AMOUNT]),
            channels=channels, providers=providers, newest_id=lambda row: events[row].event_id,
        )  # fmt: skip
        telling = np.isin(what, (ERROR, BARE)) & is_counted
        counts.samples = [_sample(events[row], row) for row in np.flatnonzero(telling).tolist()]
        return counts

    def _providers(
        self, events: Sequence[Event], who: NDArray[np.int64], is_answer: NDArray[np.bool_]
    ) -> dict[int, str]:
        if not self.verifications:
            return {}
        places = np.flatnonzero(is_answer)
        codes, first = np.unique(who[places], return_index=True)
        answers = [cast(IdentityVerification, events[row]) for row in places[first].tolist()]
        named = zip(codes.tolist(), answers, strict=True)
        return {code: one.provider for code, one in named if code != NOBODY}

    def _channels(
        self, events: Sequence[Event], who: NDArray[np.int64], debits: NDArray[np.int64]
    ) -> list[str]:
        if not self.debits or not len(debits):
            return []
        names = [cast(AutoDebit, events[row]).channel for row in debits.tolist()]
        place = {name: k for k, name in enumerate(dict.fromkeys(names))}
        who[debits] = [-1 - place[name] for name in names]
        return list(place)


def _sample(event: Event, row: int) -> Sample:
    currency = event.currency if isinstance(event, AutoDebit | Disbursement) else None
    return Sample(row, event.event_id, event.account_id or "", currency)


def nothing_counted() -> Counts:
    """No rows."""
    none, small = _FEWEST, np.empty(0, np.uint8)
    return Counts(none, none, small, small, none, none, none, [], {}, lambda _: "")
