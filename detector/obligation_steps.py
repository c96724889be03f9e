"""What is remembered of an obligation: its steps, its terms, what was last said of it.

A step is a debit event or a disposition about the obligation. The records of the state are these
structs, as arrays.
"""

from __future__ import annotations

from bisect import insort
from typing import Final

import msgspec

from detector.schema import AutoDebit

STEPS_MAX: Final = 64  # of one obligation: the first, and the newest of the others
DAY_MS: Final = 86_400_000
NEVER_MS: Final = 1 << 62
# An obligation that no step reached for so long begins anew at its next one, and is dropped as soon
# as only such a step could come: what is remembered never depends on when it was tidied up.
QUIET_KEPT_MS: Final = 3 * DAY_MS  # one that is paid, or past its overdue time, and never alerted
ALERTED_KEPT_MS: Final = 180 * DAY_MS  # one with an alert: a reversal may open it again

SHORT: Final = frozenset({"insufficient_balance", "partial"})  # failed for want of balance
REFUSED: Final = frozenset({"mandate_invalid", "account_frozen"})
ATTEMPTS: Final = SHORT | REFUSED | {"success", "channel_error"}
ANSWERS: Final = frozenset({"contacted", "plan_agreed", "hardship_granted"})
ABOUT_OBLIGATIONS: Final = ANSWERS | {"system_fault"}  # dispositions that move one on


class Step(msgspec.Struct, array_like=True, gc=False):
    """One event of an obligation; ordered by time, then arrival."""

    at_ms: int
    arrival: int
    word: str  # outcome of a debit, or a disposition
    debited_minor: int
    event_id: str
    mandate: int = 0  # hash
    until_ms: int = -1  # of a plan or hardship; -1: not told


def place_of(step: Step) -> tuple[int, int]:
    """Where a step stands among others."""
    return step.at_ms, step.arrival


class Obligation(msgspec.Struct, array_like=True):
    """An obligation and what was last said of it."""

    born: int  # arrival of its first step: its order among deadlines of one time
    account_id: str
    channel: str
    currency: str
    due_minor: int  # as its first event told
    due_ms: int  # this and what follows: as the newest debit event tells
    overdue_ms: int
    terms_place: tuple[int, int]  # time and arrival of that event
    is_hardship: bool = False  # as the newest debit event that tells of it
    hardship_place: tuple[int, int] = (-1, -1)
    mandate_until_ms: int = -1  # when the mandate ends or was revoked; -1: not told
    chance: float = 0.0  # of failing, as the newest scheduled event was judged
    steps: list[Step] = msgspec.field(default_factory=list)
    revision: int = 0
    status: str = ""
    said: tuple[str, int, int, int, bool, bool] | None = None
    opened_at_ms: int = -1
    newest_ms: int = 0
    is_paid: bool = False
    waits_ms: int = -1  # when to look again
    was_overdue_ms: int = -1  # when it was first said to be overdue by the borrower's own doing

    def add(self, step: Step) -> None:
        """Put a step in its place."""
        insort(self.steps, step, key=place_of)
        if len(self.steps) > STEPS_MAX:
            del self.steps[1]
        self.newest_ms = max(self.newest_ms, step.at_ms)

    @property
    def is_open(self) -> bool:
        """Whether its alert stands."""
        return self.status in ("open", "updated")

    def kept_until_ms(self) -> int:
        """A step after this time begins the obligation anew."""
        if self.revision:
            return self.newest_ms + ALERTED_KEPT_MS
        if self.is_paid:
            return self.newest_ms + QUIET_KEPT_MS
        last_ms = min(max(self.newest_ms, self.overdue_ms), self.newest_ms + ALERTED_KEPT_MS)
        return last_ms + QUIET_KEPT_MS


def take_terms(
    obligation: Obligation, event: AutoDebit, place: tuple[int, int], chance: float
) -> None:
    """Take the terms of a debit event: they are as the newest one tells.

    `chance`: of failing, where it is scheduled.
    """
    if place >= obligation.terms_place:
        obligation.terms_place = place
        obligation.channel = event.channel
        obligation.due_ms, obligation.overdue_ms = event.due_at, event.overdue_at
        ends = [e for e in (event.mandate_valid_until, event.mandate_revoked_at) if e is not None]
        obligation.mandate_until_ms = min(ends, default=-1)
        if event.outcome == "scheduled":
            obligation.chance = chance
    if event.hardship is not None and place >= obligation.hardship_place:
        obligation.hardship_place = place
        obligation.is_hardship = event.hardship
