"""What a story can do: choose its people, let them act, and say what should be found.

A story is a generator function over a `Scene`. It yields the number of the day on which it wants to
go on, and is resumed at that day's start, with every balance as it then stands. Whoever it casts
does nothing else of their own accord meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import numpy as np

from streams.simulate import shapes
from streams.simulate.instalments import Instalments
from streams.simulate.log import Log, Truth
from streams.simulate.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, Borrower, World

Script = Generator[int, None, None]
Story = Callable[["Scene"], Script]
Payee = tuple[str, str, str]
WARM_UP_DAYS: Final = 8  # windows of seven days are covered by the log from here on
LAST_DAYS: Final = 6  # what a story needs to play to its end


class WorldTooSmallError(ValueError):
    """The population has nobody left who fits the part."""


@dataclass(frozen=True, slots=True)
class Place:
    """A device on a network."""

    device: str
    ip: str


@dataclass(frozen=True, slots=True)
class Draw:
    """A disbursement that was told: its events, its check and its session."""

    event_id: str
    paid_event_id: str
    disbursement_id: str
    verification_id: str | None
    session_id: str
    at: int


@dataclass(slots=True)
class Scene:
    """One telling of one story."""

    world: World
    log: Log
    truth: Truth
    instalments: Instalments
    story: str
    seed: int
    copy: int
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, crc32(self.story.encode()), self.copy])

    # Time

    def opening_day(self) -> int:
        """A day in the log's second half with time enough left."""
        first = max(WARM_UP_DAYS, self.world.days // 2)
        return int(self.rng.integers(first, self.world.days - LAST_DAYS + 1))

    def at(self, day: int, hour: float, spread_minutes: int = 90) -> int:
        """A time (ms) on `day` at about `hour` o'clock, local."""
        jitter = int(self.rng.integers(0, spread_minutes * MINUTE_MS))
        return START_MS + day * DAY_MS + int(hour * HOUR_MS) + jitter

    # People

    def cast(
        self, day: int, count: int = 1, draws: int = 1, room: float = 0.5, days: int = 5
    ) -> list[Borrower]:
        """Borrowers who drew at least `draws` times, have `room` of their limit left, and are
        of no other story; quiet for `days` from now. Raises WorldTooSmallError."""
        world = self.world
        fit = (world.draws >= draws) & (world.room() >= room) & (world.changed < day - 3)
        found = np.flatnonzero(fit & ~world.cast & (world.quiet_until <= day))
        if len(found) < count:
            raise WorldTooSmallError(
                f"story {self.story} needs {count} borrowers with {draws} draws; "
                f"{len(found)} are left: simulate more accounts or more days"
            )
        chosen = self.rng.choice(found, count, replace=False)
        world.cast[chosen] = True
        world.quiet_until[chosen] = day + days
        return [world.borrower(int(index)) for index in chosen]

    def passers_by(self, count: int) -> list[Borrower]:
        """Any borrowers of no story, who go on living as they do."""
        found = np.flatnonzero(~self.world.cast)
        if len(found) < count:
            raise WorldTooSmallError(f"story {self.story} needs {count} accounts: simulate more")
        chosen = self.rng.choice(found, count, replace=False)
        return [self.world.borrower(int(index)) for index in chosen]

    def family(self, day: int) -> list[Borrower]:
        """Two or three of one household, who share a tablet."""
        world = self.world
        free = ~world.cast & (world.room() > 0.4) & (world.quiet_until <= day)
        sizes = np.bincount(world.household)
        able = np.bincount(world.household, free, minlength=len(sizes))
        houses = np.flatnonzero((sizes >= 2) & (able == sizes))
        if not len(houses):
            raise WorldTooSmallError(f"story {self.story} needs a family: simulate more accounts")
        biggest = houses[sizes[houses] == sizes[houses].max()]
        members = np.flatnonzero(world.household == self.rng.choice(biggest))
        world.cast[members] = True
        world.quiet_until[members] = day + 5
        return [world.borrower(int(index)) for index in members]

    def newcomer(self) -> Borrower:
        """A fresh account that nobody has seen before."""
        token = self.world.token("n")
        card = f"card-{token}"
        return Borrower(
            -1, (token, f"h-{token}"), f"d-{token}", f"d-{token}", self.world.strange_ip(),
            (card, "self", "person"), 2_000_000, 100_000, (f"m-{token}", "bank-a", card),
        )  # fmt: skip

    def home(self, who: Borrower) -> Place:
        """Their own phone at home."""
        return Place(who.device, who.ip)

    def stranger(self) -> Place:
        """A device and a network never seen before."""
        return Place(self.world.token("dx"), self.world.strange_ip())

    def payee(self, owner: str = "other", kind: str = "person") -> Payee:
        """A payee never seen before."""
        return (self.world.token("p"), owner, kind)

    # Acts

    def login(
        self, who: Borrower, at: int, place: Place, outcome: str = "success", session: str = ""
    ) -> tuple[str, str]:
        """A login; gives (event id, session id)."""
        event_id, session = self.log.next_id(), session or self.world.token("s")
        words = (session, place.device, place.ip, outcome)
        self.log.tell(shapes.login(event_id, who.who, at, *words))
        return event_id, session

    def verify(
        self,
        who: Borrower,
        at: int,
        device: str,
        session: str,
        outcome: str = "passed",
        method: str = "face",
        arrives_at: int | None = None,
    ) -> str:
        """A verification; gives its verification_id."""
        verification_id = self.world.token("v")
        words = (verification_id, session, device, method, outcome)
        event = shapes.verification(self.log.next_id(), who.who, at, *words)
        self.log.tell(event, arrives_at)
        return verification_id

    def ask(
        self,
        who: Borrower,
        at: int,
        amount_minor: int,
        place: Place,
        payee: Payee,
        session: str,
        verification_id: str | None,
        end: str = "paid",
    ) -> Draw:
        """Only the disbursement: requested, then `end` four seconds later; to be repaid if paid."""
        world, log = self.world, self.log
        draw_id, asked, ended = world.token("w"), log.next_id(), log.next_id()
        owed = int(world.outstanding_minor[who.index]) if who.index >= 0 else 0
        words = (draw_id, session, place.device, place.ip, amount_minor, payee, verification_id)
        rest = (who.limit_minor, owed)
        log.tell(shapes.disbursement(asked, who.who, at, *words, *rest, "requested"))
        log.tell(shapes.disbursement(ended, who.who, at + 4_000, *words, *rest, end))
        if end == "paid" and who.index >= 0:
            world.outstanding_minor[who.index] += amount_minor
            one = (np.array([who.index]), np.array([amount_minor]))
            self.instalments.add(*one, (at - START_MS) // DAY_MS, self.rng)
        return Draw(asked, ended, draw_id, verification_id, session, at)

    def draw(
        self,
        who: Borrower,
        at: int,
        amount_minor: int = 0,
        place: Place | None = None,
        payee: Payee | None = None,
        method: str = "face",
        end: str = "paid",
    ) -> Draw:
        """An orderly draw: login 90 s before, a passed check 20 s before, then the money."""
        where, amount = place or self.home(who), amount_minor or who.usual_minor
        _, session = self.login(who, at - 90_000, where)
        passed = self.verify(who, at - 20_000, where.device, session, method=method)
        return self.ask(who, at, amount, where, payee or who.card, session, passed, end)

    def judge(self, who: Borrower, at: int, draw: Draw, word: str, kind: str | None = None) -> None:
        """A person's finding about a draw."""
        words = (draw.event_id, word, "analyst-2", kind)
        self.log.tell(shapes.disposition(self.log.next_id(), who.who, at, *words))

    # Truth

    def expect(
        self,
        typology: str,
        entity: tuple[str, str],
        account_id: str | None,
        severity: str,
        at: int,
        event_ids: list[str],
        note: str,
        status: str = "open",
        by: int | None = None,
    ) -> None:
        """Something that should be found, first told at `at` and in its final state at `by`."""
        between = (at, at if by is None else by)
        words = (typology, entity, account_id, "alert", between, event_ids, note)
        self.truth.add(self.story, *words, status=status, severity=severity)

    def near_miss(
        self,
        typology: str,
        entity: tuple[str, str],
        account_id: str | None,
        between: tuple[int, int],
        event_ids: list[str],
        note: str,
    ) -> None:
        """Something that looks like it and should be left alone."""
        words = (typology, entity, account_id, "silent", between, event_ids, note)
        self.truth.add(self.story, *words)
