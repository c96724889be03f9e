"""Laws of an engine whose models are watched: who freezes learning, and who lets it go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from detector.models.learner import Version
from tests.detector.test_models_in_engine import HOUR_MS, POLICY, START_MS, lived, log_of

DAY_MS = 24 * HOUR_MS
MOVES_MS = START_MS + 12 * DAY_MS
WATCHED = """
[parameters]
"score_drift.index" = 2.0
"score_drift.fill_ms" = "3d"
"score_drift.earlier_ms" = "5d"
"score_drift.recent_ms" = "2d"
"score_drift.rows" = 30
"score_drift.looks" = 3
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(POLICY + WATCHED)
    return path


def moved(days: int) -> list[bytes]:
    """A log in which all sums are a hundred times as large from a day on.

    It is short, and what inputs remember fills throughout: so the bound of the index is high.
    """
    events = [orjson.loads(line) for line in log_of(days)]
    for event in events:
        if event["type"] == "disbursement" and event["occurred_at"] >= MOVES_MS:
            event["amount_minor"] *= 100
    return [orjson.dumps(event) for event in events]


def answered(lines: list[bytes], alert: dict[str, Any], word: str, at_ms: int) -> list[bytes]:
    """The log with what a person says of an alert, which is nobody's."""
    events = [orjson.loads(line) for line in lines]
    events.append({
        "type": "disposition", "event_id": "answer", "occurred_at": at_ms,
        "alert_id": alert["alert_id"], "disposition": word,
    })  # fmt: skip
    return [orjson.dumps(one) for one in sorted(events, key=lambda one: one["occurred_at"])]


def of_health(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in alerts if one["family"] == "model_health" and one["entity"]["kind"] ==
            "model"]  # fmt: skip


def of_draws(versions: list[Version]) -> list[int]:
    """When versions of the models of draws came into force."""
    return [one.from_ms for one in versions if one.question == "unauthorized_transfer"]


@pytest.mark.parametrize("word", ["handled", "system_fault"])
def test_a_drift_freezes_learning_until_a_person_decides_whatever_the_batch(
    policy: Path, word: str
) -> None:
    lines = moved(days=19)
    _, alerts, versions = lived(lines, policy, 500)
    (told,) = of_health(alerts)
    assert told["typology"] == "score_drift" and told["status"] == "open"
    assert told["entity"] == {"kind": "model", "id": "unauthorized_transfer"}
    assert told["human_review"] == "required" and told["actions"] == ["escalate"]
    assert MOVES_MS < told["occurred_at"] <= MOVES_MS + 5 * DAY_MS
    assert max(of_draws(versions)) < told["occurred_at"]

    said_ms = told["occurred_at"] + 30 * HOUR_MS
    lines = answered(lines, told, word, said_ms)
    whole = lived(lines, policy, len(lines))
    assert lived(lines, policy, 37) == whole
    opened, over = of_health(whole[1])
    assert opened == told and over["status"] == "resolved" and over["revision"] == 2
    assert said_ms <= over["occurred_at"] < said_ms + 2 * HOUR_MS
    times = of_draws(whole[2])
    assert not [at_ms for at_ms in times if told["occurred_at"] <= at_ms <= said_ms]
    assert max(times) > said_ms


def test_scores_of_a_log_that_goes_on_as_it_was_are_never_said_to_drift(policy: Path) -> None:
    _, alerts, versions = lived(log_of(days=19), policy, 500)
    assert of_health(alerts) == [] and max(of_draws(versions)) > START_MS + 18 * DAY_MS
