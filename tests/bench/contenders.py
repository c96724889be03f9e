"""Who is measured: how each is started, what it reads, and where it speaks."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.events import TYPES
from detector.memory import STAGES
from streams.topics import TopicNames

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Place:
    """One run: on which broker, among which topics, under what name, with what room on disk."""

    bootstrap: str
    prefix: str
    app_id: str
    folder: Path
    for_latency: bool = False

    @property
    def names(self) -> TopicNames:
        return TopicNames(self.prefix)


class Contender(ABC):
    """One of those who are measured."""

    name: str
    timed: bool  # commits by a timer, so that its last commit comes some time after its last work
    reads: Sequence[str] = TYPES

    def inputs(self, place: Place) -> tuple[str, ...]:
        """The input topics that it reads."""
        return tuple(map(place.names.input, self.reads))

    def topics(self, place: Place) -> tuple[str, ...]:
        """Topics of its own that have to be there before it starts."""
        return ()

    def environment(self, place: Place) -> Mapping[str, str]:
        """What is laid over the environment of its processes."""
        return {}

    @abstractmethod
    def commands(self, place: Place) -> list[list[str]]:
        """The processes that it consists of."""

    @abstractmethod
    def groups(self, place: Place) -> list[str]:
        """Its consumer groups; the first one consumes the inputs."""

    @abstractmethod
    def alert(self, place: Place) -> str:
        """The topic of its alerts."""

    @abstractmethod
    def decision(self, place: Place) -> str:
        """The topic of its decisions."""


class Lendwatch(Contender):
    """The service: all stages in one process."""

    name, timed = "lendwatch", False

    def commands(self, place: Place) -> list[list[str]]:
        return [[sys.executable, "-m", "streams.cli", "run", "--bootstrap", place.bootstrap]]

    def environment(self, place: Place) -> Mapping[str, str]:
        return {
            "LENDWATCH_TOPIC_PREFIX": place.prefix,
            "LENDWATCH_APP_ID": place.app_id,
            "LENDWATCH_INSTANCE_ID": "0",
        }

    def groups(self, place: Place) -> list[str]:
        return [f"{place.app_id}-{stage}" for stage in STAGES]

    def alert(self, place: Place) -> str:
        return place.names.alert

    def decision(self, place: Place) -> str:
        return place.names.decision


@dataclass(frozen=True)
class Peer(Contender):
    """What both peers share: they read four of the inputs, and speak on topics of their own."""

    python: Path
    name: str
    timed: bool = True
    reads: Sequence[str] = tuple(name for name in TYPES if name != "disposition")

    def topics(self, place: Place) -> tuple[str, ...]:
        return (self.alert(place), self.decision(place))

    def groups(self, place: Place) -> list[str]:
        return [place.app_id]

    def alert(self, place: Place) -> str:
        return f"{place.prefix}.{self.name}.alert"

    def decision(self, place: Place) -> str:
        return f"{place.prefix}.{self.name}.decision"


class FaustRiver(Peer):
    """faust-streaming + river."""

    def commands(self, place: Place) -> list[list[str]]:
        words = [place.bootstrap, place.prefix, place.app_id, str(place.folder / "faust")]
        return [[str(self.python), str(PEERS / "faust_app.py"), *words]]


class QuixRiver(Peer):
    """quixstreams + river: two processes, one by account and one by payee."""

    def commands(self, place: Place) -> list[list[str]]:
        # Its own defaults carry most; what must be visible soon needs shorter ones.
        commit, poll = ("0.1", "0.02") if place.for_latency else ("5.0", "1.0")
        return [
            [str(self.python), str(PEERS / "quix_app.py"), place.bootstrap, place.prefix, group,
             str(place.folder / group), commit, poll, part]
            for group, part in zip(self.groups(place), ("accounts", "payees"), strict=True)
        ]  # fmt: skip

    def groups(self, place: Place) -> list[str]:
        return [f"{place.app_id}-accounts", f"{place.app_id}-payees"]


def contenders(python: Path) -> list[Contender]:
    """All of them; `python` is the peers' own interpreter."""
    return [Lendwatch(), FaustRiver(python, "faust"), QuixRiver(python, "quix")]
