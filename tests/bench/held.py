"""What open obligations cost: events a second beside 1,000,000 of them, and beside none.

    python -m tests.bench.held [--obligations 1000000] [--events 200000]

Two engines remember the same accounts: one by a scheduled debit each, the other by a log-in. Then
both take the same events of other accounts, in turns; the ratio of the median CPU times is told.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterator
from statistics import median

import numpy as np

from detector.decode import Batch, Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from tests.streams.lines import BASE_MS, debit, disbursement, login

DAY_MS = 86_400_000
BATCH = 4096
ROUNDS = 5
PROMISED = 1.3


def lines(count: int, *, is_debit: bool) -> Iterator[bytes]:
    """One event of each of so many accounts, over six hours."""
    for n in range(count):
        at_ms, account = n * 21_600_000 // count, f"H{n}"
        if is_debit:
            due_at = BASE_MS + 2 * DAY_MS + n % DAY_MS
            yield debit(
                f"h{n}", at_ms, account_id=account, obligation_id=f"O{n}", outcome="scheduled",
                attempt=0, due_at=due_at, overdue_at=due_at + 3 * DAY_MS,
            )  # fmt: skip
        else:
            yield login(f"h{n}", at_ms, account_id=account)


def usual(count: int, start_ms: int) -> list[bytes]:
    """Log-ins, draws and debits of 20,000 accounts, over six hours."""
    told = []
    for n in range(count):
        at_ms, account = start_ms + n * 21_600_000 // count, f"U{n % 20_000}"
        make = (login, login, login, disbursement, debit)[n % 5]
        more = {"obligation_id": f"U{n}", "outcome": "success"} if make is debit else {}
        told.append(make(f"u{start_ms}-{n}", at_ms, account_id=account, **more))
    return told


def batches(decoder: Decoder, told: Iterator[bytes]) -> Iterator[Batch]:
    part: list[bytes] = []
    for line in told:
        part.append(line)
        if len(part) == BATCH:
            yield decoder.decode(part)
            part = []
    if part:
        yield decoder.decode(part)


def copied(batch: Batch) -> Batch:
    """An engine writes into its rows."""
    return Batch(batch.events, batch.words.copy(), batch.positions, [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--obligations", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=200_000)
    wanted = parser.parse_args()
    policy, ids = load_policy(), Ids()
    rulebook, decoder = load_rulebook(None, policy), Decoder(ids, TIME_MAX_MS)
    engines = {name: Engine(rulebook, policy, ids) for name in ("held", "none")}
    for name, engine in engines.items():
        for batch in batches(decoder, lines(wanted.obligations, is_debit=name == "held")):
            engine.process(batch)
    gc.freeze()
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(ROUNDS + 1):
        told = usual(wanted.events, (turn + 1) * 21_600_000)
        decoded = list(batches(decoder, iter(told)))
        for name, engine in sorted(engines.items(), reverse=turn % 2 == 0):
            mine = [copied(batch) for batch in decoded]
            began = time.process_time()
            for batch in mine:
                engine.process(batch)
            seconds[name].append(time.process_time() - began)
    held, none = (median(seconds[name][1:]) for name in ("held", "none"))
    remembered = engines["held"].repayment.remembered
    print(f"{remembered:,} obligations open beside {wanted.events:,} events a round")
    for name, each in (("held", held), ("none", none)):
        print(f"{name}: {wanted.events / each:,.0f} events a second")
    print(f"{held / none:.3f} times the time (promised: at most {PROMISED})")
    assert np.isfinite(held) and held <= PROMISED * none


if __name__ == "__main__":
    main()
