"""The simulated population: who borrows, with which phone, from which network, to which card.

Column arrays of one entry a borrower (money in minor units, days counted from the log's first full
day). Addresses lie in private and documentation ranges, so that none is anybody's: homes
10.0-10.233, on IPv6 2001:db8; offices 172.16-172.31, carriers 100.64, strangers 10.234-10.255.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streams.simulate import lines

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
START_MS: Final = 1_767_196_800_000  # 2026-01-01 00:00 in Asia/Shanghai
NEVER: Final = 1 << 30  # a day that does not come
NETWORKS_MAX: Final = 234 * 256  # home networks; beyond it households share one
STRANGE_NETWORKS: Final = 22 * 256
CITIES: Final = ((31.2, 121.5), (39.9, 116.4), (23.1, 113.3), (30.6, 104.1), (22.5, 114.1))
CHANNELS: Final = ("bank-a", "bank-b", "bank-c", "rail-one")
LIMITS: Final = (5, 10, 20, 30, 50, 80, 100, 160)  # in thousands of the currency
LIMIT_SHARES: Final = (0.14, 0.14, 0.14, 0.14, 0.14, 0.14, 0.12, 0.04)
JOINING_SHARE: Final = 0.05  # borrow for the first time within the log
ASLEEP_SHARE: Final = 0.06  # have an account and have not touched it for long
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[Any]  # of str


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
    city: tuple[float, float] = CITIES[0]

    @property
    def account(self) -> str:
        """The account's id."""
        return self.who[0]


@dataclass(slots=True)
class World:
    """The population and its state; built by `make_world`."""

    accounts: int
    days: int
    who: Texts  # fragments of a line, as `lines` has them
    card: Texts
    terms: Texts
    phone: Texts
    tablet: Texts
    home_ip: Texts
    office_ip: Texts
    carrier_ips: Texts
    carrier: Ints  # each borrower's block of 64 addresses in carrier_ips
    household: Ints
    city: Ints  # where they live
    at_city: Ints  # where they are
    signals: Texts  # of every login of theirs, as a fragment
    night_owl: Flags
    asks_for_help: Flags  # uses accessibility services, always
    limit_minor: Ints
    usual_minor: Ints
    outstanding_minor: Ints
    draw_rate: Floats  # chance of a draw a day
    login_rate: Floats
    channel: Ints
    joined: Ints  # the day of the first login; negative: known before the log's first full day
    asleep_until: Ints  # the day before which nothing was done for long
    draws: Ints
    quiet_until: Ints  # the day before which the borrower does nothing of their own accord
    changed: Ints  # day of the latest new phone
    away_until: Ints  # on a journey until this day
    cast: Flags  # already has a part in a story
    tokens: Counter[str] = field(default_factory=Counter)

    @property
    def end_ms(self) -> int:
        """The end of the log."""
        return START_MS + self.days * DAY_MS

    def token(self, kind: str) -> str:
        """A fresh opaque id, as `d0000042`."""
        self.tokens[kind] += 1
        return f"{kind}{self.tokens[kind]:07d}"

    def numbers(self, kind: str, count: int) -> Ints:
        """The numbers of `count` fresh ids."""
        last = self.tokens[kind] + count
        self.tokens[kind] = last
        return np.arange(last - count + 1, last + 1)

    def strange_ip(self) -> str:
        """An address in a network that nobody has used before."""
        self.tokens["network"] += 1
        number = self.tokens["network"] % STRANGE_NETWORKS
        return f"10.{234 + (number >> 8)}.{number & 255}.{1 + number % 250}"

    def awake(self, day: int) -> Flags:
        """Who does something of their own accord on this day."""
        up: Flags = (self.joined <= day) & (self.asleep_until <= day) & (self.quiet_until <= day)
        return up

    def room(self) -> Floats:
        """What each borrower has left of the limit, as a share of it."""
        left: Floats = 1.0 - self.outstanding_minor / self.limit_minor
        return left

    def place(self, who: Ints) -> Texts:
        """Coordinates as a fragment of a login's line: within some 20 km of the city's centre."""
        near = PLACES[self.at_city[who], who % PLACES.shape[1]]
        return near  # type: ignore[no-any-return]

    def borrower(self, index: int) -> Borrower:
        """A borrower by number."""
        channel = CHANNELS[int(self.channel[index])]
        account, card = f"a{index:07d}", f"card{index:07d}"
        return Borrower(
            index=index,
            who=(account, f"h{index:07d}"),
            device=self.phone[index],
            tablet=self.tablet[index],
            ip=self.home_ip[index],
            card=(card, "self", "person"),
            limit_minor=int(self.limit_minor[index]),
            usual_minor=int(self.usual_minor[index]),
            obligation=(f"m{index:07d}", channel, card),
            city=CITIES[int(self.city[index])],
        )


PLACES: Final = np.array(
    [
        [
            f',"latitude":{round(lat + (n // 5 - 2) / 10, 1)}'
            f',"longitude":{round(long + (n % 5 - 2) / 10, 1)}'
            for n in range(25)
        ]
        for lat, long in CITIES
    ],
    object,
)


def make_world(seed: int, accounts: int, days: int) -> World:
    """A population of `accounts` borrowers, the same for the same numbers."""
    rng = np.random.default_rng([seed, 1])
    limit = rng.choice(LIMITS, accounts, p=LIMIT_SHARES).astype(np.int64) * 100_000
    usual = (limit * rng.uniform(0.03, 0.06, accounts)).astype(np.int64) // 1000 * 1000
    owed = np.where(rng.random(accounts) < 0.6, rng.beta(1.2, 6, accounts), 0.0)
    kind = rng.random(accounts)
    joins, asleep = kind < JOINING_SHARE, kind > 1 - ASLEEP_SHARE
    channel = rng.choice(len(CHANNELS), accounts, p=[0.4, 0.3, 0.2, 0.1])
    asks_for_help = rng.random(accounts) < np.where(asleep, 0.15, 0.006)
    signals = np.where(rng.random(accounts) < 0.02, ',"device_signals":["vpn"]', "").astype(object)
    signals[asks_for_help] = ',"device_signals":["accessibility_service"]'
    return World(
        accounts=accounts,
        days=days,
        who=_texts(lines.who(f"a{i:07d}", f"h{i:07d}") for i in range(accounts)),
        card=_texts(lines.payee(f"card{i:07d}", "self", "person") for i in range(accounts)),
        terms=_texts(
            lines.terms(f"m{i:07d}", CHANNELS[each], f"card{i:07d}")
            for i, each in enumerate(channel.tolist())
        ),
        joined=np.where(joins, rng.integers(1, days, accounts), -1),
        # Few of those who sleep wake by themselves within the log.
        asleep_until=np.where(asleep, rng.integers(0, 10 * days, accounts), 0),
        quiet_until=np.zeros(accounts, np.int64),
        draws=np.zeros(accounts, np.int64),
        changed=np.full(accounts, -99),
        away_until=np.full(accounts, -99),
        cast=np.zeros(accounts, np.bool_),
        limit_minor=limit,
        usual_minor=usual,
        outstanding_minor=np.where(joins | asleep, 0, limit * owed).astype(np.int64) // 1000 * 1000,
        draw_rate=np.clip(rng.gamma(1.6, 0.11, accounts), 0.01, 0.4),
        login_rate=rng.gamma(2.0, 0.45, accounts),
        channel=channel,
        signals=signals,
        asks_for_help=asks_for_help,
        night_owl=rng.random(accounts) < 0.03,
        **_surroundings(rng, accounts),
    )


def _texts(words: Any) -> Texts:
    return np.array(list(words), object)


def _surroundings(rng: np.random.Generator, accounts: int) -> dict[str, Any]:
    """Households, devices, cities and networks."""
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
    city = household * 2_654_435_761 % 2**32 % len(CITIES)  # a household lives in one
    return {
        "household": household,
        "phone": _texts(phone),
        "tablet": _texts(tablet),
        "home_ip": _texts(home_ip),
        "office_ip": _texts(office_ip),
        "carrier": rng.integers(0, blocks, accounts),
        "carrier_ips": _texts(
            f"100.{64 + b // 256 % 64}.{b % 256}.{4 + k * 3}"
            for b in range(blocks)
            for k in range(64)
        ),
        "city": city,
        "at_city": city.copy(),
    }


def _home(household: int) -> str:
    """The address of a household: one in five has IPv6."""
    number = household % NETWORKS_MAX
    if household % 5 == 0:
        return f"2001:db8:{number:x}::{1 + household % 9:x}"
    return f"10.{number >> 8}.{number & 255}.{2 + household % 200}"
