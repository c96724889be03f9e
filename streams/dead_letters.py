"""Dead letters in Kafka: original key, value and headers, and headers that say what was wrong.

The names are those of KIP-1034, as Kafka Streams writes them, and `lendwatch.reason`. The service
writes letters with `letter_headers`; the `dlq` commands read them with `DeadLetter`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

EXCEPTION = "__streams.errors.exception"
MESSAGE = "__streams.errors.message"
TOPIC = "__streams.errors.topic"
PARTITION = "__streams.errors.partition"
OFFSET = "__streams.errors.offset"
REASON = "lendwatch.reason"
ERROR_HEADERS = (EXCEPTION, MESSAGE, TOPIC, PARTITION, OFFSET, REASON)
# How often a record was sent again; an ordinary header, so that a second death keeps the count.
ATTEMPT = "lendwatch.redrive.attempt"
MESSAGE_MAX_BYTES = 512

Header = tuple[str, bytes]


def letter_headers(
    original: Sequence[Header],
    *,
    reason: str,
    exception: str,
    message: str,
    topic: str,
    partition: int,
    offset: int,
) -> list[Header]:
    """The headers of a dead letter: the record's own, then what was wrong and where it was.

    `message` is ours and holds no value of the event: people read dead letters who may not read it.
    """
    kept = [header for header in original if header[0] not in ERROR_HEADERS]
    return [
        *kept,
        (EXCEPTION, exception.encode()),
        (MESSAGE, message.encode()[:MESSAGE_MAX_BYTES]),
        (TOPIC, topic.encode()),
        (PARTITION, str(partition).encode()),
        (OFFSET, str(offset).encode()),
        (REASON, reason.encode()),
    ]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of the dead-letter topic, read."""

    partition: int  # its own place
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @classmethod
    def of(cls, record: Any) -> DeadLetter:
        """Out of a record as kafka-python gives it."""
        headers = tuple((name, value or b"") for name, value in record.headers)
        return cls(
            record.partition, record.offset, record.timestamp, record.key, record.value, headers
        )

    @property
    def place(self) -> str:
        """Where the letter lies: PARTITION:OFFSET."""
        return f"{self.partition}:{self.offset}"

    @property
    def reason(self) -> str:
        """Why it is one, in the contract's words."""
        return self._text(REASON)

    @property
    def topic(self) -> str:
        """Where the record came from."""
        return self._text(TOPIC)

    @property
    def attempt(self) -> int:
        """How often it was sent again before it came here."""
        told = self._text(ATTEMPT)
        return int(told) if told.isascii() and told.isdigit() else 0

    def told(self) -> dict[str, Any]:
        """What may be shown of it: never the value or the key, which may be personal data."""
        return {
            "place": self.place,
            "reason": self.reason,
            "message": self._text(MESSAGE),
            "exception": self._text(EXCEPTION),
            "topic": self.topic,
            "source": f"{self._text(PARTITION)}:{self._text(OFFSET)}",
            "at": self.timestamp_ms,
            "value_bytes": len(self.value or b""),
            "attempt": self.attempt,
        }

    def again(self) -> list[Header]:
        """The headers to send it again with: the record's own, and one that counts."""
        dropped = (*ERROR_HEADERS, ATTEMPT)
        kept = [header for header in self.headers if header[0] not in dropped]
        return [*kept, (ATTEMPT, str(self.attempt + 1).encode())]

    def _text(self, name: str) -> str:
        found = [value for header, value in self.headers if header == name]
        return found[-1].decode("utf-8", "replace") if found else ""
