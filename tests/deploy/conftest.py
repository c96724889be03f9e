"""What the person at the keyboard has set for a cluster of their own is not for these tests."""

from __future__ import annotations

from tests.kafka.conftest import no_settings_from_outside
from tests.kafka.worlds import truth, world

__all__ = ["no_settings_from_outside", "truth", "world"]
