"""A gate: a world of one seed, replayed in order, shuffled and late, is found and left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.events import TIME_MAX_MS
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from streams.judge import verdict_of
from streams.replay import Options, replay
from streams.simulate import Disturbance, simulate
from streams.simulate.world import DAY_MS, MINUTE_MS

SEED, ACCOUNTS, DAYS = 3, 1600, 28
RECALL_MIN = 0.95
DISTURBED_MAX = 5  # of 100,000 honest disbursements
SLACK = 1  # a world this small has some 11,000 of them: one alone is more than the rate allows
WORLDS = {
    "in order": Disturbance(),
    "shuffled": Disturbance(shuffle_ms=5 * MINUTE_MS),
    "late": Disturbance(late_share=0.02, late_max_ms=DAY_MS),
}


@pytest.mark.parametrize("order", WORLDS)
def test_a_simulated_world_is_judged_well(tmp_path: Path, order: str) -> None:
    made = simulate(tmp_path, SEED, ACCOUNTS, DAYS, disturbance=WORLDS[order])
    replay(Options([str(made.events)], tmp_path / "run", as_of_ms=TIME_MAX_MS))
    verdict = verdict_of(tmp_path / "run", made.truth)
    table, known = verdict.scored.table, load_rulebook(None, load_policy()).typologies
    ruled = {name for name, one in known.items() if one.kind == "rules"} | {"debit_failed"}
    print(f"seed {SEED}, {order}: {verdict.disturbance}")
    for score in table.values():
        print(score)
    for line in verdict.scored.missed + verdict.scored.hit:
        print(line)
    assert {name for name, score in table.items() if score.planted} >= ruled
    for name in sorted(ruled):
        assert (table[name].recall or 0) >= RECALL_MIN, name
        assert table[name].hits == 0, name
    honest = verdict.disturbance.honest
    assert honest > 5_000
    assert verdict.disturbance.disturbed <= honest * DISTURBED_MAX / 100_000 + SLACK
