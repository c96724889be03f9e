"""Where a line of a log belongs in Kafka: the topic of its type, the key of its account.

Nothing is validated here. What has a known type is routed, be it a valid event or not: whether it
is one is for the service to say, and its dead letters then are those of a replay.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from kafka.partitioner.default import murmur2

from detector.events import TYPES


class _Head(msgspec.Struct, gc=False):
    type: Any = None
    account_id: Any = None
    alert_id: Any = None
    target_event_id: Any = None


class Route(NamedTuple):
    """The event type whose topic is meant, and the key; None goes to any partition."""

    event_type: str
    key: bytes | None


HEAD = msgspec.json.Decoder(_Head)
NOT_JSON, UNKNOWN_TYPE, TOO_LARGE = "not_json", "unknown_type", "too_large"


def route(line: bytes) -> Route | str:
    """The route of a line, or the reason why it has none."""
    head = _head(line)
    if head is None:
        return NOT_JSON
    if not isinstance(head.type, str) or head.type not in TYPES:
        return UNKNOWN_TYPE
    return Route(head.type, _key(head))


def key_of(line: bytes) -> bytes | None:
    """The key of a line of any kind, where one can be read."""
    head = _head(line)
    return None if head is None else _key(head)


def _head(line: bytes) -> _Head | None:
    try:
        return HEAD.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _key(head: _Head) -> bytes | None:
    """The account. A disposition may have none; it then goes by the alert that it speaks of, whose
    entity the log does not tell, so that all that is said of one alert stays in order."""
    for told in (head.account_id, head.alert_id, head.target_event_id):
        if isinstance(told, str) and told:
            return told.encode("utf-8", "replace")
    return None


def partition_of(key: bytes, count: int) -> int:
    """The partition that every producer must choose for a key, as Java's clients do."""
    place: int = (murmur2(key) & 0x7FFF_FFFF) % count
    return place
