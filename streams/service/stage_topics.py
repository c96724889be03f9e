"""Where a stage writes: from what a deployment calls its topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detector.events import TYPES
from streams.topics import CONTROL, TopicNames


@dataclass(frozen=True, slots=True)
class StageTopics:
    """Where a stage writes."""

    alert: str
    decision: str
    dead_letter: str
    state: str
    counts: str  # for the control stage
    facts: str  # from it
    features: str  # for the learner of models
    weights: str  # from it
    feeds: Mapping[str, str]  # what each input of the account stage is a topic of
    onward: Mapping[str, str]  # by stage

    @classmethod
    def of(cls, names: TopicNames, stage: str, later: Sequence[str]) -> StageTopics:
        """Those of a stage, from what a deployment calls its topics."""
        return cls(
            names.alert, names.decision, names.dead_letter, names.internal(f"{stage}-state"),
            names.internal(f"{CONTROL}-in"), names.internal("facts"), names.internal("features"),
            names.internal("weights"),
            {names.input(feed): feed for feed in TYPES},
            {name: names.internal(f"{name}-in") for name in later},
        )  # fmt: skip
