"""What models and the learner show of themselves: where models score, and where they are learnt."""

from __future__ import annotations

import pytest

from streams.metrics import Metrics
from streams.service.meters import StageMeters
from tests.streams.service.test_meters import FEEDS, Clock, Remembering, shown


@pytest.fixture
def clock() -> Clock:
    return Clock()


def following() -> Remembering:
    one = Remembering()
    one.models = {"insufficient_balance": (3, 600_000), "unauthorized_transfer": (9, 0)}
    return one


def test_models_are_told_of_by_the_stage_that_decides_and_the_oldest_partition_counts(
    clock: Clock,
) -> None:
    metrics = Metrics()
    meters = StageMeters(metrics, "account", FEEDS, clock)
    older = Remembering()
    older.models = {"insufficient_balance": (2, 500_000)}
    clock.now_s += 1
    meters.turned({0: following(), 1: older}, dict)
    assert shown(metrics, "model_version", question="insufficient_balance") == 2
    assert shown(metrics, "model_age_seconds", question="insufficient_balance") == 400
    assert shown(metrics, "model_version", question="unauthorized_transfer") is None


def test_what_a_learner_keeps_and_what_waits_is_told_by_it_alone(clock: Clock) -> None:
    for stage, kept in (("learner", 31), ("account", None)):
        metrics = Metrics()
        meters = StageMeters(metrics, stage, {"x.internal.features.v1": "lessons"}, clock)
        clock.now_s += 1
        one = Remembering()
        one.examples, one.let_go = {("unauthorized_transfer", "positive"): 31}, 2
        meters.turned({0: one}, dict)
        labels = {"question": "unauthorized_transfer", "label": "positive"}
        assert shown(metrics, "model_examples", **labels) == kept
        assert shown(metrics, "lessons_waiting") == (7 if kept else 0)
        assert shown(metrics, "lessons_let_go") == (2 if kept else 0)
