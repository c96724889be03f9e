"""A policy's values as one text, which differs wherever they do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def canonical(values: Mapping[str, object]) -> str:
    """JSON with keys in order; a file is told by its name alone."""
    return json.dumps(values, sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Path):
        return value.name
    return [getattr(value, name) for name in value.__slots__]  # type: ignore[attr-defined]
