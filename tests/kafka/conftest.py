"""What the person at the keyboard has set for a cluster of their own is not for these tests."""

from __future__ import annotations

import os

import pytest

from tests.kafka.worlds import truth, world

__all__ = ["truth", "world"]

OURS = ("LENDWATCH_KAFKA_CACHE", "LENDWATCH_REQUIRE_ALL")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("LENDWATCH_") and name not in OURS:
            monkeypatch.delenv(name)
