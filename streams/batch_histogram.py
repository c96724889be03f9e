"""A histogram that takes a batch at once: values come by the thousand, and a call each is dear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily


class BatchHistogram:
    """Counts values under bounds, by some labels. One thread observes; another may collect."""

    def __init__(
        self, name: str, help_text: str, labels: Sequence[str], bounds: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:  # fmt: skip
        self._name, self._help, self._labels = name, help_text, labels
        self._bounds = np.asarray(bounds, np.float64)
        self._counts: dict[Sequence[str], list[int]] = {}
        self._sums: dict[Sequence[str], float] = {}
        registry.register(self)

    def observe(self, labels: tuple[str, ...], values: Sequence[float]) -> None:
        """Take values; one on a bound counts under it."""
        if not values:
            return
        places = np.searchsorted(self._bounds, values, side="left")
        added = np.bincount(places, minlength=len(self._bounds) + 1).tolist()
        before = self._counts.get(labels, [0] * len(added))
        self._counts[labels] = [old + new for old, new in zip(before, added, strict=True)]
        self._sums[labels] = self._sums.get(labels, 0.0) + float(np.sum(values))

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """What it will collect, without values."""
        yield HistogramMetricFamily(self._name, self._help, labels=self._labels)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The counts, added up from the lowest bound on."""
        family = HistogramMetricFamily(self._name, self._help, labels=self._labels)
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        for labels, counts in list(self._counts.items()):
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric(labels, buckets, self._sums.get(labels, 0.0))
        yield family
