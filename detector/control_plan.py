"""The numbers of the control stage, as a rulebook and a policy have them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from detector.control_memory import (
    CHANNEL_ERRORS,
    GRID_MAX,
    MINUTE_MS,
    PROVIDER_ERRORS,
    PROVIDER_PASSES,
    lag_minutes,
)  # fmt: skip
from detector.control_walk import ControlPlan
from detector.events import TYPES
from detector.policy import Policy
from detector.rulebook import Rulebook

TYPOLOGIES: Final = {
    CHANNEL_ERRORS: "channel_outage", PROVIDER_ERRORS: "provider_outage",
    PROVIDER_PASSES: "provider_fail_open",
}  # fmt: skip
CAUSES: Final = {CHANNEL_ERRORS: "", PROVIDER_ERRORS: "", PROVIDER_PASSES: "passes"}
ERROR_DEPTHS: Final = (0.05, 0.2, 0.6)
PASS_DEPTHS: Final = (0.95,)  # of what is usually refused
YEAR_MINUTES: Final = 365.25 * 1440
NEVER: Final = 1 << 40


def plan_of(rulebook: Rulebook, policy: Policy) -> ControlPlan:
    """The plan under a rulebook; a typology that it has no file of never speaks."""
    has, numbers = rulebook.typologies, rulebook.parameters
    rows = np.full((len(TYPOLOGIES), 7), np.inf)
    grid = np.zeros((len(TYPOLOGIES), GRID_MAX))
    for kind, name in TYPOLOGIES.items():
        if name not in has:
            continue
        is_passes = kind == PROVIDER_PASSES
        depths = PASS_DEPTHS if is_passes else ERROR_DEPTHS
        grid[kind, : len(depths)] = depths
        minutes = numbers[f"{name}.false_alarm_years"] * YEAR_MINUTES
        rows[kind] = (
            numbers[f"{name}.answers" if is_passes else f"{name}.attempts"],
            numbers[f"{name}.tolerance"],
            0.0 if is_passes else numbers[f"{name}.usual_at_least"],
            math.log(len(depths)) + math.log(minutes),
            numbers[f"{name}.history_attempts"],
            numbers[f"{name}.silence_ms"] // MINUTE_MS,
            numbers[f"{name}.pass_share"] if is_passes else -1.0,
        )
    opens, silent = TYPOLOGIES[PROVIDER_PASSES], "feed_silent"
    limits = (
        numbers.get(f"{opens}.draws", NEVER), numbers.get(f"{opens}.usual_answers", NEVER),
        numbers.get(f"{opens}.quiet_ms", 0) // MINUTE_MS,
        numbers.get(f"{silent}.after_ms", NEVER * MINUTE_MS) // MINUTE_MS,
        numbers.get(f"{silent}.times", NEVER), lag_minutes(policy.lateness_ms),
    )  # fmt: skip
    feeds = [policy.sources[name] and silent in has for name in TYPES]
    return ControlPlan(rows, grid, np.array(limits, np.int64), np.array(feeds, np.uint8))
