"""The names of recent events and accounts: outputs speak in ids, memory in their hashes.

Kept in buckets of event time and dropped whole, so that memory follows the rate of events, never
the length of the log. What can still be asked for is always there: an event that can be judged is
at most `lateness` old, and its evidence reaches `EVIDENCE_REACH_MS` further back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

EVIDENCE_REACH_MS: Final = 86_400_000
BUCKET_MS: Final = 12 * 3_600_000


class Names:
    """Ids by their hashes, by the time of the event that told them."""

    def __init__(self) -> None:
        self._buckets: dict[int, dict[int, str]] = {}

    def tell(self, times: NDArray[np.int64], hashes: NDArray[np.int64], names: Sequence[str]
             ) -> None:  # fmt: skip
        """Remember the names of a batch's events."""
        if not len(times):
            return
        first, last = int(times.min()) // BUCKET_MS, int(times.max()) // BUCKET_MS
        if first == last:
            self._buckets.setdefault(first, {}).update(zip(hashes.tolist(), names, strict=True))
            return
        buckets = times // BUCKET_MS
        for bucket in np.unique(buckets).tolist():
            inside = buckets == bucket
            self._buckets.setdefault(bucket, {}).update(
                zip(hashes[inside].tolist(), compress(names, inside), strict=True)
            )

    def of(self, value: int) -> str:
        """The name of a hash.

        Raises:
            KeyError: nothing recent told it.
        """
        for bucket in self._buckets.values():
            name = bucket.get(value)
            if name is not None:
                return name
        raise KeyError(value)

    def forget_before(self, at_ms: int) -> None:
        """Drop the buckets that end before a time."""
        for bucket in [b for b in self._buckets if (b + 1) * BUCKET_MS <= at_ms]:
            del self._buckets[bucket]
