"""`lendwatch run` as it is, but that its consumers read nothing while a file is there: for drills.

So it is when a broker answers and gives no records: loops turn, nothing is committed, and records
wait. The file is named by `DRILL_STALLED`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

from streams.cli import main
from streams.service import turns

STALLED = "DRILL_STALLED"


class Stalling(Consumer):
    """A consumer that stays in its group and gets nothing while the file is there."""

    def consume(self, *words: Any, **named: Any) -> list[Any]:
        """What came, or nothing."""
        if Path(os.environ[STALLED]).exists():
            time.sleep(0.05)  # as long as an empty read would take
            return []
        messages: list[Any] = super().consume(*words, **named)
        return messages


if __name__ == "__main__":
    turns.Consumer = Stalling  # type: ignore[misc]
    sys.exit(main())
