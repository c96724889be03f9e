"""What the slow engine remembers of an entity: plain lists and dicts, as laws 5 and 7 to 14 say.

The laws cited are those of detector/README.md. Ids are compared as they are, without hashing.
"""

from __future__ import annotations

import bisect
import ipaddress
from dataclasses import dataclass, field
from typing import Any

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
RANKS = {
    "disposition": 0, "login": 1, "identity_verification": 2, "disbursement": 3, "auto_debit": 4,
}  # fmt: skip
RING_LIMIT = 64
PUT_AWAY_LIMIT = 12
KNOWN_LIMITS = {"device": 8, "network": 8, "payee": 32, "account": 96}
ENTITY_MINUTES = 20
POPULATION_MINUTES, POPULATION_HOURS = 2_048, 256


def network_of(ip: str | None) -> str | None:
    """Law 1: the canonical /24 or /48 of an address; an IPv4-mapped one is its IPv4."""
    if ip is None:
        return None
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, bits), strict=False))


@dataclass
class Entry:
    """One event as one stage holds it: its ids, its place, and the marks the laws put on it."""

    event: dict[str, Any]
    arrival: int
    account: str | None
    device: str | None
    network: str | None
    payee: str | None
    session: str | None
    verification: str | None  # law 11: may be taken from the check that released it
    disbursement: str | None
    label: str = ""  # "fraud" or "cleared": a label on its way to a later stage
    draw: bool = False
    normal: int | None = None  # law 9: as read when it arrived
    first_to_payee: bool = False
    opening: bool = False
    judged: bool = True  # False: too late, at this stage or at the account stage
    causes: dict[str, str] = field(default_factory=dict)  # law 19: why a missing id is missing
    evidence: dict[str, list[str]] = field(default_factory=dict)  # law 24, by rule that hit
    columns: dict[str, Any] = field(default_factory=dict)  # what the account stage measured

    @property
    def id(self) -> str:
        return str(self.event["event_id"])

    @property
    def t(self) -> int:
        return int(self.event["occurred_at"])

    @property
    def type(self) -> str:
        return str(self.event["type"])

    @property
    def place(self) -> tuple[int, int, int]:
        return (self.t, RANKS[self.type], self.arrival)

    @property
    def is_login(self) -> bool:
        return self.type == "login"

    @property
    def failed_login(self) -> bool:
        return self.is_login and self.event["outcome"] == "failure"

    @property
    def is_check(self) -> bool:
        return self.type == "identity_verification"

    @property
    def passed_check(self) -> bool:
        return self.is_check and self.event["outcome"] == "passed"

    @property
    def is_debit(self) -> bool:
        return self.type == "auto_debit"

    @property
    def obligation(self) -> str | None:
        """Law 20a: of a debit, as are the next two."""
        return self.event.get("obligation_id")

    @property
    def mandate(self) -> str | None:
        return self.event.get("mandate_id")

    @property
    def payer(self) -> str | None:
        return self.event.get("payer_account_id")

    @property
    def moves_money(self) -> bool:
        """Tells of a requested or paid disbursement: a draw or an echo."""
        return self.type == "disbursement" and self.event["status"] in ("requested", "paid")

    @property
    def voids(self) -> bool:
        return self.type == "disbursement" and self.event["status"] in ("rejected", "reversed")


def entry_of(event: dict[str, Any], arrival: int) -> Entry:
    """An event as it enters the account stage. `null` and a field left out are the same."""
    return Entry(
        event=event, arrival=arrival, account=event.get("account_id"),
        device=event.get("device_id"), network=network_of(event.get("ip")),
        payee=event.get("payee_id"), session=event.get("session_id"),
        verification=event.get("verification_id"), disbursement=event.get("disbursement_id"),
    )  # fmt: skip


@dataclass
class Known:
    """One of a familiar set (laws 7, 8), in whole seconds; -1: never seen, only labelled."""

    key: str
    first: int = -1
    last: int = -1
    failed_login: int | None = None
    good_login: int | None = None
    label: str = ""  # the label that stands: "", "fraud" or "cleared"
    label_at: int | None = None


class Familiar:
    """A bounded set of what is known, in fixed positions; the longest unseen gives way."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.places: list[Known] = []

    def get(self, key: str | None) -> Known | None:
        return next((known for known in self.places if known.key == key), None)

    def member(self, key: str, clock_ms: int) -> Known | None:
        """The member, made if it is new; None where nobody can give way to a new one (law 8)."""
        known = self.get(key)
        if known is not None:
            return known
        known = Known(key)
        if len(self.places) < self.limit:
            self.places.append(known)
            return known
        yielding = [
            place for place, other in enumerate(self.places)
            if not (other.label == "fraud" and (other.label_at or 0) * SECOND > clock_ms - 90 * DAY)
        ]  # fmt: skip
        if not yielding:
            return None
        place = min(yielding, key=lambda place: (self.places[place].last, place))
        self.places[place] = known
        return known

    def see(self, key: str, second: int, clock_ms: int) -> Known | None:
        known = self.member(key, clock_ms)
        if known is not None:
            known.first = second if known.first < 0 else min(known.first, second)
            known.last = max(known.last, second)
        return known


class Minutes:
    """Law 12: logins and failed logins by minute and hour, as far back as they are kept."""

    def __init__(self, minutes: int, hours: int) -> None:
        self.limits = {MINUTE: minutes, HOUR: hours}
        self.counts: dict[int, dict[int, list[int]]] = {MINUTE: {}, HOUR: {}}

    def count(self, t: int, failed: bool) -> None:
        for unit, counts in self.counts.items():
            newest = max(counts, default=t // unit)
            if t // unit <= newest - self.limits[unit]:
                continue
            pair = counts.setdefault(t // unit, [0, 0])
            pair[0] += 1
            pair[1] += failed
            oldest = max(counts) - self.limits[unit] + 1
            for old in [unit_no for unit_no in counts if unit_no < oldest]:
                del counts[old]

    def read(self, t: int, unit: int, units: int) -> tuple[int, int] | None:
        """Logins and failures of the event's unit and those before it; None if no longer kept."""
        counts = self.counts[unit]
        last = t // unit
        if last - units + 1 < max(counts, default=last) - self.limits[unit] + 1:
            return None
        pairs = [counts[at] for at in range(last - units + 1, last + 1) if at in counts]
        return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


class Entity:
    """The memory of one account, device, network or payee."""

    def __init__(self) -> None:
        self.ring: list[Entry] = []
        self.put_away_ms: int | None = None
        self.put_away: list[Entry] = []  # draws only, the newest 12
        self.first_seen_ms: int | None = None
        self.newest_ms: int | None = None
        self.known = {kind: Familiar(limit) for kind, limit in KNOWN_LIMITS.items()}
        self.draws: list[tuple[int, int]] = []  # (time, amount) of every draw, in order of arrival
        self.minutes = Minutes(ENTITY_MINUTES, 1)
        self.openings = 0

    def holds(self, event_id: str) -> bool:
        """Law 4: a repeat."""
        return any(entry.id == event_id for entry in self.ring + self.put_away)

    def is_stale(self, entry: Entry) -> bool:
        """Law 4: it would be the first to leave."""
        return len(self.ring) == RING_LIMIT and entry.place < self.ring[0].place

    def put(self, entry: Entry) -> None:
        """Law 5: into its place; the oldest leaves, and is put away if it was a draw."""
        seen = self.first_seen_ms
        self.first_seen_ms = entry.t if seen is None else min(seen, entry.t)
        self.newest_ms = max(self.newest_ms or 0, entry.t)
        bisect.insort(self.ring, entry, key=lambda other: other.place)
        if len(self.ring) > RING_LIMIT:
            self.let_oldest_go()

    def let_oldest_go(self) -> None:
        oldest = self.ring.pop(0)
        self.put_away_ms = max(self.put_away_ms or 0, oldest.t)
        if oldest.draw:
            self.put_away = [*self.put_away, oldest][-PUT_AWAY_LIMIT:]

    def forget_before(self, horizon_ms: int) -> bool:
        """Law 28. True where nothing is left: the entity begins anew."""
        if self.newest_ms is None or self.newest_ms < horizon_ms:
            return True
        while self.ring and self.ring[0].t < horizon_ms:
            self.let_oldest_go()
        for familiar in self.known.values():
            familiar.places = [
                known for known in familiar.places
                if max(known.last, known.label_at or 0) * SECOND >= horizon_ms
            ]  # fmt: skip
        if self.put_away and max(entry.t for entry in self.put_away) < horizon_ms:
            self.put_away = []
        self.first_seen_ms = max(self.first_seen_ms or 0, horizon_ms)
        return False

    def after(self, entry: Entry) -> list[Entry]:
        return [other for other in self.ring if other.place > entry.place]

    def up_to(self, entry: Entry, span_ms: int, before: bool = False) -> list[Entry]:
        """Law 15: the entries of (t - span, t], up to the event's place, itself left out or not."""
        return [
            other for other in self.ring
            if entry.t - span_ms < other.t and other.place <= entry.place
            and not (before and other is entry)
        ]  # fmt: skip

    def draws_up_to(self, entry: Entry, span_ms: int, before: bool = False) -> list[Entry]:
        """The draws of a window that are not void (law 10)."""
        void = {
            other.disbursement for other in self.ring
            if other.voids and other.place <= entry.place
        }  # fmt: skip
        return [
            other for other in self.up_to(entry, span_ms, before)
            if other.draw and other.disbursement not in void
        ]  # fmt: skip

    def normal(self) -> int | None:
        """Law 9: the weighed mean of all draws so far, in minor units; None under 3 of them."""
        if len(self.draws) < 3:
            return None
        newest = max(t for t, _ in self.draws)
        weights = [2.0 ** (-(newest - t) / (30 * DAY)) for t, _ in self.draws]
        total = sum(
            weight * amount for weight, (_, amount) in zip(weights, self.draws, strict=True)
        )
        return round(float(total / sum(weights)))
