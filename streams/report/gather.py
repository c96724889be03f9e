"""What the data looked like: counted while the log passes, once."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median

from detector.schema import AutoDebit, Disbursement, Disposition, Event, IdentityVerification, Login
from streams.explain_values import Clock

HOUR_MS = 3_600_000
PAID = frozenset({"success", "settled"})
TYPE_OF = {
    Login: "login", IdentityVerification: "identity_verification", Disbursement: "disbursement",
    AutoDebit: "auto_debit", Disposition: "disposition",
}  # fmt: skip


@dataclass(slots=True)
class Draws:
    """Disbursements, each once though several events tell of it; money by currency."""

    statuses: dict[str, str] = field(default_factory=dict)  # the newest word, by disbursement
    paid: dict[str, tuple[str, int]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def take(self, event: Disbursement) -> None:
        name = event.disbursement_id
        self.statuses[name] = event.status
        self.owners[name] = event.payee_owner
        if event.status == "paid":
            self.paid[name] = (event.currency, event.amount_minor)

    def paid_by_currency(self) -> dict[str, list[int]]:
        amounts: dict[str, list[int]] = defaultdict(list)
        for currency, minor in self.paid.values():
            amounts[currency].append(minor)
        return dict(amounts)


@dataclass(slots=True)
class Data:
    """Counts of everything that the report shows of the log.

    Hours and days are local. `hours`: events by type and hour; `days`: events by day's ordinal.
    """

    clock: Clock
    has_repeats: bool  # a repeat is the same event again, and counts once
    seen: set[str] = field(default_factory=set)
    types: Counter[str] = field(default_factory=Counter)
    hours: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    days: Counter[int] = field(default_factory=Counter)
    draws: Draws = field(default_factory=Draws)
    checks: Counter[str] = field(default_factory=Counter)
    debits: Counter[str] = field(default_factory=Counter)
    channels: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dispositions: Counter[str] = field(default_factory=Counter)
    instalments: dict[tuple[str, str], bool] = field(default_factory=dict)  # is it paid
    _places: dict[int, tuple[int, int]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Count one event."""
        if self.has_repeats:
            if event.event_id in self.seen:
                return
            self.seen.add(event.event_id)
        kind = TYPE_OF[type(event)]
        day, hour = self.place(event.occurred_at)
        self.types[kind] += 1
        self.hours[kind][hour] += 1
        self.days[day] += 1
        if isinstance(event, Disbursement):
            self.draws.take(event)
        elif isinstance(event, IdentityVerification):
            self.checks[event.outcome] += 1
        elif isinstance(event, AutoDebit):
            self.debits[event.outcome] += 1
            key = event.account_id, event.obligation_id
            if event.outcome in PAID or event.outcome == "reversed":
                self.instalments[key] = event.outcome in PAID
            else:
                self.instalments.setdefault(key, False)
            if event.attempt > 0:
                self.channels[event.channel][event.outcome] += 1
        elif isinstance(event, Disposition):
            self.dispositions[event.disposition] += 1

    def place(self, ms: int) -> tuple[int, int]:
        """The local day's ordinal and the hour, looked up once a quarter of an hour: zones keep
        to quarters."""
        quarter = ms // (HOUR_MS // 4)
        known = self._places.get(quarter)
        if known is None:
            local = self.clock.local(ms)
            known = self._places[quarter] = local.toordinal(), local.hour
        return known


def middle(values: list[int]) -> float:
    """The median; 0 of nothing."""
    return float(median(values)) if values else 0.0
