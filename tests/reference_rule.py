"""What a rule of the slow engine is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.reference_logic import Truth
from tests.reference_readings import View


@dataclass(frozen=True)
class Rule:
    """One rule; `kept` says that all its columns are the stage's own (law 6)."""

    id: str
    stage: str
    on: str  # "draw", "login", "check", "debit", or "paid" (every event of status paid)
    entity: str  # whose alert it is
    severity: str
    actions: tuple[str, ...]
    test: Callable[[View], Truth]
    kept: bool = True
    withdraws: bool = False

    @property
    def typology(self) -> str:
        return self.id.partition(".")[0]


HOLD, STEP_UP, REVIEW = ("hold_disbursement",), ("step_up_verification",), ("manual_review",)
