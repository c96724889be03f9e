"""Debits and dispositions of a batch: obligations move, deadlines fall due between events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.conduct import Conduct
from detector.decisions import DEBIT_COLUMNS, debit_decision
from detector.entering import JUDGED, STALE, TOO_LATE, Rows
from detector.events import ACCOUNT, KINDS, OBJECT, VERIFICATION
from detector.features import Columns
from detector.obligation_steps import ABOUT_OBLIGATIONS
from detector.obligations import Obligations
from detector.policy import Policy
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.schema import AutoDebit, Disposition, Event
from detector.treatment import Calendar, Contacts

SCHEDULED: Final = KINDS["debit_scheduled"]
HEARD: Final = [KINDS[w] for w in sorted(ABOUT_OBLIGATIONS | {"confirmed_fraud", "false_positive"})]


@dataclass(slots=True)
class Repaid:
    """What a batch's debits made, by batch row."""

    alerts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    decisions: dict[int, dict[str, Any]] = field(default_factory=dict)

    def say(self, row: int, records: Sequence[dict[str, Any]]) -> None:
        """Add what was said at a row."""
        self.alerts += ((row, record) for record in records)


class Repayment:
    """The repayment half of the account stage."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, calendar: Calendar, columns: Columns,
        versions: Versions,
    ) -> None:  # fmt: skip
        self.contacts = Contacts(calendar, policy.budget.contacts_per_day)
        self.obligations = Obligations(rulebook, policy, calendar, self.contacts, versions)
        self.conduct = Conduct(rulebook, policy, calendar, self.contacts, versions)
        self._columns = np.array([columns.index[name] for name in DEBIT_COLUMNS], np.int64)
        self._versions = versions
        self._sources = policy.sources
        self.said: dict[str, tuple[float, int]] = {}  # by event: what a model tells, if any

    @property
    def remembered(self) -> int:
        """Obligations in memory."""
        return self.obligations.borrowers.count

    def take(
        self, events: Sequence[Event], rows: Rows, kinds: NDArray[np.int64],
        part: slice = slice(None), repaid: Repaid | None = None,
    ) -> Repaid:  # fmt: skip
        """Take the debits and dispositions of a batch, or of a part of its rows, in event order.

        What is due before an event is said before it. `repaid`: what earlier rows of the batch
        made, to be added to.
        """
        repaid = Repaid() if repaid is None else repaid
        kinds_here, states = kinds[part], rows.state[part]
        concerned = ((kinds_here >= 16) & (kinds_here < 32)) | np.isin(kinds_here, HEARD)
        concerned &= (states == JUDGED) | (states == TOO_LATE) | (states == STALE)
        first = part.start or 0
        places = np.flatnonzero(concerned) + first
        histories = rows.values[np.ix_(places, self._columns)].tolist()
        clocks = rows.clock[part]
        for row, history in zip(places.tolist(), histories, strict=True):
            self._fire(clocks[: row + 1 - first], first, repaid)
            event = events[row]
            if isinstance(event, AutoDebit):
                self._debit(event, history, rows, row, int(kinds[row]), repaid)
            elif isinstance(event, Disposition) and rows.state[row] != STALE:
                self._disposition(event, rows, row, repaid)
        self._fire(clocks, first, repaid)
        return repaid

    def advance(self, clock_ms: int) -> list[dict[str, Any]]:
        """What falls due before a time that the clock reaches without an event."""
        records = []
        while (fired := self.obligations.fire_before(clock_ms)) is not None:
            records += fired[1]
        return records

    def forget(self, clock_ms: int, lateness_ms: int) -> None:
        """Drop the days that nothing still to be judged can ask for."""
        self.contacts.forget_before(clock_ms - lateness_ms)
        self.conduct.forget_before(clock_ms - lateness_ms)

    def drop(self, account: int) -> None:
        """Drop all that is remembered of an account."""
        self.conduct.drop(account)
        self.obligations.borrowers.drop(account)
        self.contacts.drop(account)

    def _fire(self, clocks: NDArray[np.int64], first: int, repaid: Repaid) -> None:
        """Say what is due before the clock of the last of these rows, each before the first event
        whose clock is past it. `first`: the batch row of the first of them."""
        if not len(clocks):
            return
        while (fired := self.obligations.fire_before(int(clocks[-1]))) is not None:
            due_ms, records = fired
            row = first + int(np.searchsorted(clocks, due_ms, side="right"))
            repaid.say(row, records)

    def _debit(
        self, event: AutoDebit, history: Sequence[float], rows: Rows, row: int, kind: int,
        repaid: Repaid,
    ) -> None:  # fmt: skip
        decision, chance = None, 0.0
        if kind == SCHEDULED:
            decision = self._decision(event, history, bool(rows.degraded[row]))
            decision["alert_ids"] = []
            chance = decision["score"]
            repaid.decisions[row] = decision
        if rows.state[row] == STALE:
            return
        words, is_judged = rows.words[row], bool(rows.state[row] == JUDGED)
        key, mandate = (int(words[ACCOUNT]), int(words[OBJECT])), int(words[VERIFICATION])
        clock_ms = int(rows.clock[row])
        records = self.obligations.debit(
            key, event, mandate, chance, clock_ms, is_judged=is_judged
        )  # fmt: skip
        if decision is not None:
            decision["alert_ids"] = list(dict.fromkeys(one["alert_id"] for one in records))
        repaid.say(row, records)
        obligation = self.obligations.of(key)
        if is_judged and self._sources["auto_debit"] and obligation is not None:
            repaid.say(row, self.conduct.debit(key[0], obligation, event.event_id))

    def _disposition(self, event: Disposition, rows: Rows, row: int, repaid: Repaid) -> None:
        account, is_judged = int(rows.words[row, ACCOUNT]), bool(rows.state[row] == JUDGED)
        if event.disposition == "contacted":
            is_hardship = self.obligations.is_under_hardship(account, event)
            is_voice = event.contact_channel == "voice" and bool(event.contact_reached)
            voices = self.contacts.count(account, event.occurred_at, is_voice=is_voice)
            if is_judged and self._sources["disposition"]:
                repaid.say(row, self.conduct.contact(
                    account, event, voices=voices, is_hardship=is_hardship
                ))  # fmt: skip
        clock_ms = int(rows.clock[row])
        records = self.obligations.disposition(account, event, clock_ms, is_judged=is_judged)
        repaid.say(row, records)

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
            versions=self._versions, said=self.said.get(event.event_id),
        )  # fmt: skip
