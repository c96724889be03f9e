"""What one transaction takes in of a partition, and the records that it puts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from detector.decode import Batch
from detector.events import WORDS

Header = tuple[str, bytes]
BY_KEY: Final = -1  # the partition is the key's


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that is no event: as it came, and why."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    reason: str
    message: str


@dataclass(slots=True)
class Work:
    """Of one partition: events in order (account stage) or an earlier stage's blocks; before them,
    accounts to be erased, by id at the account stage, by the id's hash at later ones."""

    erased: list[str] | list[int] = field(default_factory=list)
    batch: Batch | None = None
    values: list[bytes] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)  # by topic: what is read next

    @property
    def count(self) -> int:
        """Events and records in it."""
        events = len(self.batch.events) if self.batch else 0
        return len(self.erased) + len(self.values) + events + len(self.letters)


class Outgoing(NamedTuple):
    """A record to write."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = BY_KEY
    headers: tuple[Header, ...] = ()


def batch_of(events: list[Any], words: Sequence[Any]) -> Batch:
    """Decoded events, each with its row of words, as a batch."""
    rows = np.concatenate(words) if words else np.empty(0, np.int64)  # stacking costs far more
    rows = rows.reshape(-1, len(WORDS))
    return Batch(events, rows, np.arange(len(events), dtype=np.int64), [])
