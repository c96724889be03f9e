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
from detector.counting import FEED_OF, WHAT_OF, Marked, mark_rows
from detector.entering import Rows
from detector.events import TYPES
from detector.feed_arrivals import Arrived
from detector.feed_breaks import DeadLetter
from detector.schema import AutoDebit, Disbursement, Event, IdentityVerification
from detector.trials import Trial

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
        m = Marked.room_for(len(rows.clock))
        exempt, debits, checks = self.exempt_minor, self.debits, self.verifications
        mark_rows(rows, exempt, debits, checks, WHAT_OF, FEED_OF, m)
        debits_n, answers_n, telling_n = m.n.tolist()
        answers = m.answers[:answers_n]
        return Counts(
            clock=rows.clock, minutes=m.minutes, feeds=m.feeds, what=m.what, who=m.who,
            counts=m.counts, amounts=m.amounts,
            channels=_channels(events, m.who, m.debits[:debits_n]),
            providers={
                code: cast(IdentityVerification, events[row]).provider
                for code, row in zip(m.who[answers].tolist(), answers.tolist(), strict=True)
            },
            newest_id=lambda row: events[row].event_id,
            samples=[_sample(events[row], row) for row in m.telling[:telling_n].tolist()],
        )  # fmt: skip


def _channels(
    events: Sequence[Event], who: NDArray[np.int64], debits: NDArray[np.int64]
) -> list[str]:
    """Whose debits these are, told to `who`."""
    if not len(debits):
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
