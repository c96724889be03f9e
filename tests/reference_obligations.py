"""Law 25 in plain Python: obligations as lists of their events, looked at whenever they may change.

Nothing is kept of a look but what was said. Where the engine computes its next deadline, this looks
at every moment that could be one; the laws cited are those of detector/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference_memory import DAY, HOUR, Entry
from tests.reference_terms import Terms

Alerts = list[dict[str, Any]]
STEP_LIMIT = 64
FOREVER = 1 << 62
SHORT = ("insufficient_balance", "partial")
TRIES = (*SHORT, "success", "channel_error", "mandate_invalid", "account_frozen")
OUTLOOK = {  # severity and actions of each state, then of its second degree
    "shortfall_forecast": ("info", ["remind"], None, None),
    "debit_failed": ("low", ["remind"], None, None),
    "debit_unhandled": ("medium", ["escalate"], "high", ["escalate"]),
    "debit_missed": ("high", ["retry_debit"], None, None),
    "overdue_imminent": ("medium", ["escalate"], None, None),
    "overdue": ("medium", ["remind", "offer_plan"], "high", ["remind", "offer_plan"]),
    "deferred": ("info", ["offer_plan"], None, None),
    "plan_broken": ("medium", ["offer_plan"], None, None),
    "mandate_invalid": ("low", ["renew_mandate"], "medium", ["manual_review"]),
    "account_frozen": ("low", ["renew_mandate"], "medium", ["manual_review"]),
}
SCORE = {"info": 0.1, "low": 0.25, "medium": 0.5, "high": 0.8}


def word(entry: Entry) -> str:
    return str(entry.event["outcome"] if entry.is_debit else entry.event["disposition"])


@dataclass
class Obligation:
    """One account's events of one obligation, by time and arrival, and what was said."""

    id: tuple[Any, ...]
    account: str
    born: int
    events: list[Entry] = field(default_factory=list)
    chances: dict[str, float] = field(default_factory=dict)  # of failing, by scheduled event
    due: int = 0  # as its first event to arrive tells
    revision: int = 0
    status: str = ""
    said: tuple[Any, ...] = ()
    opened_at: int = 0
    counted_overdue: int | None = None

    def add(self, entry: Entry) -> None:
        self.events = sorted([*self.events, entry], key=lambda e: (e.t, e.arrival))
        if len(self.events) > STEP_LIMIT:
            del self.events[1]

    @property
    def debits(self) -> list[Entry]:
        return [entry for entry in self.events if entry.is_debit]

    @property
    def newest_ms(self) -> int:
        return max(entry.t for entry in self.events)

    @property
    def due_at(self) -> int:
        return int(self.debits[-1].event["due_at"])

    @property
    def overdue_at(self) -> int:
        return int(self.debits[-1].event["overdue_at"])

    @property
    def is_open(self) -> bool:
        return self.status in ("open", "updated")

    def since_reversal(self) -> list[Entry]:
        words = [word(entry) for entry in self.events]
        last = max((at for at, name in enumerate(words) if name == "reversed"), default=-1)
        return self.events[last + 1 :]

    def debited(self) -> int:
        return sum(
            entry.event["amount_debited_minor"] for entry in self.since_reversal()
            if word(entry) in ("partial", "success")
        )  # fmt: skip

    def paid_at(self) -> int | None:
        total = 0
        for entry in self.since_reversal():
            total += entry.event["amount_debited_minor"] if word(entry) == "partial" else 0
            total += entry.event["amount_debited_minor"] if word(entry) == "success" else 0
            if word(entry) in ("success", "settled"):
                return entry.t
            if word(entry) == "partial" and total >= self.due:
                return entry.t
        return None

    def failures(self) -> list[Entry]:
        return [entry for entry in self.events if word(entry) in SHORT]

    def tries(self) -> list[Entry]:
        return [entry for entry in self.events if word(entry) in TRIES]

    def newest(self, name: str) -> Entry | None:
        return next((e for e in reversed(self.events) if word(e) == name), None)

    def kept_until(self) -> int:
        if self.revision:
            return self.newest_ms + 180 * DAY
        if self.paid_at() is not None:
            return self.newest_ms + 3 * DAY
        return min(max(self.newest_ms, self.overdue_at), self.newest_ms + 180 * DAY) + 3 * DAY

    def hardship_told(self) -> bool:
        told = [e for e in self.debits if e.event.get("hardship") is not None]
        return bool(told) and bool(told[-1].event["hardship"])

    def imminent_at(self) -> int:
        quarter = max(0, self.overdue_at - self.due_at) // 4
        return self.overdue_at - min(quarter, DAY)

    def held_until(self) -> int:
        """Up to when a failure after the rail's own error waits: half an hour, to the minute."""
        if not self.failures():
            return -1
        before = self.events[: self.events.index(self.failures()[0])]
        held = [(e.t + HOUR // 2 + 59_999) // 60_000 for e in before if word(e) == "channel_error"]
        return max(held, default=-1) * 60_000

    def moments(self) -> set[int]:
        """Every moment that could be a deadline."""
        found = {
            self.due_at + 4 * HOUR, self.due_at - 3 * DAY, self.overdue_at,
            self.overdue_at - DAY, self.imminent_at(), self.held_until(),
        }  # fmt: skip
        for entry in self.events:
            found |= {entry.t + 4 * HOUR, entry.t + 30 * HOUR, entry.t + 72 * HOUR}
            until = entry.event.get("until_at")
            found |= set() if until is None else {until, until + DAY}
        return found


@dataclass
class Pause:
    from_ms: int
    to_ms: int  # included
    hardship: bool


def pauses(one: Obligation, account: tuple[int, int] | None, terms: Terms) -> list[Pause]:
    """What defers it: hardship, relief, a plan and the day after it."""
    found = [
        Pause(start, end - 1, True) for start, end, channels in terms.relief
        if not channels or one.debits[-1].event["channel"] in channels
    ]  # fmt: skip
    if one.hardship_told():
        found.append(Pause(0, FOREVER, True))
    if account is not None:
        found.append(Pause(*account, True))
    granted, plan = one.newest("hardship_granted"), one.newest("plan_agreed")
    if granted is not None:
        found.append(Pause(granted.t, granted.event.get("until_at", FOREVER), True))
    if plan is not None:
        until = plan.event.get("until_at")
        found.append(Pause(plan.t, FOREVER if until is None else until + DAY, False))
    return found


def raw_state(one: Obligation, t: int, terms: Terms) -> tuple[str, bool]:
    """The state if nothing defers it, and whether in its second degree; what is due at a moment
    has passed only after it."""
    failures, tries, plan = one.failures(), one.tries(), one.newest("plan_agreed")
    last = tries[-1] if tries else None
    scheduled = [e for e in one.events if word(e) == "scheduled" and e.t <= one.overdue_at]
    if plan is not None and t > plan.event.get("until_at", FOREVER) + DAY:
        return "plan_broken", False
    if t > one.overdue_at:
        return "overdue", False
    if last is not None and word(last) in ("mandate_invalid", "account_frozen"):
        return word(last), t > one.overdue_at - DAY
    if last is None and scheduled and t > one.due_at + 4 * HOUR:
        return "debit_missed", False
    if last is not None and word(last) == "channel_error" and t > last.t + 4 * HOUR:
        return "debit_missed", False
    if failures and t > one.imminent_at():
        return "overdue_imminent", False
    if failures and last is failures[-1] and "disposition" not in terms.missing_sources:
        after = one.events[one.events.index(last) + 1 :]
        answers = ("contacted", "plan_agreed", "hardship_granted")
        if not any(word(entry) in answers for entry in after) and t > last.t + 30 * HOUR:
            return "debit_unhandled", t > last.t + 72 * HOUR
    if failures and t > one.held_until():
        return "debit_failed", False
    if chance_of(one) >= 0.5 and last is None and scheduled and t > one.due_at - 3 * DAY:
        return "shortfall_forecast", False
    return "", False


def chance_of(one: Obligation) -> float:
    """Of the scheduled event that was the newest of all debits when it came."""
    return next((one.chances[e.id] for e in reversed(one.debits) if e.id in one.chances), 0.0)


def system_caused(one: Obligation, state: str) -> bool:
    if one.newest("system_fault") is not None or state == "debit_missed":
        return True
    if state != "overdue":
        return False
    in_time = [entry for entry in one.tries() if entry.t <= one.overdue_at]
    if in_time:
        return word(in_time[-1]) == "channel_error"
    return any(word(e) == "scheduled" and e.t <= one.overdue_at for e in one.events)


def standing(
    one: Obligation, t: int, account: tuple[int, int] | None, terms: Terms
) -> dict[str, Any]:
    """What is to be said of an obligation at a moment."""
    paid = one.paid_at() is not None
    state, raised = ("", False) if paid else raw_state(one, t, terms)
    running = [p for p in pauses(one, account, terms) if p.from_ms <= t <= p.to_ms]
    running = [] if paid else running
    if state and running:
        state, raised = ("" if state == "shortfall_forecast" else "deferred"), False
    caused = not paid and system_caused(one, state)
    raised = raised or (state == "overdue" and caused)
    saying = (state, raised, len(one.failures()), one.debited(), paid, caused)
    return {
        "state": state, "raised": raised, "saying": saying, "caused": caused, "paid": paid,
        "hardship": any(p.hardship for p in running), "deferred": bool(running),
    }  # fmt: skip


class Contacts:
    """Hours and counts of contacts (the contract's treatment)."""

    def __init__(self, terms: Terms) -> None:
        self.zone = ZoneInfo(terms.timezone)
        self.told: list[tuple[str, int]] = []  # account, time

    def local(self, t: int) -> datetime:
        return datetime.fromtimestamp(t / 1000, self.zone)

    def treatment(self, account: str, t: int, **flags: bool) -> dict[str, Any]:
        day = self.local(t).date()
        used = sum(who == account and self.local(at).date() == day for who, at in self.told)
        morning = datetime(day.year, day.month, day.day, 8, tzinfo=self.zone)
        earliest = t
        if used >= 3 or self.local(t).hour >= 22:
            earliest = round((morning + timedelta(days=1)).timestamp() * 1000)
        elif self.local(t).hour < 8:
            earliest = round(morning.timestamp() * 1000)
        caused, hardship = flags.get("caused", False), flags.get("hardship", False)
        return {
            "earliest_contact_at": earliest, "contacts_left_today": max(0, 3 - used),
            "system_caused": caused, "hardship": hardship,
            "do_not_report": caused or hardship or flags.get("deferred", False),
        }  # fmt: skip
