"""What a contender found of what the simulated world planted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from detector.memory import STAGES
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from streams.scoring import EITHER, Line, scored, standings

COMPARED = (
    "verification_bypass", "velocity_burst", "account_takeover", "mule_fan_in", "debit_failed",
)  # fmt: skip


def truth_until(truth: Iterable[Line], last_ms: int) -> list[Line]:
    """The truth of a log that was cut at a time: what was over by then. What was under way is
    neither expected nor wrong."""
    begun = (line for line in truth if line["from"] <= last_ms)
    return [line if line["by"] <= last_ms else {**line, "expect": EITHER} for line in begun]


def found(truth: Iterable[Line], alerts: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By typology of those compared: planted, found, near misses alerted, honest alerts."""
    told = (alert for alert in alerts if alert["typology"] in COMPARED)
    scores = scored(truth, standings(told).values())
    return {
        name: {
            "planted": score.planted,
            "found": score.found,
            "recall": score.recall,
            "near_misses_hit": score.hits,
            "honest_alerts": score.honest_alerts,
        }
        for name, score in ((name, scores.of(name)) for name in COMPARED)
    }


def stages_of_typologies() -> Mapping[str, str]:
    """The last stage at which an alert of a typology can be raised."""
    book = load_rulebook(None, load_policy())
    last = dict.fromkeys(book.typologies, 0)
    for rule in book.rules:
        last[rule.typology] = max(last[rule.typology], STAGES.index(rule.stage))
    return {name: STAGES[at] for name, at in last.items()}
