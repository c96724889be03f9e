"""The repayment half of the slow engine: what is said of obligations, conduct and limits (law 25).

The laws cited are those of detector/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.reference_memory import DAY, HOUR, Entry
from tests.reference_obligations import (
    OUTLOOK,
    SCORE,
    SHORT,
    TRIES,
    Alerts,
    Contacts,
    Obligation,
    standing,
    word,
)
from tests.reference_terms import Terms


@dataclass
class Ledger:
    """What is known of one account beside single obligations."""

    born: int  # arrival of what first told of it
    dues: list[int] = field(default_factory=list)
    hardship: tuple[int, int] | None = None  # the newest that says until when
    reduced_at: int | None = None
    freeze: dict[str, Any] | None = None


class Repayment:
    """Obligations, ledgers, contacts and day's counts of one account stage."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.obligations: dict[tuple[str, str], Obligation] = {}
        self.ledgers: dict[str, Ledger] = {}
        self.contacts = Contacts(terms)
        self.voices: list[tuple[str, int]] = []
        self.days: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.has_feed = "auto_debit" not in terms.missing_sources
        self.looked_ms = -1  # every moment before it was looked at

    # -- time ------------------------------------------------------------------------------------

    def go_on(self, clock_ms: int) -> Alerts:
        """Law 25: what is due before the clock, in order of time, then of birth."""
        if clock_ms <= self.looked_ms:
            return []
        moments = []
        for key, one in self.obligations.items():
            if not self.has_feed or (one.paid_at() is not None and not one.is_open):
                continue
            for moment in one.moments() | self.edges(key[0]):
                over_ms = one.kept_until() + self.terms.lateness_ms
                if self.looked_ms <= moment < min(clock_ms, over_ms):
                    moments.append((moment, 2 * one.born + 1, key))
        for account, ledger in self.ledgers.items():
            if ledger.freeze is not None and ledger.freeze["expires_at"] < clock_ms:
                moments.append((ledger.freeze["expires_at"], 2 * ledger.born, (account, "")))
        said: Alerts = []
        for moment, _, key in sorted(moments):
            if key[1] == "":
                said += self.thaw(key[0])
            else:
                one = self.obligations[key]
                if self.passes(key, one, moment):
                    said += self.look(key, one, moment + 1, moment, one.events[-1].id)
        self.looked_ms = clock_ms
        for key in [
            key for key, one in self.obligations.items()
            if one.kept_until() + self.terms.lateness_ms < clock_ms
        ]:  # fmt: skip
            del self.obligations[key]
        return said

    def passes(self, key: tuple[str, str], one: Obligation, moment: int) -> bool:
        """Whether anything else is to be said after a moment than at it."""
        hardship = self.ledger(key[0]).hardship
        at, after = (
            standing(one, max(t, one.newest_ms), hardship, self.terms)["saying"]
            for t in (moment, moment + 1)
        )  # fmt: skip
        return bool(at != after)

    def edges(self, account: str) -> set[int]:
        """Where relief and an account's hardship begin and end."""
        ends = {edge - 1 for start, end, _ in self.terms.relief for edge in (start, end)}
        hardship = self.ledger(account).hardship
        return ends if hardship is None else ends | {hardship[0] - 1, hardship[1]}

    # -- events ----------------------------------------------------------------------------------

    def debit(self, entry: Entry, chance: float, clock_ms: int) -> Alerts:
        assert entry.account is not None and entry.obligation is not None
        key = entry.account, entry.obligation
        one = self.obligations.get(key)
        if one is None or entry.t > one.kept_until():
            one = Obligation(("obligation", *key), entry.account, entry.arrival)
            one.due = entry.event["amount_due_minor"]
            self.obligations[key] = one
            ledger, due_at = self.ledger(entry.account, entry.arrival), entry.event["due_at"]
            ledger.dues = [*(d for d in ledger.dues if d > due_at - 90 * DAY), due_at][-64:]
        one.add(entry)
        if word(entry) == "scheduled" and one.debits[-1] is entry:
            one.chances[entry.id] = chance
        if not entry.judged or not self.has_feed:
            return []
        said = self.look(key, one, max(clock_ms, one.newest_ms), entry.t, entry.id)
        return said + self.pressing(one, entry)

    def disposition(self, entry: Entry, clock_ms: int) -> Alerts:
        assert entry.account is not None
        name, said = word(entry), Alerts()
        if name == "contacted":
            said += self.contact(entry)
        if name in ("confirmed_fraud", "false_positive"):
            return self.verdict(entry) if entry.judged else []
        until = entry.event.get("until_at")
        hears = name == "hardship_granted" and until is not None
        ledger = self.ledger(entry.account, entry.arrival if hears else 0)
        own = {key: one for key, one in self.obligations.items() if key[0] == entry.account}
        if hears and (ledger.hardship is None or entry.t >= ledger.hardship[0]):
            ledger.hardship = (entry.t, until)
        if name not in ("contacted", "plan_agreed", "hardship_granted", "system_fault"):
            return said
        named = self.named(entry)
        for key, one in sorted(own.items(), key=lambda pair: pair[1].born):
            unpaid = one.paid_at() is None
            if one is named or (named is None and name == "hardship_granted" and unpaid):
                one.add(entry)
            elif name != "hardship_granted":
                continue
            if entry.judged and self.has_feed:
                said += self.look(key, one, max(clock_ms, one.newest_ms), entry.t, entry.id)
        return said

    def named(self, entry: Entry) -> Obligation | None:
        target = entry.event.get("target_event_id")
        own = (one for key, one in self.obligations.items() if key[0] == entry.account)
        return next((one for one in own if any(e.id == target for e in one.events)), None)

    # -- what is said ----------------------------------------------------------------------------

    def look(self, key: tuple[str, str], one: Obligation, t: int, at: int, event_id: str) -> Alerts:
        t = max(t, one.newest_ms)
        ledger = self.ledger(key[0])
        now = standing(one, t, ledger.hardship, self.terms)
        before = one.said
        if not now["state"] and not one.is_open:
            return []
        if one.is_open and now["saying"] == before:
            return []
        state = now["state"] or before[0]
        status = "resolved" if not now["state"] else "updated" if one.is_open else "open"
        one.revision, one.status = one.revision + 1, status
        one.opened_at = one.opened_at or at
        one.said = (state, *now["saying"][1:])
        severity, actions, raised, raised_actions = OUTLOOK[state]
        if now["raised"]:
            severity, actions = raised or severity, raised_actions or actions
        flags = {name: now[name] for name in ("caused", "hardship", "deferred")}
        said = [self.alert(
            one.id, one.revision, status, state, severity, ("account", key[0]), event_id, at,
            one.opened_at, actions, self.contacts.treatment(key[0], at, **flags),
        )]  # fmt: skip
        if status == "resolved" and state == "overdue" and now["paid"]:
            said += self.restored(key[0], at, event_id)
        if now["state"] == "overdue" and not now["caused"]:
            if one.counted_overdue is None:
                one.counted_overdue = one.overdue_at
                said += self.reduced(key[0], at, event_id)
        elif now["paid"] and (one.paid_at() or 0) <= (one.counted_overdue or -1):
            one.counted_overdue = None
        return said

    def alert(
        self, id: tuple[Any, ...], revision: int, status: str, typology: str, severity: str,
        entity: tuple[str, str], event_id: str, at: int, opened_at: int, actions: list[str],
        treatment: dict[str, Any], expires_at: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        return {
            "alert_id": id, "revision": revision, "status": status, "typology": typology,
            "severity": severity, "entity": entity,
            "account_id": entity[1] if entity[0] == "account" else None,
            "trigger_event_id": event_id, "occurred_at": at, "opened_at": opened_at,
            "score": SCORE[severity], "actions": actions, "rules": [typology],
            "treatment": treatment, "expires_at": expires_at, "evidence": [],
        }  # fmt: skip

    # -- limits ----------------------------------------------------------------------------------

    def ledger(self, account: str, arrival: int = 0) -> Ledger:
        ledger = self.ledgers.setdefault(account, Ledger(arrival))
        ledger.born = ledger.born or arrival
        return ledger

    def reduced(self, account: str, at: int, event_id: str) -> Alerts:
        """Three of 90 days, and a third of what was due; once in 90 days; nothing relieved."""
        ledger = self.ledger(account)
        own = [one for key, one in self.obligations.items() if key[0] == account]
        unpaid = [
            one for one in own
            if one.counted_overdue is not None and one.counted_overdue > at - 90 * DAY
        ]  # fmt: skip
        due = sum(at - 90 * DAY < moment <= at for moment in ledger.dues)
        hardship = ledger.hardship is not None and ledger.hardship[0] <= at <= ledger.hardship[1]
        relieved = hardship or any(
            one.hardship_told() or (one.is_open and one.said[0] == "deferred") for one in own
        )
        lately = ledger.reduced_at is not None and at - ledger.reduced_at < 90 * DAY
        if len(unpaid) < 3 or len(unpaid) * 3 < due or relieved or lately:
            return []
        ledger.reduced_at = at
        return [self.alert(
            ("limit_reduction", account, at, event_id), 1, "open", "limit_reduction", "medium",
            ("account", account), event_id, at, at, ["manual_review", "reduce_limit"],
            self.contacts.treatment(account, at),
        )]  # fmt: skip

    def restored(self, account: str, at: int, event_id: str) -> Alerts:
        return [self.alert(
            ("limit_restoration", account, at, event_id), 1, "open", "limit_restoration", "info",
            ("account", account), event_id, at, at, ["restore_limit"],
            self.contacts.treatment(account, at),
        )]  # fmt: skip

    def verdict(self, entry: Entry) -> Alerts:
        assert entry.account is not None
        ledger = self.ledger(entry.account, entry.arrival)
        target = entry.event.get("target_event_id")
        if word(entry) == "confirmed_fraud":
            if ledger.freeze is None:
                id = ("limit_freeze", entry.account, entry.t, entry.id)
                ledger.freeze = {"id": id, "revision": 0, "opened_at": entry.t, "targets": []}
            targets = [one for one in ledger.freeze["targets"] if one != target]
            ledger.freeze["targets"] = [*targets, target][-16:]
            expires = max(ledger.freeze.get("expires_at", 0), entry.t + DAY)
            ledger.freeze |= {"expires_at": expires, "event_id": entry.id}
            return [self.frozen(entry.account, "updated", entry.t, entry.id)]
        if ledger.freeze is None:
            return []
        left = [one for one in ledger.freeze["targets"] if one != target]
        if left:
            ledger.freeze["targets"] = left
            return []
        said = [self.frozen(entry.account, "withdrawn", entry.t, entry.id)]
        ledger.freeze = None
        return said + self.restored(entry.account, entry.t, entry.id)

    def thaw(self, account: str) -> Alerts:
        freeze = self.ledger(account).freeze
        assert freeze is not None
        said = [self.frozen(account, "resolved", freeze["expires_at"], freeze["event_id"])]
        self.ledger(account).freeze = None
        return said

    def frozen(self, account: str, status: str, at: int, event_id: str) -> dict[str, Any]:
        freeze = self.ledger(account).freeze
        assert freeze is not None
        freeze["revision"] += 1
        status = "open" if freeze["revision"] == 1 else status
        expires = freeze["expires_at"] if status in ("open", "updated") else None
        return self.alert(
            freeze["id"], freeze["revision"], status, "limit_freeze", "high",
            ("account", account), event_id, at, freeze["opened_at"], ["freeze_limit"],
            self.contacts.treatment(account, at), expires,
        )  # fmt: skip

    # -- the lender's conduct --------------------------------------------------------------------

    def pressing(self, one: Obligation, entry: Entry) -> Alerts:
        """Attempts that follow a failure for want of balance: beyond four, or within an hour."""
        tries = one.tries()
        if word(entry) not in TRIES or word(entry) == "channel_error" or entry not in tries:
            return []
        before = tries[: tries.index(entry)]
        short = [e for e in before if word(e) in SHORT and e.mandate == entry.mandate]
        if not short or word(before[-1]) == "channel_error":
            return []
        reached = [e for e in before if word(e) != "channel_error"]
        if len(reached) < 4 and entry.t - reached[-1].t >= HOUR:
            return []
        channel = one.debits[-1].event["channel"]
        treatment = self.contacts.treatment(one.account, entry.t, caused=True)
        return self.noted("excessive_retry", "medium", ("channel", channel), entry, treatment)

    def contact(self, entry: Entry) -> Alerts:
        assert entry.account is not None
        told, local = entry.event, self.contacts.local(entry.t)
        account, named = entry.account, self.named(entry)
        own = [named] if named else [
            one for key, one in self.obligations.items() if key[0] == account
        ]  # fmt: skip
        hardship = any(
            standing(one, entry.t, self.ledger(account).hardship, self.terms)["hardship"]
            for one in own
        )
        self.contacts.told.append((account, entry.t))
        voice = told.get("contact_channel") == "voice" and told.get("contact_reached") is True
        if voice:
            self.voices.append((account, entry.t))
        if not entry.judged or "disposition" in self.terms.missing_sources:
            return []
        calls = sum(
            who == account and self.contacts.local(at).date() == local.date()
            for who, at in self.voices
        )
        night = not 8 <= local.hour < 22 and told.get("contact_consent") is not True
        if not (night or (voice and calls > 3) or told.get("contact_party") == "other" or hardship):
            return []
        agency = told.get("agency_id")
        entity = ("account", account) if agency is None else ("agency", agency)
        treatment = self.contacts.treatment(account, entry.t, hardship=hardship)
        return self.noted("contact_breach", "high", entity, entry, treatment)

    def noted(
        self, typology: str, severity: str, entity: tuple[str, str], entry: Entry,
        treatment: dict[str, Any],
    ) -> Alerts:  # fmt: skip
        """One alert an entity and local day; each of the first 16 is told, then powers of two."""
        id = (typology, *entity, self.contacts.local(entry.t).date())
        day = self.days.setdefault(id, {"count": 0, "revision": 0, "opened_at": entry.t})
        day["count"] += 1
        if day["count"] > 16 and day["count"] & (day["count"] - 1):
            return []
        day["revision"] += 1
        return [self.alert(
            id, day["revision"], "open" if day["revision"] == 1 else "updated", typology, severity,
            entity, entry.id, entry.t, day["opened_at"], ["escalate"], treatment,
        )]  # fmt: skip
