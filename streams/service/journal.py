"""The service's log: one line an event of its life, as JSON, or in words where a person looks on.

No value of an event is ever told, only places (topic, partition, offset), counts and reasons.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from typing import Any, TextIO

import orjson

from streams.times import iso

LEVELS = ("info", "warning", "error")
LIBRARY = logging.getLogger("librdkafka")  # given to its clients, which else write to stderr
REPEAT_EVERY_S = 30.0
DIGITS = re.compile(r"[0-9]+")


class Journal:
    """Writes lines; several threads may."""

    def __init__(self, out: TextIO = sys.stderr, in_words: bool | None = None) -> None:
        self._out = out
        self._in_words = out.isatty() if in_words is None else in_words
        self._lock = threading.Lock()

    def tell(self, event: str, level: str = "info", **facts: Any) -> None:
        """Write one line."""
        assert level in LEVELS
        now_ms = time.time_ns() // 1_000_000
        if self._in_words:
            told = "  ".join(f"{name}={_word(fact)}" for name, fact in facts.items())
            line = f"{iso(now_ms)}  {'' if level == 'info' else level.upper() + ' '}{event}  {told}"
        else:
            record = {"at": now_ms, "level": level, "event": event, **facts}
            line = orjson.dumps(record, default=str).decode()
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()


class LibraryLines(logging.Handler):
    """What libraries warn of, as lines of the journal; what they repeat, once in a while."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal
        self._told_s: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of a library; its traceback stays out, the error's kind does not."""
        what = record.name, DIGITS.sub("#", record.getMessage())
        now_s = time.monotonic()
        if now_s - self._told_s.get(what, -REPEAT_EVERY_S) < REPEAT_EVERY_S:
            return
        self._told_s = {k: s for k, s in self._told_s.items() if now_s - s < REPEAT_EVERY_S}
        self._told_s[what] = now_s
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        level = "error" if record.levelno >= logging.ERROR else "warning"
        facts = {} if kind is None else {"kind": kind}
        self._journal.tell("library", level, name=record.name, text=record.getMessage(), **facts)


def _word(fact: Any) -> str:
    return ",".join(map(str, fact)) if isinstance(fact, list | tuple) else str(fact)
