"""`lendwatch run` that adds up what counting for the metrics costs, and tells it last.

Told are seconds of the threads that count, on a last line of standard error; the page's own are
not among them. The looks at the clock are within, so that it says too much rather than too little.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from detector import chain
from detector.borrowers import Standings
from streams.cli import main
from streams.service.meters import StageMeters

COUNTING = ("read", "ended", "spent", "committed", "turned")  # by turn and by batch


class Clocks:
    """Seconds by what was called; one thread a stage writes, and what one loses is nothing."""

    def __init__(self) -> None:
        self.spent_ns: dict[str, int] = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose processor time is added up."""

        def call(*words: Any, **named: Any) -> Any:
            began_ns = time.thread_time_ns()
            try:
                return function(*words, **named)
            finally:
                spent_ns = time.thread_time_ns() - began_ns
                self.spent_ns[name] = self.spent_ns.get(name, 0) + spent_ns

        return call


def run() -> int:
    """The command line, and then what was spent."""
    clocks = Clocks()
    for name in COUNTING:
        setattr(StageMeters, name, clocks.timed(name, getattr(StageMeters, name)))
    chain._entered = clocks.timed("entered", chain._entered)
    Standings.note = clocks.timed("note", Standings.note)  # type: ignore[method-assign]
    try:
        return main()
    finally:
        print(*(f"{name}={ns / 1e9:.3f}" for name, ns in clocks.spent_ns.items()), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run())
