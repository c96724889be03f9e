"""The simulated population: who borrows, with which phone, from which network, to which card.

Column arrays of one entry a borrower (money in minor units, days counted from the log's first).
Addresses lie in private and documentation ranges, so that none is anybody's: homes 10.0-10.233,
offices 172.16-172.31, carriers 100.64, homes on IPv6 2001:db8; strangers 10.240-10.255.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
START_MS: Final = 1_767_196_800_000  # 2026-01-01 00:00 in Asia/Shanghai
NETWORKS_MAX: Final = 234 * 256  # home networks; beyond it households share one
CITIES: Final = ((31.2, 121.5), (39.9, 116.4), (23.1, 113.3), (30.6, 104.1), (22.5, 114.1))
CHANNELS: Final = ("bank-a", "bank-b", "bank-c", "rail-one")
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Borrower:
    """One borrower as a story sees them."""

    index: int
    who: tuple[str, str]
    device: str
    tablet: str  # the second device, often shared in the family; the phone where there is none
    ip: str
    card: tuple[str, str, str]
    limit_minor: int
    usual_minor: int
    obligation: tuple[str, str, str]  # mandate, channel, payer account

    @property
    def account(self) -> str:
        """The account's id."""
        return self.who[0]


@dataclass(slots=True)
class World:
    """The population and its state; built by `make_world`."""

    accounts: int
    days: int
    who: list[tuple[str, str]]
    phone: list[str]
    tablet: list[str]
    home_ip: list[str]
    office_ip: list[str]
    carrier_ips: list[str]
    carrier: Ints  # each borrower's block of 64 addresses in carrier_ips
    household: Ints
    place: list[tuple[float, float]]
    vpn: NDArray[np.bool_]
    limit_minor: Ints
    usual_minor: Ints
    outstanding_minor: Ints
    draw_rate: Floats  # chance of a draw a day
    login_rate: Floats
    channel: Ints
    draws: Ints
    quiet_until: Ints  # the day before which the borrower does nothing of their own accord
    changed: Ints  # day of the latest new phone
    cast: NDArray[np.bool_]  # already has a part in a story
    tokens: Counter[str] = field(default_factory=Counter)

    @property
    def end_ms(self) -> int:
        """The end of the log."""
        return START_MS + self.days * DAY_MS

    def token(self, kind: str) -> str:
        """A fresh opaque id, as `d0000042`."""
        self.tokens[kind] += 1
        return f"{kind}{self.tokens[kind]:07d}"

    def strange_ip(self) -> str:
        """An address in a network that nobody has used before."""
        self.tokens["network"] += 1
        number = self.tokens["network"] % 4096
        return f"10.{240 + (number >> 8)}.{number & 255}.{1 + number % 250}"

    def room(self) -> Floats:
        """What each borrower has left of the limit, as a share of it."""
        left: Floats = 1.0 - self.outstanding_minor / self.limit_minor
        return left

    def payout(self, index: int) -> tuple[str, str, str]:
        """The borrower's own card as a payee."""
        return (f"card{index:07d}", "self", "person")

    def borrower(self, index: int) -> Borrower:
        """A borrower by number."""
        channel = CHANNELS[int(self.channel[index])]
        return Borrower(
            index=index,
            who=self.who[index],
            device=self.phone[index],
            tablet=self.tablet[index],
            ip=self.home_ip[index],
            card=self.payout(index),
            limit_minor=int(self.limit_minor[index]),
            usual_minor=int(self.usual_minor[index]),
            obligation=(f"m{index:07d}", channel, f"card{index:07d}"),
        )


def make_world(seed: int, accounts: int, days: int) -> World:
    """A population of `accounts` borrowers, the same for the same numbers."""
    rng = np.random.default_rng([seed, 1])
    limit = rng.choice([5, 10, 20, 30, 50, 80, 100], accounts).astype(np.int64) * 100_000
    usual = (limit * rng.uniform(0.03, 0.08, accounts)).astype(np.int64) // 1000 * 1000
    owed = np.where(rng.random(accounts) < 0.6, rng.beta(1.2, 6, accounts), 0.0)
    return World(
        accounts=accounts,
        days=days,
        who=[(f"a{i:07d}", f"h{i:07d}") for i in range(accounts)],
        quiet_until=np.zeros(accounts, np.int64),
        draws=np.zeros(accounts, np.int64),
        changed=np.full(accounts, -99),
        cast=np.zeros(accounts, np.bool_),
        limit_minor=limit,
        usual_minor=usual,
        outstanding_minor=(limit * owed).astype(np.int64) // 1000 * 1000,
        draw_rate=np.clip(rng.gamma(1.6, 0.11, accounts), 0.01, 0.5),
        login_rate=rng.gamma(2.0, 0.45, accounts),
        channel=rng.choice(len(CHANNELS), accounts, p=[0.4, 0.3, 0.2, 0.1]),
        vpn=rng.random(accounts) < 0.02,
        **_surroundings(rng, accounts),
    )


def _surroundings(rng: np.random.Generator, accounts: int) -> dict[str, Any]:
    """Households, devices and networks."""
    household = np.cumsum(rng.random(accounts) < 0.8)  # runs of neighbours, mostly of one
    position = np.arange(accounts) - np.searchsorted(household, household)
    household = household * 4 + position // 3  # at most three to a household
    size = np.bincount(household, minlength=int(household.max()) + 1)[household]
    owns_tablet = rng.random(accounts) < 0.2
    phone = [f"dp{i:07d}" for i in range(accounts)]
    tablet = [
        f"dt{h:07d}" if people > 1 else (f"ds{i:07d}" if owns else phone[i])
        for i, (h, people, owns) in enumerate(
            zip(household.tolist(), size.tolist(), owns_tablet.tolist(), strict=True)
        )
    ]
    home_ip = [_home(h) for h in household.tolist()]
    blocks = max(4, accounts // 400)
    offices = max(3, accounts // 120)
    office = rng.integers(0, offices * 2, accounts)  # half of the people work at home
    office_ip = [
        f"172.{16 + o // 256 % 16}.{o % 256}.{2 + i % 250}" if o < offices else home_ip[i]
        for i, o in enumerate(office.tolist())
    ]
    cities = rng.integers(0, len(CITIES), accounts)
    return {
        "household": household,
        "phone": phone,
        "tablet": tablet,
        "home_ip": home_ip,
        "office_ip": office_ip,
        "carrier": rng.integers(0, blocks, accounts),
        "carrier_ips": [
            f"100.{64 + b // 256 % 64}.{b % 256}.{4 + k * 3}"
            for b in range(blocks)
            for k in range(64)
        ],
        "place": [CITIES[c] for c in cities.tolist()],
    }


def _home(household: int) -> str:
    """The address of a household: one in five has IPv6."""
    number = household % NETWORKS_MAX
    if household % 5 == 0:
        return f"2001:db8:{number:x}::{1 + household % 9:x}"
    return f"10.{number >> 8}.{number & 255}.{2 + household % 200}"
