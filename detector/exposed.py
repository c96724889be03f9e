"""Whom word of an outage may concern.

By channel: obligations that an error of it touched, whose attempt it may have prevented, or that it
put off.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from detector.borrowers import Key
from detector.obligation_steps import NEVER_MS, Obligation


class Exposed:
    """Keys of obligations by channel."""

    def __init__(self) -> None:
        self._by_channel: dict[str, set[Key]] = {}

    def add(self, key: Key, obligation: Obligation) -> None:
        """Word of its channel may concern this one."""
        self._by_channel.setdefault(obligation.channel, set()).add(key)

    def add_again(self, key: Key, obligation: Obligation, missed_after_ms: int) -> None:
        """Take an obligation of an earlier life, if word of an outage may concern it."""
        is_missed = obligation.said is not None and obligation.said[0] == "debit_missed"
        is_put_off = obligation.due_ms + missed_after_ms < obligation.waits_ms < NEVER_MS
        has_error = any(step.word == "channel_error" for step in obligation.steps)
        if not obligation.is_paid and (is_missed or is_put_off or has_error):
            self.add(key, obligation)

    def of(self, channel: str) -> Collection[Key]:
        """Those of a channel."""
        return self._by_channel.get(channel, ())

    def forget(self, is_remembered: Callable[[Key], bool]) -> None:
        """Drop those that are no longer remembered."""
        kept = {
            channel: {key for key in keys if is_remembered(key)}
            for channel, keys in self._by_channel.items()
        }
        self._by_channel = {channel: keys for channel, keys in kept.items() if keys}
