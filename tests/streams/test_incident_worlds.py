"""What befalls many, planted in worlds: it is found, and nothing else is called an incident."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from detector.policy import load_policy
from detector.rulebook import load_rulebook
from streams.replay import Options, replay
from streams.scoring import Scored, lines, scored, standings
from streams.simulate import PRESETS, simulate
from streams.simulate.instalments import WORSE_SHARE

TYPOLOGIES = load_rulebook(None, load_policy()).typologies
NEVER_PLANTED = {"limit_restoration"}  # said of whoever pays what was overdue
SIZES = {"incidents": (1_600, 18), "surge": (600, 112)}


class Found(NamedTuple):
    result: Scored
    log: Path
    truth: Path


@pytest.fixture(scope="module", params=SIZES)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    preset, folder = str(request.param), tmp_path_factory.mktemp("world")
    made = simulate(folder, 5, *SIZES[preset], preset)
    replay(Options([str(made.events)], folder / "run", as_of_ms=made.last_ms + 86_400_000))
    alerts = standings(lines(folder / "run" / "alerts.jsonl"))
    return Found(scored(lines(made.truth), alerts.values()), made.events, made.truth)


def test_each_incident_that_was_planted_is_found_and_no_other(found: Found) -> None:
    names = [
        one["typology"] for one in lines(found.truth)
        if TYPOLOGIES[one["typology"]].kind == "incident" and one["expect"] == "alert"
    ]  # fmt: skip
    assert names
    for name in names:
        assert found.result.table[name].found == found.result.table[name].planted == 1, name
    assert [one["note"] for one in found.result.hit] == []
    others = {one.last["typology"] for one in found.result.unexplained}
    assert others <= NEVER_PLANTED


def test_every_incident_has_a_world(found: Found) -> None:
    planted = {name for preset in PRESETS.values() for name in preset.incidents}
    assert planted == {"channel_outage", "complaint_spike", "feed_silent", "feed_broken",
                       "delinquency_surge"}  # fmt: skip


def test_a_bad_day_is_bad_for_one_channel_alone(found: Found) -> None:
    told = [one for one in lines(found.truth) if one["typology"] == "delinquency_surge"]
    for line in told:
        shares = {}
        for channel in ("bank-a", "bank-b"):
            words = [
                event["outcome"] for event in lines(found.log)
                if event.get("channel") == channel and event["attempt"] == 1
                and line["from"] <= event["occurred_at"] < line["by"]
            ]  # fmt: skip
            shares[channel] = sum(word in ("insufficient_balance", "partial") for word in words)
            shares[channel] /= len(words)
        assert shares["bank-a"] > WORSE_SHARE * 0.7 > 2 * shares["bank-b"]
