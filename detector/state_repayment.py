"""The state of the repayment half, and of the population's log-ins, as records (see state.py).

N arrivals     steps of obligations ever taken
O obligation   its steps, what was last said of it, when it is looked at next
L ledger       of one account: what fell due, cures, hardship, a freeze
C contacts     of one account on one local day
W watch        of an entity's conduct on one local day
P population   log-ins of one minute (0) or hour (1) of all accounts
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.borrowers import LEDGER
from detector.conduct import Watch
from detector.ledgers import Ledger
from detector.memory import Memory
from detector.obligation_steps import Obligation
from detector.repayment import Repayment
from detector.sealing import sealed
from detector.state import KEY_BYTES, Record, key_of, opened, refusal
from detector.treatment import Counts

KINDS: Final[Mapping[bytes, Any]] = {b"O": Obligation, b"L": Ledger, b"C": Counts, b"W": Watch}


def _parts(key: bytes) -> tuple[int, ...]:
    return tuple(
        int.from_bytes(key[at : at + KEY_BYTES], "big", signed=True)
        for at in range(1, len(key), KEY_BYTES)
    )


class RepaymentState:
    """Writes and reads the records of the repayment half. Deadlines need none of their own: an
    obligation says when it is looked at next."""

    def __init__(self, repayment: Repayment) -> None:
        self._repayment = repayment
        self._arrivals = repayment.obligations.borrowers.arrivals
        list(self.changes())  # from now on somebody asks

    def changes(self) -> Iterator[Record]:
        """What changed since this was last asked."""
        borrowers = self._repayment.obligations.borrowers
        for (account, number), told in borrowers.changes():
            key = key_of(b"L", account) if number == LEDGER else key_of(b"O", account, number)
            yield key, None if told is None else sealed(told)
        for day_account, counts in self._repayment.contacts.changes():
            yield key_of(b"C", *day_account), sealed(counts) if counts else None
        for scope, watch in self._repayment.conduct.changes():
            yield key_of(b"W", *scope), sealed(watch) if watch else None
        if borrowers.arrivals != self._arrivals:
            self._arrivals = borrowers.arrivals
            yield b"N", sealed(self._arrivals)

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Fill an empty repayment half.

        Raises:
            StateError: a record is of another schema, damaged, or an obligation lacks its ledger.
        """
        told: dict[bytes, dict[Any, Any]] = {kind: {} for kind in KINDS}
        for key, value in records.items():
            kind = key[:1]
            if kind == b"N":
                self._arrivals = opened(key, value, int)
            else:
                told[kind][_parts(key)] = opened(key, value, KINDS[kind])
        ledgers = {account: ledger for (account,), ledger in told[b"L"].items()}
        for account, number in told[b"O"]:
            if account not in ledgers:
                raise refusal(key_of(b"O", account, number), "its account's ledger is not there")
        repayment = self._repayment
        repayment.obligations.borrowers.restore(told[b"O"], ledgers, self._arrivals)
        for scope, obligation in told[b"O"].items():
            repayment.obligations.expose_again(scope, obligation)
        repayment.contacts.restore(told[b"C"])
        repayment.conduct.restore(told[b"W"])


class PopulationState:
    """Writes and reads the counts of all log-ins by minute and hour."""

    def __init__(self) -> None:
        self._kept: list[NDArray[np.int64]] = []

    def changes(self, memory: Memory) -> Iterator[Record]:
        """The minutes and hours that changed since this was last asked."""
        pools = (memory.population_minutes, memory.population_hours)
        self._kept = self._kept or [np.zeros_like(pool) for pool in pools]
        for which, (pool, was) in enumerate(zip(pools, self._kept, strict=True)):
            differs = pool != was  # both columns by themselves: `any` over two is slow
            changed = np.flatnonzero(differs[:, 0] | differs[:, 1])
            was[changed] = pool[changed]
            for at, counts in zip(changed.tolist(), pool[changed].tolist(), strict=True):
                yield key_of(b"P", which, at), sealed(counts) if any(counts) else None

    def restore(self, memory: Memory, records: Mapping[bytes, bytes]) -> None:
        """Fill the counts of an empty memory."""
        pools = (memory.population_minutes, memory.population_hours)
        for key, value in records.items():
            which, at = _parts(key)
            pools[which][at] = opened(key, value, list[int])
        self._kept = [pool.copy() for pool in pools]
