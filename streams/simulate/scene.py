"""What a story can do: choose its people, let them act, and say what should be found.

A story is a generator function over a `Scene`. It yields the number of the day on which it wants to
go on, and is resumed at that day's start, with every balance as it then stands. Whoever it casts
does nothing else of their own accord meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streams.simulate import shapes
from streams.simulate.casting import Casting, Payee, Place
from streams.simulate.instalments import Instalments
from streams.simulate.log import Log, Truth
from streams.simulate.world import DAY_MS, START_MS, Borrower

Script = Generator[int, None, None]
Story = Callable[["Scene"], Script]


@dataclass(frozen=True, slots=True)
class Draw:
    """A disbursement that was told: its events, its check and its session."""

    event_id: str
    paid_event_id: str
    disbursement_id: str
    verification_id: str | None
    session_id: str
    at: int
    amount_minor: int


@dataclass(slots=True)
class Scene(Casting):
    """One telling of one story."""

    log: Log
    truth: Truth
    instalments: Instalments
    _amounts: dict[str, int] = field(default_factory=dict)
    _ends: dict[str, str] = field(default_factory=dict)  # the other event of a draw
    _large: set[str] = field(default_factory=set)  # draws of a fifth of the limit or more

    # Acts

    def login(
        self,
        who: Borrower,
        at: int,
        place: Place,
        outcome: str = "success",
        session: str = "",
        signals: Sequence[str] = (),
        method: str = "password",
    ) -> tuple[str, str]:
        """A login; gives (event id, session id)."""
        event_id, session = self.log.next_id(), session or self.world.token("s")
        words = (session, place.device, place.ip, outcome, method, place.at, signals)
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
        return self.check(who, at, device, session, outcome, method, arrives_at)[1]

    def check(
        self,
        who: Borrower,
        at: int,
        device: str,
        session: str,
        outcome: str,
        method: str,
        arrives_at: int | None = None,
    ) -> tuple[str, str]:
        """A verification; gives (event id, verification_id)."""
        event_id, verification_id = self.log.next_id(), self.world.token("v")
        words = (verification_id, session, device, method, outcome)
        self.log.tell(shapes.verification(event_id, who.who, at, *words), arrives_at)
        return event_id, verification_id

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
        after_ms: int = 4_000,
    ) -> Draw:
        """Only the disbursement: requested, then `end` after a while; to be repaid if paid."""
        world, log = self.world, self.log
        draw_id, asked, ended = world.token("w"), log.next_id(), log.next_id()
        known = who.index >= 0
        owed = int(world.outstanding_minor[who.index]) if known else 0
        limit = int(world.limit_minor[who.index]) if known else who.limit_minor
        words = (draw_id, session, place.device, place.ip, amount_minor, payee, verification_id)
        rest = (limit, owed)
        log.tell(shapes.disbursement(asked, who.who, at, *words, *rest, "requested"))
        log.tell(shapes.disbursement(ended, who.who, at + after_ms, *words, *rest, end))
        if end == "paid" and known:
            world.outstanding_minor[who.index] += amount_minor
            one = (np.array([who.index]), np.array([amount_minor]))
            self.instalments.add(*one, (at - START_MS) // DAY_MS, self.rng)
        self._amounts[asked] = amount_minor
        self._ends[asked] = ended
        if 5 * amount_minor >= limit:
            self._large.add(asked)
        return Draw(asked, ended, draw_id, verification_id, session, at, amount_minor)

    def draw(
        self,
        who: Borrower,
        at: int,
        amount_minor: int = 0,
        place: Place | None = None,
        payee: Payee | None = None,
        method: str = "face",
        end: str = "paid",
        signals: Sequence[str] = (),
    ) -> Draw:
        """An orderly draw: login 90 s before, a passed check 20 s before, then the money."""
        where, amount = place or self.home(who), amount_minor or who.usual_minor
        _, session = self.login(who, at - 90_000, where, signals=signals)
        return self.go_on(who, at, session, amount, where, payee, method, end)

    def go_on(
        self,
        who: Borrower,
        at: int,
        session: str,
        amount_minor: int = 0,
        place: Place | None = None,
        payee: Payee | None = None,
        method: str = "face",
        end: str = "paid",
    ) -> Draw:
        """An orderly draw in a session that is open: a passed check, then the money."""
        where, amount = place or self.home(who), amount_minor or who.usual_minor
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
        also: Sequence[str] = (),
    ) -> None:
        """Something that should be found: it began at `at` and is in its final state at `by`.

        `also`: what else may be said of the same events without being wrong."""
        between = (at, at if by is None else by)
        amounts = {each: self._amounts[each] for each in event_ids if each in self._amounts}
        words = (typology, entity, account_id, "alert", between, self._whole(event_ids), note)
        more: dict[str, Any] = {"severity": severity, "status": status}
        more |= {"also": self._also(event_ids, also), "amounts": amounts}
        self.truth.add(self.story, *words, **more)

    def found(
        self,
        typology: str,
        who: Borrower,
        severity: str,
        draws: Sequence[Draw],
        note: str,
        also: Sequence[str] = (),
        first: int = -1,
    ) -> None:
        """An account of which something should be found, by draw number `first`, then updated;
        by default at the last draw."""
        began, last = draws[0].at, draws[-1].at
        status = "open" if draws[first] is draws[-1] else "updated"
        events, entity = [draw.event_id for draw in draws], ("account", who.account)
        words = (typology, entity, who.account, severity, began, events, note, status, last)
        self.expect(*words, also=also)

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
        words = (typology, entity, account_id, "silent", between, self._whole(event_ids), note)
        self.truth.add(self.story, *words, also=self._also(event_ids))

    def _whole(self, event_ids: Sequence[str]) -> list[str]:
        """With the last event of each draw: where it arrives first, it is what is judged."""
        ends = [self._ends[each] for each in event_ids if each in self._ends]
        return list(dict.fromkeys([*event_ids, *ends]))

    def _also(self, event_ids: Sequence[str], also: Sequence[str] = ()) -> list[str]:
        """A large draw, after some that the borrower made before, is rapid stacking besides."""
        stacks = not self._large.isdisjoint(event_ids)
        return sorted({*also, *(["rapid_stacking"] if stacks else [])})

    def left_alone(self, typology: str, who: Borrower, draws: Sequence[Draw], note: str) -> None:
        """An account's draws that look like it and should be left alone."""
        events, between = [draw.event_id for draw in draws], (draws[0].at, draws[-1].at)
        self.near_miss(typology, ("account", who.account), who.account, between, events, note)

    def either(self, typology: str, who: Borrower, draws: Sequence[Draw], note: str) -> None:
        """Wrong that was done, and that no rule need see: found or not, both are right."""
        events, between = [draw.event_id for draw in draws], (draws[0].at, draws[-1].at)
        amounts = {draw.event_id: draw.amount_minor for draw in draws}
        entity, events = ("account", who.account), self._whole(events)
        words = (typology, entity, who.account, "either", between, events, note)
        self.truth.add(self.story, *words, amounts=amounts)
