"""Charts as plain numbers, for the templates to draw: bars across, columns upright."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streams.explain_values import Told


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its width is a percentage of the longest."""

    label: Told
    count: int
    width: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns side by side: heights are percentages of the highest; `ticks` stand under them."""

    title: Told
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    heights: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...]  # where, in percent, and what

    @property
    def most(self) -> int:
        """The highest column's count."""
        return max(self.counts, default=0)


def bars(counts: Mapping[str, int], namer: Callable[[str], Told]) -> list[Bar]:
    """A bar for each name, the longest first."""
    most = max(counts.values(), default=0) or 1
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Bar(namer(name), count, round(100 * count / most, 2)) for name, count in ordered]


def in_order(labels: Sequence[Told], counts: Sequence[int]) -> list[Bar]:
    """Bars in the order given."""
    most = max(counts, default=0) or 1
    return [
        Bar(label, count, round(100 * count / most, 2))
        for label, count in zip(labels, counts, strict=True)
    ]


def columns(
    title: Told, labels: Sequence[str], counts: Sequence[int], ticked: Sequence[int]
) -> Columns:
    """Columns with the labels of the `ticked` ones written under them."""
    most = max(counts, default=0) or 1
    width = 100 / max(1, len(counts))
    return Columns(
        title, tuple(labels), tuple(counts),
        tuple(round(100 * count / most, 2) for count in counts),
        tuple((round((place + 0.5) * width, 3), labels[place]) for place in ticked),
    )  # fmt: skip
