"""Seeded small histories of lending, made so that every law and rule is reached often.

`history(seed)` gives one: a few accounts, devices and payees that collide, from minutes to months,
with episodes near each rule's bounds, then disturbed: late, repeated, tied, sparse, far ahead.
`history(seed, "shared")` puts the weight on one episode; `history(seed, long=True)` has hundreds of
events on very few entities, so that rings and familiar sets overflow.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.reference_memory import DAY, HOUR, MINUTE, RANKS, SECOND
from tests.reference_stage import Terms

START_MS = 1_767_571_200_000  # 2026-01-05
GAPS_MS = (
    0, 0, SECOND, 20 * SECOND, 3 * MINUTE, 3 * MINUTE, 12 * MINUTE, 40 * MINUTE,
    3 * HOUR, 11 * HOUR, 25 * HOUR, 25 * HOUR, 3 * DAY, 8 * DAY,
)  # fmt: skip
DELAYS_MS = (SECOND, MINUTE, 5 * MINUTE, 40 * MINUTE, 5 * HOUR, 20 * HOUR, 26 * HOUR, 40 * HOUR)
IPS = ("203.0.113.7", "203.0.113.90", "198.51.100.4", "2001:db8:1::5", "::ffff:203.0.113.9")
OPTIONAL = ("session_id", "device_id", "ip", "verification_id", "payee_kind", "disbursement_id")
Event = dict[str, Any]


@dataclass(frozen=True)
class History:
    """Events in order of arrival, and the terms under which they are read."""

    seed: int
    focus: str
    events: list[Event]
    terms: Terms


class Book:
    """Writes events at a moving time; every id comes from a small pool or a counter."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now = START_MS + rng.randrange(DAY)
        self.events: list[Event] = []
        self.serial = 0
        self.accounts = [f"A{n}" for n in range(1, rng.choice((2, 4, 6, 9)))]
        self.devices = [f"D{n}" for n in range(1, rng.choice((2, 3, 5)))]
        self.payees = [f"P{n}" for n in range(1, rng.choice((2, 3, 5)))] + ["A1"]
        self.sessions = [f"S{n}" for n in range(1, rng.choice((2, 3, 6)))]

    def pass_time(self, most_ms: int = 400 * DAY) -> None:
        gap_ms = self.rng.choice([gap for gap in GAPS_MS if gap <= most_ms])
        self.now += gap_ms if self.rng.random() < 0.4 else int(gap_ms * self.rng.uniform(0.3, 1.6))

    def new(self, name: str) -> str:
        self.serial += 1
        return f"{name}{self.serial}"

    def write(self, type: str, account: str, **fields: Any) -> Event:
        event = {
            "type": type, "event_id": self.new("e"), "account_id": account,
            "occurred_at": self.now, **fields,
        }  # fmt: skip
        self.events.append({name: value for name, value in event.items() if value is not None})
        return self.events[-1]

    def account(self) -> str:
        return self.rng.choice(self.accounts)

    def place(self) -> dict[str, str]:
        """A session and a device, as they come."""
        rng = self.rng
        return {"session_id": rng.choice(self.sessions), "device_id": rng.choice(self.devices)}

    def login(self, account: str, outcome: str = "success", **fields: Any) -> Event:
        given = {
            **self.place(), "ip": self.rng.choice(IPS), "outcome": outcome, "method": "password",
            **fields,
        }  # fmt: skip
        return self.write("login", account, **given)

    def check(self, account: str, outcome: str = "passed", **fields: Any) -> Event:
        given = {
            **self.place(), "verification_id": self.new("v"), "provider": "v1", "method": "face",
            "outcome": outcome, "latency_ms": 900, **fields,
        }  # fmt: skip
        return self.write("identity_verification", account, **given)

    def draw(self, account: str, status: str = "paid", **fields: Any) -> Event:
        rng = self.rng
        given = {
            **self.place(), "ip": rng.choice(IPS), "disbursement_id": self.new("d"),
            "amount_minor": rng.choice((20_000, 20_000, 30_000, 90_000)), "currency": "CNY",
            "payee_id": rng.choice(self.payees),
            "payee_owner": rng.choice(("self", "self", "other", "unknown")),
            "payee_kind": rng.choice((None, None, "person", "merchant")),
            "credit_limit_minor": 100_000, "outstanding_minor": 0, "status": status, **fields,
        }  # fmt: skip
        return self.write("disbursement", account, **given)

    def retell(self, told: Event, status: str) -> Event:
        """Another event of the same disbursement, now."""
        event = {**told, "event_id": self.new("e"), "occurred_at": self.now, "status": status}
        self.events.append(event)
        return event

    def debit(self, account: str, obligation: str, outcome: str, debited: int = 0) -> Event:
        return self.write(
            "auto_debit", account, debit_id=self.new("b"), obligation_id=obligation,
            mandate_id=f"m-{account}", channel="bank_a", amount_due_minor=1_000,
            amount_debited_minor=debited, currency="CNY", outcome=outcome, attempt=1,
            due_at=START_MS + 30 * DAY, overdue_at=START_MS + 33 * DAY,
        )  # fmt: skip

    def find(self, account: str, target: str | None, disposition: str, **fields: Any) -> Event:
        return self.write(
            "disposition", account, target_event_id=target, disposition=disposition, **fields
        )


# -- episodes: each near the bounds of one typology -------------------------------------------------


def noise(book: Book) -> None:
    """Anything at all."""
    rng, account = book.rng, book.account()
    for _ in range(rng.randrange(1, 5)):
        kind = rng.randrange(6)
        if kind == 0:
            book.login(account, rng.choice(("success", "success", "failure")))
        elif kind == 1:
            book.check(account, rng.choice(("passed", "passed", "failed", "error", "timeout")))
        elif kind == 2:
            book.draw(account, rng.choice(("requested", "paid")))
        elif kind == 3:
            book.debit(account, f"o-{account}", rng.choice(("scheduled", "channel_error")))
        elif kind == 4:
            told = rng.choice(book.events)["event_id"] if book.events else "e0"
            words = ("confirmed_fraud", "false_positive", "contacted", "held", "inconclusive")
            book.find(account, told, rng.choice(words))
        else:
            account = book.account()
        book.pass_time(3 * HOUR)


def steady(book: Book, account: str | None = None) -> None:
    """A known borrower: checks and draws that match, days apart."""
    rng = book.rng
    account = account or book.account()
    place = {**book.place(), "ip": rng.choice(IPS)}
    payee = rng.choice(book.payees)
    for _ in range(rng.randrange(1, 5)):
        book.login(account, **place)
        book.check(account, session_id=place["session_id"], device_id=place["device_id"])
        book.now += rng.choice((0, MINUTE))
        book.draw(account, amount_minor=20_000, payee_id=payee, payee_owner="self", **place)
        book.pass_time(8 * DAY)


def bypass(book: Book) -> None:
    """A draw whose checks are absent, half right, failed, or late by a minute."""
    rng, account = book.rng, book.account()
    if rng.random() < 0.6:
        book.login(account)
        book.now += rng.choice((HOUR, 2 * DAY))
    place = book.place()
    checked = {
        "right": place, "session": {**place, "device_id": "D9"},
        "device": {**place, "session_id": "S9"}, "neither": {"session_id": "S9"},
        "only session": {**place, "device_id": None},
    }  # fmt: skip
    named = None
    if rng.random() < 0.4:
        book.login(account, **place)
    if rng.random() < 0.75:
        outcome = rng.choice(("passed", "passed", "passed", "failed", "timeout"))
        bound = f"d{book.serial + 5}" if rng.random() < 0.2 else None
        ids = checked[rng.choice(list(checked))]
        check = book.check(account, outcome, **ids, disbursement_id=bound)
        named = check["verification_id"] if rng.random() < 0.5 else None
        book.now += rng.choice((0, SECOND, 9 * MINUTE, 10 * MINUTE, 11 * MINUTE, DAY))
    status = rng.choice(("requested", "paid"))
    if rng.random() < 0.2:
        place = {"session_id": None, "device_id": None}
    book.draw(account, status, verification_id=named, **place)


def reuse(book: Book) -> None:
    """One check, named or bound, and two or three draws."""
    rng, account = book.rng, book.account()
    disbursements = [book.new("d") for _ in range(3)]
    bound = rng.random() < 0.4
    check = book.check(account, disbursement_id=disbursements[0] if bound else None)
    alike = {"payee_id": rng.choice(book.payees), "device_id": rng.choice(book.devices)}
    for number, disbursement in enumerate(disbursements[: rng.randrange(2, 4)]):
        named = None if bound and number == 0 else check["verification_id"]
        other = {} if rng.random() < 0.3 else alike
        told = book.draw(account, disbursement_id=disbursement, verification_id=named, **other)
        book.now += rng.choice((MINUTE, 10 * MINUTE, 11 * MINUTE, HOUR))
        if rng.random() < 0.3:
            book.retell(told, rng.choice(("paid", "rejected", "reversed")))


def takeover(book: Book) -> None:
    """A known account, a new device, a new payee, a large amount: each most of the time."""
    rng, account = book.rng, book.account()
    steady(book, account)
    book.now += rng.choice((HOUR, 25 * HOUR, 3 * DAY))
    device = book.new("D") if rng.random() < 0.8 else rng.choice(book.devices)
    payee = book.new("P") if rng.random() < 0.8 else rng.choice(book.payees)
    if rng.random() < 0.5:
        book.login(account, device_id=device)
        book.now += rng.choice((MINUTE, HOUR, 23 * HOUR, 24 * HOUR))
    for _ in range(rng.randrange(1, 3)):
        book.draw(
            account, rng.choice(("requested", "paid")), device_id=device, payee_id=payee,
            payee_owner=rng.choice(("other", "unknown", "self")),
            amount_minor=rng.choice((20_000, 39_000, 40_000, 79_000, 80_000, 95_000)),
        )  # fmt: skip
        book.now += rng.choice((MINUTE, HOUR, DAY))


def burst(book: Book) -> None:
    """Four to seven draws in about half an hour, some told twice, some taken back."""
    rng, account = book.rng, book.account()
    for _ in range(rng.randrange(4, 8)):
        told = book.draw(account, rng.choice(("requested", "paid")))
        book.now += rng.choice((0, MINUTE, 5 * MINUTE, 7 * MINUTE))
        if rng.random() < 0.25:
            book.retell(told, rng.choice(("paid", "paid", "requested", "rejected", "reversed")))
    if rng.random() < 0.4:
        book.now += rng.choice((HOUR, 2 * HOUR, 3 * HOUR))
        burst(book)


def stuffing(book: Book) -> None:
    """Failed logins of eight to fourteen accounts from one place; one gets in, and draws."""
    rng = book.rng
    place = {"device_id": rng.choice(book.devices), "ip": rng.choice(IPS)}
    others = rng.choice((0, 3, 20, 60))
    for number in range(others):
        outcome = "failure" if rng.random() < 0.05 else "success"
        book.login(f"B{number % 30}", outcome, device_id=f"E{number % 7}", ip="192.0.2.8")
        book.now += rng.choice((0, SECOND, 8 * SECOND))
    tried = [f"B{number}" for number in range(rng.randrange(9, 14))]
    for account in tried:
        book.login(account, rng.choice(("failure",) * 12 + ("success",)), **place)
        book.now += rng.choice((0, SECOND, 30 * SECOND, 50 * SECOND))
    if rng.random() < 0.75:
        account = rng.choice(tried)
        book.now += rng.choice((MINUTE, 50 * MINUTE, 70 * MINUTE))
        book.login(account, **place)
        book.now += rng.choice((MINUTE, 5 * HOUR, 23 * HOUR, 25 * HOUR))
        book.draw(account, **place)


def shared(book: Book) -> None:
    """Three to six accounts that draw on one device within days, after a first sight of it."""
    rng = book.rng
    device = rng.choice(book.devices)
    book.login(book.account(), device_id=device)
    book.now += rng.choice((6 * DAY, 8 * DAY, 9 * DAY))
    for number in range(rng.randrange(3, 7)):
        account = f"C{number}"
        if rng.random() < 0.2:
            book.login(account, device_id=device)
        book.draw(account, device_id=device)
        book.now += rng.choice((MINUTE, 9 * HOUR, 30 * HOUR))
    if rng.random() < 0.3:
        crowd(book, device)


def crowd(book: Book, device: str | None = None) -> None:
    """About fifty accounts seen with one device: a broken identifier."""
    rng = book.rng
    device = device or rng.choice(book.devices)
    for number in range(rng.randrange(46, 54)):
        book.login(f"B{number}", device_id=device, ip=rng.choice(IPS))
        book.now += rng.choice((SECOND, MINUTE))
    for _ in range(2):
        book.draw(f"B{rng.randrange(50)}", device_id=device)
        book.now += MINUTE


def mule(book: Book) -> None:
    """Three to nine accounts that draw to one payee in a day or two."""
    rng = book.rng
    payee = rng.choice((book.new("P"), rng.choice(book.payees)))
    if rng.random() < 0.5:
        book.draw(book.account(), payee_id=payee)
        book.now += rng.choice((30 * HOUR, 3 * DAY, 8 * DAY))
    kind = rng.choice((None, "person", "merchant", None))
    for number in range(rng.randrange(3, 10)):
        owner = rng.choice(("other", "other", "unknown", "self"))
        book.draw(f"C{number}", payee_id=payee, payee_owner=owner, payee_kind=kind)
        book.now += rng.choice((MINUTE, HOUR, 5 * HOUR))


def linked(book: Book) -> None:
    """A fraud confirmed, perhaps cleared, then draws on what it touched."""
    rng = book.rng
    found = []
    for account in rng.sample([f"A{n}" for n in range(1, 9)], rng.randrange(1, 3)):
        if rng.random() < 0.3:
            steady(book, account)
        told = book.draw(account, rng.choice(("requested", "paid")), payee_owner="other")
        if rng.random() < 0.3:
            told = book.retell(told, rng.choice(("paid", "reversed", "requested")))
        found.append(told)
        book.now += rng.choice((MINUTE, 10 * HOUR, 30 * HOUR))
    for told in found:
        word = rng.choice(("confirmed_fraud",) * 4 + ("false_positive",))
        book.find(told["account_id"], told["event_id"], word, alert_id="x")
        book.now += rng.choice((0, SECOND, HOUR, 2 * DAY, 50 * DAY))
    for _ in range(rng.randrange(1, 4)):
        told = rng.choice(found)
        alike = {name: told[name] for name in ("payee_id", "device_id", "ip")}
        kept = {name: value for name, value in alike.items() if rng.random() < 0.6}
        account = rng.choice((told["account_id"], "C1", "C2"))
        again = book.draw(account, payee_owner=rng.choice(("other", "self", "unknown")), **kept)
        book.now += rng.choice((MINUTE, HOUR, 26 * HOUR))
        if rng.random() < 0.3:
            word = rng.choice(("false_positive", "confirmed_fraud"))
            book.find(account, again["event_id"], word)


def over(book: Book) -> None:
    """Paid at, just over, or far over the limit; now and then told twice."""
    rng, account = book.rng, book.account()
    told = book.draw(
        account, rng.choice(("requested", "paid")), amount_minor=20_000,
        outstanding_minor=rng.choice((80_000, 80_001, 120_000)),
    )  # fmt: skip
    book.now += rng.choice((MINUTE, HOUR))
    if rng.random() < 0.6:
        book.retell(told, "paid")


def debits(book: Book) -> None:
    """The steps of one or two obligations, in a likely order."""
    rng, account = book.rng, book.account()
    obligation = rng.choice((f"o-{account}", book.new("o")))
    book.debit(account, obligation, "scheduled")
    for _ in range(rng.randrange(1, 7)):
        book.now += rng.choice((0, MINUTE, 3 * HOUR, 30 * HOUR))
        words = ("insufficient_balance",) * 4 + ("partial", "partial", "success", "reversed")
        outcome = rng.choice((*words, "settled", "channel_error", "mandate_invalid"))
        paid = {"partial": rng.choice((300, 500, 700)), "success": 1_000}.get(outcome, 0)
        book.debit(account, obligation, outcome, paid)


EPISODES: dict[str, Callable[[Book], None]] = {
    "noise": noise, "steady": steady, "bypass": bypass, "reuse": reuse, "takeover": takeover,
    "burst": burst, "stuffing": stuffing, "shared": shared, "crowd": crowd, "mule": mule,
    "linked": linked, "over": over, "debits": debits,
}  # fmt: skip
RARE = {"crowd": 0.15, "stuffing": 0.6}  # long ones


# -- what goes wrong on the way -------------------------------------------------------------------------


def coarsen(events: list[Event], rng: random.Random) -> None:
    """Tied times."""
    if rng.random() < 0.3:
        grain_ms = rng.choice((SECOND, MINUTE, HOUR))
        for event in events:
            event["occurred_at"] = event["occurred_at"] // grain_ms * grain_ms


def thin(events: list[Event], rng: random.Random) -> tuple[list[Event], Terms]:
    """Fields that are missing now and then or always, and a feed that is not there."""
    if rng.random() < 0.35:
        share = rng.choice((0.03, 0.2, 0.6))
        names = rng.sample(OPTIONAL, rng.randrange(1, 4))
        for event in events:
            for name in names:
                if name in optional_of(event) and rng.random() < share:
                    event.pop(name, None)
    absent, feeds = frozenset[str](), frozenset[str]()
    if rng.random() < 0.1:
        absent = frozenset({f"disbursement.{rng.choice(('device_id', 'ip', 'verification_id'))}"})
        for event in events:
            if event["type"] == "disbursement":
                event.pop(next(iter(absent)).partition(".")[2], None)
    if rng.random() < 0.1:
        feeds = frozenset({rng.choice(("login", "identity_verification", "auto_debit"))})
        events = [event for event in events if event["type"] not in feeds]
    allowed = rng.random() < 0.15
    return events, Terms(
        missing_sources=feeds, absent_fields=absent,
        allow_devices=frozenset({"D1"} if allowed else ()),
        allow_networks=frozenset({"203.0.113.0/24"} if allowed else ()),
        allow_payees=frozenset({"P1"} if allowed else ()),
    )  # fmt: skip


def optional_of(event: Event) -> set[str]:
    """What the contract lets an event of this type leave out."""
    required = {
        "identity_verification": {"verification_id"}, "disbursement": {"disbursement_id"},
    }  # fmt: skip
    return set(OPTIONAL) - required.get(event["type"], set())


def delay(events: list[Event], rng: random.Random) -> list[Event]:
    """Late events: each is told at a later time than it happened."""
    share = rng.choice((0.0, 0.0, 0.05, 0.15, 0.4))
    arrivals = []
    for number, event in enumerate(events):
        late_ms = rng.choice(DELAYS_MS) if rng.random() < share else 0
        told_ms = event["occurred_at"] + int(late_ms * rng.uniform(0.5, 1.2))
        arrivals.append((told_ms, RANKS[event["type"]], number))
    return [events[number] for _, _, number in sorted(arrivals)]


def leap(events: list[Event], rng: random.Random) -> list[Event]:
    """A clock far ahead: some events say that they happened days later than they did."""
    if rng.random() < 0.12:
        for event in rng.sample(events, min(len(events), rng.randrange(1, 4))):
            event["occurred_at"] += rng.choice((23 * HOUR, 30 * HOUR, 3 * DAY, 9 * DAY))
    return events


def repeat(events: list[Event], rng: random.Random) -> list[Event]:
    """The same event again: adjacent, after another one, or far behind; seldom with new content."""
    if rng.random() < 0.6:
        return events
    told = list(events)
    for event in rng.sample(events, min(len(events), rng.randrange(1, 5))):
        again = dict(event)
        if rng.random() < 0.2:
            again["occurred_at"] += rng.choice((-MINUTE, MINUTE))
        behind = rng.choice((1, 1, 2, 5, 40))
        told.insert(min(len(told), told.index(event) + behind), again)
    return told


def history(seed: int, focus: str = "", long: bool = False) -> History:
    """One history; the same seed, focus and length give the same one."""
    rng = random.Random(f"{seed}/{focus}/{long}")
    book = Book(rng)
    most = rng.randrange(200, 400) if long else rng.randrange(5, 80)
    if long:
        book.accounts, book.devices = book.accounts[:2], book.devices[:2]
    names = list(EPISODES)
    weights = [RARE.get(name, 1.0) for name in names]
    while len(book.events) < most:
        focused = focus and rng.random() < 0.6
        name = focus if focused else rng.choices(names, weights)[0]
        EPISODES[name](book)
        book.pass_time(HOUR if long and rng.random() < 0.9 else 400 * DAY)
    events = sorted(book.events, key=lambda event: int(event["occurred_at"]))
    coarsen(events, rng)
    events, terms = thin(events, rng)
    events = repeat(leap(delay(events, rng), rng), rng)
    return History(seed, focus, events, terms)
