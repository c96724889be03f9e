"""Large plain logs for benchmarks: honest events of many accounts, in time order, fast.

Lines come from byte templates filled with numbers: no object an event. The mix is 40 % logins,
25 % verifications, 20 % disbursements (requested, then paid) and 15 % debits (scheduled, then an
attempt, which now and then fails and is tried again). Every draw is verified in its own session.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streams.simulate.world import DAY_MS, START_MS, Ints

CHUNK: Final = 200_000  # events formatted and written at once
DAYS: Final = 30
DUE_MS: Final = 82_800_000  # 23:00

LOGIN, CHECK, DRAW_CHECK, ASKED, PAID, SCHEDULED, SUCCESS, SHORT, RETRY = range(9)

_HEAD: Final = b'{"type":"%s","event_id":"e%%d","account_id":"a%%d","occurred_at":%%d,'
_LOGIN: Final = (
    _HEAD % b"login"
    + b'"session_id":"s%d","device_id":"d%d-%d","ip":"10.%d.%d.%d","outcome":"%s",'
    + b'"method":"password"}'
)
_CHECK: Final = (
    _HEAD % b"identity_verification"
    + b'"verification_id":"v%d","session_id":"s%d","device_id":"d%d-%d","provider":"face-one",'
    + b'"method":"face","outcome":"%s","latency_ms":%d}'
)
_DRAW: Final = (
    _HEAD % b"disbursement"
    + b'"disbursement_id":"w%d","session_id":"s%d","device_id":"d%d-%d","ip":"10.%d.%d.%d",'
    + b'"amount_minor":%d,"currency":"CNY","payee_id":"%s%d","payee_owner":"%s",'
    + b'"payee_kind":"%s","verification_id":"v%d","credit_limit_minor":%d,'
    + b'"outstanding_minor":%d,"status":"%s"}'
)
_DEBIT: Final = (
    _HEAD % b"auto_debit"
    + b'"debit_id":"b%d-%d","obligation_id":"o%d","mandate_id":"m%d","channel":"bank-%d",'
    + b'"amount_due_minor":%d,"amount_debited_minor":%d,"currency":"CNY","outcome":"%s",'
    + b'"attempt":%d,"due_at":%d,"overdue_at":%d}'
)
_DEBIT_STEPS: Final = {
    SCHEDULED: (b"scheduled", 0),
    SUCCESS: (b"success", 1),
    SHORT: (b"insufficient_balance", 1),
    RETRY: (b"success", 2),
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
            file.write(b"\n".join(_lines(start, *columns)) + b"\n")
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


def _lines(first: int, time: Ints, kind: Ints, account: Ints, serial: Ints) -> list[bytes]:
    """The lines of a chunk, in its order; `first` is the number of its first event."""
    lines: NDArray[Any] = np.empty(len(time), object)
    for each in np.unique(kind).tolist():
        where = np.flatnonzero(kind == each)
        head = (where + first, account[where], time[where])
        lines[where] = _format(each, head, serial[where])
    texts: list[bytes] = lines.tolist()
    return texts


def _format(kind: int, head: tuple[Ints, Ints, Ints], serial: Ints) -> list[bytes]:
    """Lines of one kind. What a draw's events share is a function of account and serial alone."""
    _, account, time = head
    second = (serial % 7 == 0).astype(np.int64)  # the second device
    device = (serial, account, second)
    # One in three comes over a carrier's network, the others from home.
    carrier = serial % 3 == 0
    ip = (
        np.where(carrier, 255, account >> 16 & 127),
        np.where(carrier, account % 32, account >> 8 & 255),
        np.where(carrier, serial % 250, account & 255),
    )
    if kind == LOGIN:
        outcome = _words(serial % 41 == 0, b"failure", b"success")
        return [_LOGIN % row for row in _rows(*head, *device, *ip, outcome)]
    if kind in (CHECK, DRAW_CHECK):
        slips = serial % 53 == 0 if kind == CHECK else np.zeros(len(serial), np.bool_)
        outcome, latency = _words(slips, b"failed", b"passed"), 300 + serial % 1500
        return [_CHECK % row for row in _rows(*head, serial, *device, outcome, latency)]
    if kind in (ASKED, PAID):
        return _draws(kind, head, serial, device, ip)
    word, attempt = _DEBIT_STEPS[kind]
    due = 5_000 + serial % 40 * 1_000
    # Due in the evening of the local day of the first attempt.
    ahead = {SCHEDULED: 2, SUCCESS: 0, SHORT: 0, RETRY: -1}[kind]
    due_at = START_MS + ((time - START_MS) // DAY_MS + ahead) * DAY_MS + DUE_MS
    debited = due if word == b"success" else due * 0
    words = (_same(word, serial), np.full(len(serial), attempt))
    ids = (serial, words[1], serial, account, account % 4)
    rows = _rows(*head, *ids, due, debited, *words, due_at, due_at + 3 * DAY_MS)
    return [_DEBIT % row for row in rows]


def _draws(
    kind: int, head: tuple[Ints, Ints, Ints], serial: Ints, device: Any, ip: Any
) -> list[bytes]:
    """Draws of usual amounts, four in five to the own card, the others to merchants."""
    account = head[1]
    own = serial % 5 != 0
    limit = (account % 9 + 1) * 1_000_000
    amount = limit // 25 + serial % 10 * 1_000
    owed = limit * (serial % 50) // 100
    payee = (
        _words(own, b"card", b"shop"),
        np.where(own, account, serial % 400),
        _words(own, b"self", b"other"),
        _words(own, b"person", b"merchant"),
    )
    status = _same(b"requested" if kind == ASKED else b"paid", serial)
    rows = _rows(*head, serial, *device, *ip, amount, *payee, serial, limit, owed, status)
    return [_DRAW % row for row in rows]


def _words(which: NDArray[np.bool_], yes: bytes, no: bytes) -> list[bytes]:
    return [yes if flag else no for flag in which.tolist()]


def _same(word: bytes, like: Ints) -> list[bytes]:
    return [word] * len(like)


def _rows(*columns: Ints | list[bytes]) -> Any:
    """Rows of columns, as plain Python values."""
    plain = [column if isinstance(column, list) else column.tolist() for column in columns]
    return zip(*plain, strict=True)
