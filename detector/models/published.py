"""Which versions stand: all of the history that is kept, and whatever part is still in force.

A version tells the parts that changed. So one that is old goes only when each of its parts has been
replaced: who begins today takes those that stand in order, and scores as if it had taken all.
"""

from __future__ import annotations

import msgspec

from detector.models.learner import Version

PARTS = ("deviations", "forest", "blend")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A version without its weights; `parts`: of PARTS, those that it tells."""

    question: str
    number: int
    from_ms: int
    parts: tuple[str, ...]


class Published:
    """The versions that stand, in the order of their making."""

    def __init__(self, history_ms: int) -> None:
        """Nothing older than `history_ms` is kept but what is in force."""
        self._history_ms = history_ms
        self.entries: list[Entry] = []

    def add(self, version: Version) -> list[Entry]:
        """A version is published; those that go thereby."""
        parts = tuple(name for name in PARTS if getattr(version, name) is not None)
        entry = Entry(version.question, version.number, version.from_ms, parts)
        self.entries.append(entry)
        newest = {(one.question, part): one for one in self.entries for part in one.parts}
        standing = {*newest.values(), entry}
        oldest_ms = version.from_ms - self._history_ms
        gone = [
            one for one in self.entries
            if one.question == version.question and one.from_ms < oldest_ms and one not in standing
        ]  # fmt: skip
        if gone:
            self.entries = [one for one in self.entries if one not in gone]
        return gone
