"""What is remembered of a borrower beside single obligations: what fell due, when failures were
cured, hardship, and the limit advice that stands.
"""

from __future__ import annotations

from typing import Final

import msgspec

DAYS_90_MS: Final = 90 * 86_400_000
DUES_MAX: Final = 64  # obligations of 90 days; the newest
KEPT_MS: Final = 180 * 86_400_000  # as an obligation with an alert
CURE_DAYS_MAX: Final = 12
FROZEN_FOR_MAX: Final = 16  # confirmed events that one freeze rests on


class Freeze(msgspec.Struct, array_like=True):
    """A freeze that was advised. `targets`: what was confirmed."""

    alert_id: str
    revision: int
    opened_at_ms: int
    expires_ms: int
    event_id: str  # of the newest confirmation
    targets: list[str]


class Ledger(msgspec.Struct, array_like=True):
    """One account's."""

    born: int  # its order among deadlines of one time
    account_id: str
    dues_ms: list[int] = msgspec.field(default_factory=list)
    cure_days: list[int] = msgspec.field(default_factory=list)  # of the month
    hardship_from_ms: int = -1
    hardship_until_ms: int = -1  # of the newest hardship that says until when
    reduced_ms: int = -1  # when a reduction was last advised
    freeze: Freeze | None = None  # one that stands
    newest_ms: int = 0

    def note_due(self, due_ms: int) -> None:
        """One more obligation falls due."""
        self.dues_ms = [*(d for d in self.dues_ms if d > due_ms - DAYS_90_MS), due_ms][-DUES_MAX:]

    def note_cure(self, day: int) -> None:
        """A failed obligation was paid on this day of the month."""
        self.cure_days = [*self.cure_days, day][-CURE_DAYS_MAX:]

    def kept_until_ms(self) -> int:
        """Nothing asks for it after this time."""
        return self.newest_ms + KEPT_MS
