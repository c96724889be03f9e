"""The same world, told in another order: events that reach the log later than they happened.

What happened, and when, stays as it was, and so does the truth; only the order of the lines moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.simulate.world import Ints

_STREAM = 7  # of the seed's random numbers; the world itself uses others


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How arrivals are delayed. All zero: not at all."""

    shuffle_ms: int = 0  # every event by 0 to this
    late_share: float = 0.0  # of all events, by 0 to `late_max_ms` instead
    late_max_ms: int = 0

    @property
    def is_none(self) -> bool:
        """Whether nothing is delayed."""
        return self.shuffle_ms == 0 and (self.late_share == 0.0 or self.late_max_ms == 0)


class Delays:
    """Draws the delay of one event after another, in the order in which they are told."""

    def __init__(self, disturbance: Disturbance, seed: int) -> None:
        self._disturbance = disturbance
        self._rng = np.random.default_rng([seed, _STREAM])

    def of(self, count: int) -> Ints:
        """Delays (ms) of the next `count` events."""
        told = self._disturbance
        if told.is_none:
            return np.zeros(count, np.int64)
        delays = self._rng.integers(0, told.shuffle_ms + 1, count)
        late = self._rng.random(count) < told.late_share
        long = self._rng.integers(0, told.late_max_ms + 1, count)
        return np.where(late, long, delays)
