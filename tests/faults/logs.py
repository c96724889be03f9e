"""The logs that are fed: simulated worlds, cut so that event time is dense (README.md says why)."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import orjson

from detector.jit import sources_digest
from streams.simulate import simulate
from streams.simulate.world import DAY_MS, START_MS
from streams.times import iso

WORLD_DAYS: Final = 14  # the fewest that a world may have; its stories begin on the eighth
FULL_FROM_MS: Final = START_MS + 8 * DAY_MS
THIN_ONE_IN: Final = 8  # so many accounts have a past, beside those of which a story is told
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a log is made of: about two events an account and full day, after a thin past."""

    accounts: int
    full_days: int = 4
    past_days: int = 160  # all that a world has
    seed: int = 5


@dataclass(frozen=True, slots=True)
class Log:
    """An event log, in order of arrival. The first `warm_count` lines are its thin past."""

    path: Path
    lines: tuple[bytes, ...]
    warm_count: int

    @property
    def warm(self) -> tuple[bytes, ...]:
        """The thin past."""
        return self.lines[: self.warm_count]

    @property
    def dense(self) -> tuple[bytes, ...]:
        """The days that are whole."""
        return self.lines[self.warm_count :]

    @property
    def events_an_hour(self) -> float:
        """Events an hour of event time in the days that are whole."""
        times = [orjson.loads(line)["occurred_at"] for line in (self.dense[0], self.dense[-1])]
        return len(self.dense) / (times[1] - times[0]) * 3_600_000


def workshop() -> Path:
    """Where logs and their truths are kept between runs, under a digest of what makes them."""
    return Path(tempfile.gettempdir()) / "lendwatch-faults"


def made(recipe: Recipe) -> Log:
    """The log of a recipe, from the workshop or made now."""
    sources = sources_digest(ROOT / "streams" / "simulate"), Path(__file__).read_bytes()
    name = hashlib.blake2b(repr((astuple(recipe), sources)).encode(), digest_size=6).hexdigest()
    path = workshop() / name / "events.jsonl"
    if not path.exists():
        write(path, _dense(recipe, path.parent))
    return read(path)


def read(path: Path) -> Log:
    """A log from a file."""
    return _log(path, path.read_bytes().splitlines())


def write(path: Path, lines: list[bytes]) -> Log:
    """A log into a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(b"".join(line + b"\n" for line in lines))
    partial.replace(path)
    return _log(path, lines)


def _log(path: Path, lines: list[bytes]) -> Log:
    times = (orjson.loads(line).get("occurred_at", 0) for line in lines)
    begins = (at for at, time_ms in enumerate(times) if time_ms >= FULL_FROM_MS)
    return Log(path, tuple(lines), next(begins, 0))


def _dense(recipe: Recipe, folder: Path) -> list[bytes]:
    world = folder / "world"
    made = simulate(world, recipe.seed, recipe.accounts, WORLD_DAYS, "small")
    truth = [orjson.loads(line) for line in made.truth.read_bytes().splitlines()]
    told = {line["account_id"] for line in truth}
    told |= {line["entity"]["id"] for line in truth}
    first_ms = FULL_FROM_MS - recipe.past_days * DAY_MS
    end_ms = FULL_FROM_MS + recipe.full_days * DAY_MS
    chosen = []
    with made.events.open("rb") as events:
        for line in events:
            event = orjson.loads(line)
            if event["occurred_at"] >= end_ms:
                break
            account = event.get("account_id", "")
            at_ms, is_known = event["occurred_at"], account in told or _has_past(account)
            if at_ms >= FULL_FROM_MS or (is_known and at_ms >= first_ms):
                chosen.append(line.rstrip())
    shutil.rmtree(world)
    assert chosen, f"nothing happened before {iso(end_ms)}"
    return chosen


def _has_past(account: str) -> bool:
    drawn = hashlib.blake2b(account.encode(), digest_size=4).digest()
    return int.from_bytes(drawn) % THIN_ONE_IN == 0
