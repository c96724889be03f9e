"""Debits and contacts of a batch: obligations move, scheduled debits get their decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.decisions import DEBIT_COLUMNS, debit_decision
from detector.entering import JUDGED, STALE, TOO_LATE, Rows
from detector.events import ACCOUNT, KINDS, OBJECT
from detector.features import Columns
from detector.obligations import Obligations
from detector.policy import Policy
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.schema import AutoDebit, Event
from detector.treatment import Calendar, Contacts

SCHEDULED = KINDS["debit_scheduled"]
CONTACTED = KINDS["contacted"]


@dataclass(slots=True)
class Repaid:
    """What a batch's debits made, by batch row."""

    alerts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    decisions: dict[int, dict[str, Any]] = field(default_factory=dict)


class Repayment:
    """The repayment half of the account stage."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, calendar: Calendar, columns: Columns,
        versions: Versions,
    ) -> None:  # fmt: skip
        self.contacts = Contacts(calendar, policy.budget.contacts_per_day)
        self.obligations = Obligations(rulebook, calendar, self.contacts, versions)
        self._columns = np.array([columns.index[name] for name in DEBIT_COLUMNS], np.int64)
        self._versions = versions
        self._has_feed = policy.sources["auto_debit"]

    @property
    def remembered(self) -> int:
        """Obligations in memory."""
        return self.obligations.count

    def take(
        self, events: Sequence[Event], rows: Rows, kinds: NDArray[np.int64],
        part: slice = slice(None), repaid: Repaid | None = None,
    ) -> Repaid:  # fmt: skip
        """Take the debits and contacts of a batch, or of a part of its rows, in event order.

        `repaid`: what earlier rows of the batch made, to be added to.
        """
        repaid = Repaid() if repaid is None else repaid
        kinds_here, states = kinds[part], rows.state[part]
        concerned = ((kinds_here >= 16) & (kinds_here < 32)) | (kinds_here == CONTACTED)
        concerned &= (states == JUDGED) | (states == TOO_LATE) | (states == STALE)
        places = np.flatnonzero(concerned) + (part.start or 0)
        histories = rows.values[np.ix_(places, self._columns)].tolist()
        for row, history in zip(places.tolist(), histories, strict=True):
            event = events[row]
            state, account = int(rows.state[row]), int(rows.words[row, ACCOUNT])
            if isinstance(event, AutoDebit):
                record = None
                if state != STALE:
                    key = (account, int(rows.words[row, OBJECT]))
                    is_judged = state == JUDGED and self._has_feed
                    record = self.obligations.step(key, event, is_judged=is_judged)
                    if record is not None:
                        repaid.alerts.append((row, record))
                if kinds[row] == SCHEDULED:
                    decision = self._decision(event, history, bool(rows.degraded[row]))
                    decision["alert_ids"] = [] if record is None else [record["alert_id"]]
                    repaid.decisions[row] = decision
            elif state != STALE:
                self.contacts.count(account, event.occurred_at)
        return repaid

    def forget(self, clock_ms: int, lateness_ms: int) -> None:
        """Drop what nothing still to be judged can ask for."""
        self.obligations.forget(clock_ms, lateness_ms)
        self.contacts.forget_before(clock_ms - lateness_ms)

    def _decision(
        self, event: AutoDebit, history: Sequence[float], is_degraded: bool
    ) -> dict[str, Any]:
        failures, successes, age = history
        told = {
            "event_id": event.event_id, "account_id": event.account_id,
            "occurred_at": event.occurred_at,
        }  # fmt: skip
        return debit_decision(
            told, (failures, successes, age), event.available_balance_minor,
            event.amount_due_minor, is_degraded=is_degraded,
            versions=self._versions,
        )  # fmt: skip
