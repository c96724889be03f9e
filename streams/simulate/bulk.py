"""Large plain logs for benchmarks: honest events of many accounts, in time order, fast.

Lines come from templates filled with columns: no object an event. The mix is 40 % logins,
25 % verifications, 20 % disbursements (requested, then paid) and 15 % debits (scheduled, then an
attempt, which now and then fails and is tried again). Every draw is verified in its own session.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streams.simulate import lines
from streams.simulate.world import DAY_MS, START_MS, Ints

CHUNK: Final = 200_000  # events formatted and written at once
DAYS: Final = 30
DUE_MS: Final = 82_800_000  # 23:00

LOGIN, CHECK, DRAW_CHECK, ASKED, PAID, SCHEDULED, SUCCESS, SHORT, RETRY = range(9)

_DEBIT_STEPS: Final = {
    SCHEDULED: ("scheduled", 0),
    SUCCESS: ("success", 1),
    SHORT: ("insufficient_balance", 1),
    RETRY: ("success", 2),
}


def write_bulk(path: Path, events: int, accounts: int, seed: int = 1) -> int:
    """Writes about `events` events over `accounts` accounts to `path`; gives how many.

    The same arguments give the same bytes. Memory: some 40 bytes an event besides one chunk.
    Raises ValueError for fewer than 100 events or 1 account.
    """
    if events < 100 or accounts < 1:
        raise ValueError("a bulk log needs 100 events and 1 account or more")
    time, kind, account, serial = _plan(events, accounts, np.random.default_rng([seed, 9]))
    order = np.argsort(time, kind="stable")
    with path.open("wb") as file:
        for start in range(0, len(order), CHUNK):
            part = order[start : start + CHUNK]
            columns = (time[part], kind[part], account[part], serial[part])
            file.write(("\n".join(_lines(start, *columns)) + "\n").encode())
    return len(order)


def _plan(events: int, accounts: int, rng: np.random.Generator) -> tuple[Ints, ...]:
    """Times, kinds, accounts and serial numbers of all events, not yet in order.

    Events of one draw share a serial number, as do those of one obligation.
    """
    draws, debits = events // 10, int(events * 0.15 / 2.05)
    logins = int(events * 0.4) - draws
    checks = int(events * 0.25) - draws
    span = DAYS * DAY_MS - 10 * DAY_MS  # an obligation may run on for some days
    parts: list[tuple[Ints, int, Ints, Ints]] = []

    def add(kind: int, at: Ints, who: Ints, number: Ints) -> None:
        parts.append((at, kind, who, number))

    for kind, count, base in ((LOGIN, logins, 0), (CHECK, checks, logins)):
        numbers = np.arange(base, base + count)
        add(kind, rng.integers(0, span, count), rng.integers(0, accounts, count), numbers)
    at, who = rng.integers(600_000, span, draws), rng.integers(0, accounts, draws)
    number = np.arange(draws) + logins + checks
    for kind, shift in ((LOGIN, -120_000), (DRAW_CHECK, -25_000), (ASKED, 0), (PAID, 6_000)):
        add(kind, at + shift, who, number)
    at, who = rng.integers(0, span, debits), rng.integers(0, accounts, debits)
    short = rng.random(debits) < 0.05
    number = np.arange(debits)
    add(SCHEDULED, at, who, number)
    add(SUCCESS, (at + 2 * DAY_MS)[~short], who[~short], number[~short])
    add(SHORT, (at + 2 * DAY_MS)[short], who[short], number[short])
    add(RETRY, (at + 3 * DAY_MS)[short], who[short], number[short])
    kinds = np.concatenate([np.full(len(part[0]), part[1], np.int8) for part in parts])
    times, people, numbers = (np.concatenate([part[i] for part in parts]) for i in (0, 2, 3))
    return times + START_MS, kinds.astype(np.int64), people, numbers


def _lines(first: int, time: Ints, kind: Ints, account: Ints, serial: Ints) -> list[str]:
    """The lines of a chunk, in its order; `first` is the number of its first event."""
    text: NDArray[Any] = np.empty(len(time), object)
    for each in np.unique(kind).tolist():
        where = np.flatnonzero(kind == each)
        head = (where + first, account[where], time[where])
        text[where] = _format(each, head, serial[where])
    texts: list[str] = text.tolist()
    return texts


def _format(kind: int, head: tuple[Ints, Ints, Ints], serial: Ints) -> list[str]:
    """Lines of one kind. What a draw's events share is a function of account and serial alone."""
    number, account, time = head
    who = [f'"account_id":"a{each}"' for each in account.tolist()]
    told = (number, who, time)
    # Every seventh comes from the second device; one in three over a carrier, others from home.
    device = [f"d{one}-{int(each % 7 == 0)}" for one, each in _rows(account, serial)]
    ip = [
        f"10.255.{one % 32}.{each % 250}"
        if each % 3 == 0
        else f"10.{one >> 16 & 127}.{one >> 8 & 255}.{one & 255}"
        for one, each in _rows(account, serial)
    ]
    if kind == LOGIN:
        outcome = np.where(serial % 41 == 0, "failure", "success")
        return lines.logins(told, serial, device, ip, outcome, "password", "")
    if kind in (CHECK, DRAW_CHECK):
        slips = (serial % 53 == 0) & (kind == CHECK)
        outcome, latency = np.where(slips, "failed", "passed"), 300 + serial % 1500
        face = lines.METHODS["face"]
        return lines.checks(told, serial, serial, device, face, outcome, latency, "")
    if kind in (ASKED, PAID):
        return _draws(kind, told, account, serial, device, ip)
    word, attempt = _DEBIT_STEPS[kind]
    due = 5_000 + serial % 40 * 1_000
    # Due in the evening of the local day of the first attempt.
    ahead = {SCHEDULED: 2, SUCCESS: 0, SHORT: 0, RETRY: -1}[kind]
    due_at = START_MS + ((time - START_MS) // DAY_MS + ahead) * DAY_MS + DUE_MS
    terms = [lines.terms(f"m{one}", f"bank-{one % 4}", f"card{one}") for one in account.tolist()]
    debited = due if word == "success" else due * 0
    dates = (due_at, due_at + 3 * DAY_MS)
    return lines.debits(told, serial, attempt, terms, due, debited, word, *dates, "")


def _draws(
    kind: int, told: Any, account: Ints, serial: Ints, device: list[str], ip: list[str]
) -> list[str]:
    """Draws of usual amounts, four in five to the own card, the others to merchants."""
    limit = (account % 9 + 1) * 1_000_000
    amount = limit // 25 + serial % 10 * 1_000
    payee = [
        lines.payee(f"card{one}", "self", "person")
        if each % 5
        else lines.payee(f"shop{each % 400}", "other", "merchant")
        for one, each in _rows(account, serial)
    ]
    owed, status = limit * (serial % 50) // 100, "requested" if kind == ASKED else "paid"
    words = (serial, serial, device, ip, amount, payee, limit, owed, status, serial)
    return lines.draws(told, *words)


def _rows(*columns: Ints) -> Any:
    """Rows of columns, as plain Python values."""
    return zip(*(column.tolist() for column in columns), strict=True)
