"""The state of the repayment half, and of the population's log-ins, as records (see state.py).

N arrivals     steps of obligations ever taken
O obligation   its steps and what was last said of it
C contacts     of one account on one local day
P population   log-ins of one minute (0) or hour (1) of all accounts
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.memory import Memory
from detector.obligations import Obligation
from detector.repayment import Repayment
from detector.sealing import sealed
from detector.state import KEY_BYTES, Record, key_of, opened


def _parts(key: bytes) -> tuple[int, ...]:
    return tuple(
        int.from_bytes(key[at : at + KEY_BYTES], "big", signed=True)
        for at in range(1, len(key), KEY_BYTES)
    )


class RepaymentState:
    """Writes and reads the records of obligations and contacts."""

    def __init__(self, repayment: Repayment) -> None:
        self._repayment = repayment
        self._arrivals = repayment.obligations.arrivals
        list(self.changes())  # from now on somebody asks

    def changes(self) -> Iterator[Record]:
        """What changed since this was last asked."""
        for key, obligation in self._repayment.obligations.changes():
            yield key_of(b"O", *key), None if obligation is None else sealed(obligation)
        for key, count in self._repayment.contacts.changes():
            yield key_of(b"C", *key), sealed(count) if count else None
        arrivals = self._repayment.obligations.arrivals
        if arrivals != self._arrivals:
            self._arrivals = arrivals
            yield b"N", sealed(arrivals)

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Fill an empty repayment half.

        Raises:
            StateError: a record is of another schema, or damaged.
        """
        obligations: dict[Any, Obligation] = {}
        contacts: dict[Any, int] = {}
        for key, value in records.items():
            if key[:1] == b"O":
                obligations[_parts(key)] = opened(key, value, Obligation)
            elif key[:1] == b"C":
                contacts[_parts(key)] = opened(key, value, int)
            else:
                self._arrivals = opened(key, value, int)
        self._repayment.obligations.restore(obligations, self._arrivals)
        self._repayment.contacts.restore(contacts)


class PopulationState:
    """Writes and reads the counts of all log-ins by minute and hour."""

    def __init__(self) -> None:
        self._kept: list[NDArray[np.int64]] = []

    def changes(self, memory: Memory) -> Iterator[Record]:
        """The minutes and hours that changed since this was last asked."""
        pools = (memory.population_minutes, memory.population_hours)
        self._kept = self._kept or [np.zeros_like(pool) for pool in pools]
        for which, (pool, was) in enumerate(zip(pools, self._kept, strict=True)):
            changed = np.flatnonzero((pool != was).any(axis=1))
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
