"""What the slow engine measures: readings of one event at one stage, memory as of its place.

The laws cited are those of detector/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.reference_logic import NO_HISTORY, SOURCE_MISSING, Number, Truth, Unknown, known
from tests.reference_memory import DAY, SECOND, Entity, Entry, Known
from tests.reference_terms import Terms

NEVER_MS = 4_000_000_000_000  # the age of a hit that never was


@dataclass
class View:
    """What a rule sees of one event at one stage."""

    entity: Entity
    entry: Entry
    since_ms: int  # of the stage (law 3)
    terms: Terms
    allowed: bool  # the stage's entity is on the policy's allow-list
    hit_times: list[int]  # of the rule's typology on this entity so far
    counted: list[Entry] = field(default_factory=list)  # law 24, by the rules of laws 20a to 20h

    def told(self, name: str) -> Any:
        """A field of the event, unless the policy says that it is never there (law 19)."""
        never = f"{self.entry.type}.{name}" in self.terms.absent_fields
        return known(None if never else self.entry.event.get(name), SOURCE_MISSING)

    def counts(self, entries: list[Entry]) -> list[Entry]:
        self.counted += entries
        return entries

    def evidence(self) -> list[str]:
        """Law 24: the event, then what was counted of the 24 h before it, newest first."""
        recent = {
            entry.place: entry.id for entry in self.counted
            if entry is not self.entry and entry.t > self.entry.t - DAY
        }  # fmt: skip
        return [self.entry.id, *(recent[place] for place in sorted(recent, reverse=True))][:32]

    # -- the window --

    def draws(self, span_ms: int, before: bool = False) -> list[Entry]:
        return self.entity.draws_up_to(self.entry, span_ms, before)

    def covered(self, span_ms: int) -> Truth:
        """Law 18."""
        return True if self.entry.t - self.since_ms >= span_ms else NO_HISTORY

    def fed(self, event_type: str, value: Number) -> Number:
        """Law 20: a reading of a feed that is not there is not known."""
        return SOURCE_MISSING if event_type in self.terms.missing_sources else value

    def cause(self, name: str) -> Unknown:
        """Law 19: why this event's own id is missing; of a payer nobody counts how usual it is."""
        return Unknown(frozenset({self.entry.causes.get(name, "source_missing")}))

    # -- identity verifications (account stage) --

    def named(self, passed_only: bool) -> Number:
        """Checks in the ring up to D whose id D names; 0 if D names none (law 11 went before)."""
        at = self.entry
        if at.verification is None:
            return self.fed("identity_verification", 0)
        count = sum(
            other.is_check and other.verification == at.verification
            and (other.passed_check or not passed_only)
            for other in self.entity.ring if other.place <= at.place
        )  # fmt: skip
        return self.fed("identity_verification", count)

    def passes(self, span_ms: int, right: bool) -> Number:
        """Passed checks of the same session or device (law 16 same_any; right: agree too)."""
        if "identity_verification" in self.terms.missing_sources:
            return SOURCE_MISSING
        put_away_ms = self.entity.put_away_ms
        if put_away_ms is not None and put_away_ms > self.entry.t - span_ms:
            return NO_HISTORY  # law 17, `whole`
        count = 0
        for other in self.entity.up_to(self.entry, span_ms):
            if other.passed_check and same_any(self.entry, other):
                count += agree(self.entry, other) or not right
        return count

    def session_logins(self) -> Number:
        if self.entry.session is None:
            return self.fed("login", 0)
        count = sum(
            other.is_login and not other.failed_login and other.session == self.entry.session
            for other in self.entity.up_to(self.entry, DAY)
        )
        return self.fed("login", count)

    def reused(self) -> list[Entry] | Unknown:
        """Earlier draws that D's check had released already."""
        at = self.entry
        if at.verification is None:
            return self.cause("verification")
        return [
            other for other in self.entity.draws_up_to(at, at.t + 1, before=True)
            if other.verification == at.verification and other.disbursement != at.disbursement
        ]  # fmt: skip

    # -- ages (account stage) --

    def age(self, kind: str) -> Number:
        """How long this account has known the event's device or payee."""
        key = getattr(self.entry, kind)
        if key is None:
            return self.cause(kind)
        member = self.entity.known[kind].get(key)
        return NO_HISTORY if member is None else self.entry.t - member.first * SECOND

    def entity_age(self) -> int:
        """Law 13: the entity's own first seen, in ms."""
        assert self.entity.first_seen_ms is not None  # the event itself was remembered
        return self.entry.t - self.entity.first_seen_ms

    # -- accounts of a device, network or payee --

    def own(self) -> Known | None:
        return self.entity.known["account"].get(self.entry.account)

    def accounts_seen(self, span_ms: int) -> int:
        return sum(
            member.last >= 0 and member.last * SECOND > self.entry.t - span_ms
            for member in self.entity.known["account"].places
        )

    def newcomers(self, accounts: set[str | None], span_ms: int) -> int:
        """Those of the accounts that the entity first saw in (t - span, t]."""
        t = self.entry.t
        members = [self.entity.known["account"].get(account) for account in accounts]
        return sum(
            member is not None and member.first >= 0 and t - span_ms < member.first * SECOND <= t
            for member in members
        )

    def fraud_accounts(self) -> int:
        """Law 14: accounts with a fraud label in (t - 90 d, t]."""
        t = self.entry.t
        return sum(
            member.label == "fraud" and t - 90 * DAY < (member.label_at or 0) * SECOND <= t
            for member in self.entity.known["account"].places
        )

    def cleared(self) -> bool:
        own = self.own()
        if own is None or own.label != "cleared" or own.label_at is None:
            return False
        return own.label_at * SECOND <= self.entry.t

    def login_after_failure(self) -> Number:
        own = self.own()
        if own is None or own.good_login is None or own.failed_login is None:
            return self.fed("login", NO_HISTORY)
        after = (own.good_login - own.failed_login) * SECOND
        return self.fed("login", NO_HISTORY if after < 0 else after)

    def since_login(self) -> Number:
        own = self.own()
        if own is None or own.good_login is None:
            return self.fed("login", NO_HISTORY)
        return self.fed("login", self.entry.t - own.good_login * SECOND)

    def usual_accounts(self) -> Number:
        """Law 13: openings a day since first seen, without the last 24 h."""
        days = (self.entity_age() - DAY) / DAY
        if days <= 0:
            return NO_HISTORY
        recent = sum(other.opening for other in self.entity.up_to(self.entry, DAY))
        return (self.entity.openings - recent) / max(1.0, days)

    def hit_age(self) -> int:
        """Law 24, the standing column."""
        ages = [self.entry.t - t for t in sorted(self.hit_times)[-64:]]
        return min((age for age in ages if 0 <= age < 7 * DAY), default=NEVER_MS)


def same_any(at: Entry, other: Entry) -> bool:
    """Law 16: one of session and device equal; an event that carries neither matches all."""
    mine = [(at.session, other.session), (at.device, other.device)]
    carried = [pair for pair in mine if pair[0] is not None]
    return not carried or any(own == its for own, its in carried)


def agree(at: Entry, other: Entry) -> bool:
    """Law 16: where both carry session or device, it is equal."""
    return not (differ(at.session, other.session) or differ(at.device, other.device))


def differ(own: str | None, its: str | None) -> bool:
    return own is not None and its is not None and own != its
