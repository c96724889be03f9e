"""Times as people type them: ISO 8601 or epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from detector.events import TIME_MAX_MS
from streams.faults import Fault

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_ms(text: str) -> int:
    """Epoch milliseconds of `2026-03-02T10:00:00+08:00`, `2026-03-02` (UTC) or `1772416800000`.

    A time without an offset is UTC. Fault if it is neither, or out of the contract's range.
    """
    try:
        ms = int(text)
    except ValueError:
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            raise Fault(f"{text!r} is no time: write ISO 8601 or epoch milliseconds") from None
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        ms = (told - EPOCH) // timedelta(milliseconds=1)
    if not 0 <= ms <= TIME_MAX_MS:
        raise Fault(f"{text!r} is out of range: times lie between 1970 and 2100")
    return ms


def iso(ms: int | None) -> str | None:
    """The same time for people to read, in UTC."""
    if ms is None:
        return None
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
