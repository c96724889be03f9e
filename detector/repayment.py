"""Debits and dispositions of a batch: obligations move, deadlines fall due between events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.complaints import COMPLAINTS, Complaint
from detector.conduct import Conduct
from detector.decisions import DEBIT_COLUMNS, debit_decision
from detector.entering import JUDGED, STALE, TOO_LATE, Rows
from detector.events import ACCOUNT, KINDS, OBJECT, VERIFICATION
from detector.features import Columns
from detector.obligation_steps import ABOUT_OBLIGATIONS
from detector.obligations import Obligations
from detector.outages import Fact
from detector.policy import Policy
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.schema import AutoDebit, Disposition, Event
from detector.treatment import Calendar, Contacts
from detector.trials import Trial

SCHEDULED: Final = KINDS["debit_scheduled"]
HEARD: Final = [
    KINDS[word]
    for word in sorted(ABOUT_OBLIGATIONS | COMPLAINTS | {"confirmed_fraud", "false_positive"})
]


class _Row(NamedTuple):
    """A debit's or disposition's row of the batch."""

    at: int
    state: int
    is_degraded: int
    clock_ms: int
    words: tuple[int, int, int]  # hashes of account, obligation, mandate
    history: Sequence[float]  # as DEBIT_COLUMNS


@dataclass(slots=True)
class Repaid:
    """What a batch's debits made, by batch row."""

    alerts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    decisions: dict[int, dict[str, Any]] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

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

    @property
    def standings(self) -> Mapping[tuple[str, bool], int]:
        """How many obligations have an alert that stands, by its typology and whether anybody
        acted (contact, plan, hardship) since the latest failure."""
        return self.obligations.borrowers.standings.counts

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
        clocks = rows.clock[part]
        for row in self._read(rows, places):
            if self.obligations.is_due_before(row.clock_ms):
                self._fire(clocks[: row.at + 1 - first], first, repaid)
            event = events[row.at]
            if isinstance(event, AutoDebit):
                self._debit(event, row, int(kinds[row.at]) == SCHEDULED, repaid)
            elif isinstance(event, Disposition) and row.state != STALE:
                self._disposition(event, row, repaid)
        self._fire(clocks, first, repaid)
        return repaid

    def advance(self, clock_ms: int) -> list[dict[str, Any]]:
        """What falls due before a time that the clock reaches without an event."""
        records = []
        while (fired := self.obligations.fire_before(clock_ms)) is not None:
            records += fired[1]
        return records

    def hear(self, facts: Sequence[Fact], at_ms: int) -> list[dict[str, Any]]:
        """Take word of outages; what it changes."""
        return self.obligations.hear(facts, at_ms)

    def take_trials(self) -> list[Trial]:
        """How obligations went since this was last asked."""
        return self.obligations.trials.take()

    def forget(self, clock_ms: int, lateness_ms: int) -> None:
        """Drop the days that nothing still to be judged can ask for."""
        self.contacts.forget_before(clock_ms - lateness_ms)
        self.conduct.forget_before(clock_ms - lateness_ms)
        self.obligations.forget()

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

    def _read(self, rows: Rows, places: NDArray[np.int64]) -> Iterator[_Row]:
        """These rows as plain numbers, which cost a tenth when read at once."""
        words = rows.words[np.ix_(places, np.array([ACCOUNT, OBJECT, VERIFICATION]))]
        histories = rows.values[np.ix_(places, self._columns)]
        columns = places, rows.state[places], rows.degraded[places], rows.clock[places]
        lists: list[Any] = [column.tolist() for column in (*columns, words, histories)]
        return starmap(_Row, zip(*lists, strict=True))

    def _debit(self, event: AutoDebit, row: _Row, is_scheduled: bool, repaid: Repaid) -> None:
        decision, chance = None, 0.0
        if is_scheduled:
            decision = self._decision(event, row.history, bool(row.is_degraded))
            chance = decision["score"]
            repaid.decisions[row.at] = decision
        if row.state == STALE:
            return
        account, number, mandate = row.words
        is_judged = row.state == JUDGED
        records = self.obligations.debit(
            (account, number), event, mandate, chance, row.clock_ms, is_judged=is_judged
        )
        if decision is not None and records:
            decision["alert_ids"] = list(dict.fromkeys(one["alert_id"] for one in records))
        repaid.say(row.at, records)
        obligation = self.obligations.of((account, number))
        if is_judged and self._sources["auto_debit"] and obligation is not None:
            repaid.say(row.at, self.conduct.debit(account, obligation, event.event_id))

    def _disposition(self, event: Disposition, row: _Row, repaid: Repaid) -> None:
        account, is_judged = row.words[0], row.state == JUDGED
        if event.disposition in COMPLAINTS and is_judged:
            channel = self.obligations.channel_of(account, event)
            repaid.complaints.append(
                Complaint(row.at, row.clock_ms, event.occurred_at, channel, event.event_id,
                          event.account_id or "")
            )  # fmt: skip
        if event.disposition == "contacted":
            is_hardship = self.obligations.is_under_hardship(account, event)
            is_voice = event.contact_channel == "voice" and bool(event.contact_reached)
            voices = self.contacts.count(account, event.occurred_at, is_voice=is_voice)
            if is_judged and self._sources["disposition"]:
                repaid.say(row.at, self.conduct.contact(
                    account, event, voices=voices, is_hardship=is_hardship
                ))  # fmt: skip
        records = self.obligations.disposition(account, event, row.clock_ms, is_judged=is_judged)
        repaid.say(row.at, records)

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
