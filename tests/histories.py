"""Seeded small histories of lending, made so that every law and rule is reached often.

`history(seed)` gives one: a few accounts, devices and payees that collide, from minutes to months,
with episodes near each rule's bounds, then disturbed: late, repeated, tied, sparse, far ahead.
`history(seed, "shared")` puts the weight on one episode; `history(seed, long=True)` has hundreds of
events on very few entities, so that rings and familiar sets overflow.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.book import Book, Event
from tests.episodes import EPISODES, LONG_WEIGHTS, WEIGHTS
from tests.reference_memory import DAY, HOUR, MINUTE, RANKS, SECOND
from tests.reference_terms import Terms

DELAYS_MS = (SECOND, MINUTE, 5 * MINUTE, 40 * MINUTE, 5 * HOUR, 20 * HOUR, 26 * HOUR, 40 * HOUR)
OPTIONAL = (
    "session_id", "device_id", "ip", "verification_id", "payee_kind", "disbursement_id",
    "latitude", "device_signals", "payer_account_id", "penalty_due_minor",
)  # fmt: skip
NEVER = (  # what a policy may say is never there, although every event tells it
    "disbursement.amount_minor", "disbursement.credit_limit_minor",
    "disbursement.outstanding_minor",
)  # fmt: skip


@dataclass(frozen=True)
class History:
    """Events in order of arrival, and the terms under which they are read."""

    seed: int
    focus: str
    events: list[Event]
    terms: Terms


def coarsen(events: list[Event], rng: random.Random) -> None:
    """Tied times."""
    if rng.random() < 0.3:
        grain_ms = rng.choice((SECOND, MINUTE, HOUR))
        for event in events:
            event["occurred_at"] = event["occurred_at"] // grain_ms * grain_ms


def thin(events: list[Event], book: Book, rng: random.Random) -> tuple[list[Event], Terms]:
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
        if rng.random() < 0.2:
            feeds = frozenset({"disposition"})
        events = [event for event in events if event["type"] not in feeds]
    if rng.random() < 0.05:
        absent |= {rng.choice(NEVER)}
    allowed = rng.random() < 0.15
    return events, Terms(
        missing_sources=feeds, absent_fields=absent,
        allow_devices=frozenset({"D1"} if allowed else ()),
        allow_networks=frozenset({"203.0.113.0/24"} if allowed else ()),
        allow_payees=frozenset({"P1"} if allowed else ()),
        timezone=book.zone, campaigns=book.campaigns, relief=book.reliefs,
        history_ms=rng.choice((180, 180, 180, 60, 20, 15)) * DAY,
    )  # fmt: skip


def optional_of(event: Event) -> set[str]:
    """What the contract lets an event of this type leave out."""
    required = {
        "identity_verification": {"verification_id"}, "disbursement": {"disbursement_id"},
    }  # fmt: skip
    return set(OPTIONAL) - required.get(event["type"], set())


def delay(events: list[Event], book: Book, rng: random.Random, long: bool) -> list[Event]:
    """Late events: each is told at a later time than it happened."""
    share = rng.choice((0.05, 0.15, 0.4) if long else (0.0, 0.0, 0.05, 0.15, 0.4))
    arrivals = []
    for number, event in enumerate(events):
        late_ms = rng.choice(DELAYS_MS) if rng.random() < share else 0
        late_ms = int(late_ms * rng.uniform(0.5, 1.2))
        told_ms = event["occurred_at"] + book.delays.get(event["event_id"], late_ms)
        arrivals.append((told_ms, RANKS[event["type"]], number))
    return [events[number] for _, _, number in sorted(arrivals)]


def straggle(events: list[Event], rng: random.Random) -> list[Event]:
    """Some events come after everything that a full ring holds."""
    told = list(events)
    for event in rng.sample(events, min(len(events), rng.randrange(3, 12))):
        told.remove(event)
        told.insert(events.index(event) + rng.randrange(30, 250), event)
    return told


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
        book.accounts = book.accounts[: rng.randrange(1, 3)]
        book.devices = book.devices[:2]
    names = list(EPISODES)
    weights = [(LONG_WEIGHTS if long else WEIGHTS).get(name, 1.0) for name in names]
    dense_ms = rng.choice((3 * MINUTE, 12 * MINUTE, 3 * HOUR))
    while len(book.events) < most:
        focused = focus and rng.random() < 0.6
        name = focus if focused else rng.choices(names, weights)[0]
        EPISODES[name](book)
        book.pass_time(dense_ms if long and rng.random() < 0.95 else 400 * DAY)
    events = sorted(book.events, key=lambda event: int(event["occurred_at"]))
    coarsen(events, rng)
    events, terms = thin(events, book, rng)
    events = delay(events, book, rng, long)
    if long:
        events = straggle(events, rng)
    events = repeat(leap(events, rng), rng)
    return History(seed, focus, events, terms)
