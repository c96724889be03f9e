"""Who plays in a story, when and where: borrowers are chosen, days and hours, phones and payees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import numpy as np

from streams.simulate.world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NEVER,
    START_MS,
    Borrower,
    Flags,
    World,
)

Payee = tuple[str, str, str]
WARM_UP_DAYS: Final = 8  # habits are known from here on
QUIET_DAYS: Final = 9  # after a story: until no window of seven days reaches back into it
RICH: Final = (14_500_000, NEVER)  # limits with room for three draws that are checked strictly
MODEST: Final = (0, 10_000_000)  # and those with room for none
LAST_DAYS: Final = 6  # what a story needs to play to its end


class WorldTooSmallError(ValueError):
    """The population has nobody left who fits the part."""


@dataclass(frozen=True, slots=True)
class Place:
    """A device on a network; `at` is (latitude, longitude) where the device tells."""

    device: str
    ip: str
    at: tuple[float, float] | None = None


@dataclass(slots=True)
class Casting:
    """What one telling of one story draws by chance; the same for the same seed and copy."""

    world: World
    story: str
    seed: int
    copy: int
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, crc32(self.story.encode()), self.copy])

    def opening_day(self) -> int:
        """A day in the log's second half with time enough left."""
        first = max(WARM_UP_DAYS, self.world.days // 2)
        return int(self.rng.integers(first, self.world.days - LAST_DAYS + 1))

    def some(self, low: float, high: float) -> float:
        """A measure between two, so that no two tellings are quite the same."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A number between two, both included."""
        return int(self.rng.integers(low, high + 1))

    def at(self, day: int, hour: float, spread_minutes: int = 90) -> int:
        """A time (ms) on `day` at about `hour` o'clock, local."""
        jitter = int(self.rng.integers(0, spread_minutes * MINUTE_MS))
        return START_MS + day * DAY_MS + int(hour * HOUR_MS) + jitter

    def cast(
        self,
        day: int,
        count: int = 1,
        draws: int = 1,
        room: float = 0.5,
        days: int = QUIET_DAYS,
        limits: tuple[int, int] = (0, NEVER),
    ) -> list[Borrower]:
        """Borrowers who drew at least `draws` times, have a limit in `limits` with `room` of it
        left, and are of no other story; quiet for `days` from now. Raises WorldTooSmallError."""
        world = self.world
        fit = (world.draws >= draws) & (world.room() >= room) & (world.changed < day - 3)
        fit &= (world.limit_minor >= limits[0]) & (world.limit_minor <= limits[1])
        fit &= world.awake(day) & ~world.asks_for_help
        return self._chosen(fit, count, day, days, f"with {draws} draws")

    def sleepers(self, day: int, count: int = 1, helped: bool = False) -> list[Borrower]:
        """Borrowers who have not touched their account for over 90 days, owe nothing, and are of
        no other story; `helped`: who have used accessibility services all along."""
        world = self.world
        fit = (world.asleep_until > day) & (world.asks_for_help == helped)
        return self._chosen(fit, count, day, QUIET_DAYS, "asleep")

    def _chosen(self, fit: Flags, count: int, day: int, days: int, what: str) -> list[Borrower]:
        world = self.world
        found = np.flatnonzero(fit & ~world.cast & (world.joined < 0) & (world.away_until < day))
        if len(found) < count:
            raise WorldTooSmallError(
                f"story {self.story} needs {count} borrowers {what}; "
                f"{len(found)} are left: simulate more accounts or more days"
            )
        chosen = self.rng.choice(found, count, replace=False)
        world.cast[chosen] = True
        world.quiet_until[chosen] = day + days
        return [world.borrower(int(index)) for index in chosen]

    def left(self, who: Borrower) -> int:
        """What is left of a borrower's limit now."""
        return int(self.world.limit_minor[who.index] - self.world.outstanding_minor[who.index])

    def passers_by(self, count: int) -> list[Borrower]:
        """Any borrowers of no story, who go on living as they do."""
        world = self.world
        found = np.flatnonzero(~world.cast & (world.joined < 0) & (world.asleep_until == 0))
        if len(found) < count:
            raise WorldTooSmallError(f"story {self.story} needs {count} accounts: simulate more")
        chosen = self.rng.choice(found, count, replace=False)
        return [world.borrower(int(index)) for index in chosen]

    def family(self, day: int) -> list[Borrower]:
        """Two or three of one household, who share a tablet."""
        world = self.world
        free = ~world.cast & (world.room() > 0.4) & world.awake(day) & (world.joined < 0)
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

    def stranger(self, at: tuple[float, float] | None = None) -> Place:
        """A device and a network never seen before."""
        return Place(self.world.token("dx"), self.world.strange_ip(), at)

    def payee(self, owner: str = "other", kind: str = "person") -> Payee:
        """A payee never seen before."""
        return (self.world.token("p"), owner, kind)
