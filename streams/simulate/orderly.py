"""Orderly draws of many borrowers at once: login, verification, requested, paid or rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.simulate import habits, lines, shapes
from streams.simulate.log import Log
from streams.simulate.world import HOUR_MS, Flags, Ints, Texts, World

METHODS: Final = np.array(
    [lines.METHODS["face"], lines.METHODS["otp"], lines.METHODS["bank_card"]], object
)
FACE, OTP = 0, 1
ROAMING: Final = 0.05  # come home, or leave it, between login and request: another network


@dataclass(slots=True)
class Draws:
    """Draws to tell, one row each; `times` are those of the requests."""

    who: Ints
    times: Ints
    amounts: Ints
    payees: Texts
    device: Texts
    ip: Texts
    method: Ints  # of METHODS


def tell(world: World, log: Log, draws: Draws, extra: Texts, rng: np.random.Generator) -> Flags:
    """Tells them; says which were paid. `extra` is what the logins say besides."""
    who, at, count = draws.who, draws.times, len(draws.who)
    people, device = world.who[who], draws.device
    session, number = world.numbers("s", count), world.numbers("w", count)
    check = at - rng.integers(6_000, 60_000, count)
    entered = at - rng.integers(70_000, 480_000, count)
    head = (log.next_ids(count), people, entered)
    where = (session, device, draws.ip)
    log.block("login", entered, lines.logins(head, *where, "success", "password", extra))
    _tell_slips(world, log, draws, session, check, rng)
    passed = world.numbers("v", count)
    bound = [f',"disbursement_id":"w{each:07d}"' for each in number.tolist()]
    binding = np.where(rng.random(count) < 0.5, np.array(bound, object), "")
    latency = rng.integers(400, 2_300, count)
    words = (passed, session, device, METHODS[draws.method], "passed", latency, binding)
    log.block("identity_verification", check, lines.checks((log.next_ids(count), people, check),
                                                           *words))  # fmt: skip
    ip = np.where(rng.random(count) < ROAMING, habits.carrier(world, who, rng), draws.ip)
    money = (number, session, device, ip, draws.amounts, draws.payees)
    owed = (world.limit_minor[who], world.outstanding_minor[who])
    asked = log.next_ids(count)
    request = lines.draws((asked, people, at), *money, *owed, "requested", passed)
    log.block("disbursement", at, request)
    paid: Flags = rng.random(count) > 0.01
    ended = at + rng.integers(2_000, 25_000, count)
    status = np.where(paid, "paid", "rejected").astype(object)
    end = lines.draws((log.next_ids(count), people, ended), *money, *owed, status, passed)
    log.block("disbursement", ended, end)
    _tell_reviews(world, log, draws, asked, rng)
    return paid


def _tell_slips(
    world: World, log: Log, draws: Draws, session: Ints, check: Ints, rng: np.random.Generator
) -> None:
    """First tries that failed: a mistyped code, a blurred face; more rarely the provider's fault.

    Some need a third try."""
    chance = rng.random(len(draws.who))
    for tries, share in ((1, 0.036), (2, 0.004)):
        slipped = np.flatnonzero(chance < share)
        at = check[slipped] - tries * 4_000
        outcome = np.where(chance[slipped] < 0.83 * share, "failed", "timeout").astype(object)
        head = (log.next_ids(len(slipped)), world.who[draws.who[slipped]], at)
        ids = (world.numbers("v", len(slipped)), session[slipped], draws.device[slipped])
        method = METHODS[draws.method[slipped]]
        log.block("identity_verification", at,
                  lines.checks(head, *ids, method, outcome, 2500, ""))  # fmt: skip


def _tell_reviews(
    world: World, log: Log, draws: Draws, asked: Ints, rng: np.random.Generator
) -> None:
    """A few honest draws are looked at by a person, and cleared."""
    chance = rng.random(len(draws.who))
    for row in np.flatnonzero(chance < 0.004).tolist():
        person = world.borrower(int(draws.who[row])).who
        word = "false_positive" if chance[row] < 0.002 else "customer_confirmed"
        looked = int(draws.times[row]) + 2 * HOUR_MS + int(chance[row] * 1e9) % HOUR_MS
        words = (f"e{asked[row]:08d}", word, "analyst-1")
        log.tell(shapes.disposition(log.next_id(), person, looked, *words))
