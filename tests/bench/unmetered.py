"""`lendwatch run` that counts nothing: what the metrics cost is measured against it.

It is asked for no page, its meters hear and do nothing, and the engine keeps no counts for them
but what the compiled walk adds up.
"""

from __future__ import annotations

import sys
from typing import Any

from detector import chain
from detector.borrowers import Standings
from streams.cli import main
from streams.service import app
from streams.service.meters import StageMeters


class Deaf(StageMeters):
    """Meters that hear nothing."""

    def read(self, messages: Any) -> None:
        """Nothing."""

    def ended(self, ends: Any) -> None:
        """Nothing."""

    def spent(self, step: str, seconds: float) -> None:
        """Nothing."""

    def committed(self, works: Any, taken: Any, offsets: Any) -> None:
        """Nothing."""

    def turned(self, owned: Any, reached: Any) -> None:
        """Nothing."""


def _nothing(*_: Any, **__: Any) -> None:
    return None


if __name__ == "__main__":
    app.StageMeters = Deaf  # type: ignore[misc]
    chain._entered = _nothing  # type: ignore[assignment]
    Standings.note = _nothing  # type: ignore[method-assign]
    sys.exit(main())
