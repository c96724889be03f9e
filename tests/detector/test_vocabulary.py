"""The rulebook's README names every word that a feature may use, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from detector.catalogue import AGGREGATES
from detector.rulebook_features import FEATURE_KEYS

README = Path(__file__).parents[2] / "detector" / "rulebook" / "README.md"


def first_cells(after: str, text: str) -> set[str]:
    """The names in the first column of the table that follows a heading cell."""
    table = text.split(f"| {after} |", 1)[1].split("\n\n", 1)[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_aggregate_is_explained() -> None:
    assert first_cells("aggregate", README.read_text("utf-8")) == set(AGGREGATES)


def test_every_key_of_a_feature_is_explained() -> None:
    text = README.read_text("utf-8")
    filters, others = text.split("Which remembered events count:")[1].split("| key | says |")
    named = first_cells("key", filters) | first_cells("key", "| key | says |" + others)
    assert named == set(FEATURE_KEYS) - {"name", "entity", "on", "aggregate", "of"}
