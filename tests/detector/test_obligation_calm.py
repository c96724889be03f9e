"""The short way to see that nothing is to be said of an obligation, against the fold."""

from __future__ import annotations

import random
from typing import Final

from detector.obligation_calm import calm_until_ms
from detector.obligation_states import Limits, limits_of, standing_at
from detector.obligation_steps import NEVER_MS, Obligation, Step
from detector.policy import load_policy
from detector.rulebook import load_rulebook

HOUR_MS: Final = 3_600_000
WORDS: Final = (
    "scheduled", "scheduled", "success", "settled", "insufficient_balance", "partial",
    "channel_error", "mandate_invalid", "reversed", "hardship_granted", "plan_agreed",
)  # fmt: skip
SEED, TRIES = 20_261_128, 20_000


def limits() -> Limits:
    policy = load_policy()
    rulebook = load_rulebook(None, policy)
    return limits_of(rulebook.typologies, rulebook.parameters, hears_answers=True)


def obligation(chance: random.Random) -> Obligation:
    due_ms = 1_000 * HOUR_MS
    made = Obligation(
        1, "A", "bank", "CNY", 100, due_ms, due_ms + chance.choice((0, 1, 24, 96)) * HOUR_MS,
        (0, 1), is_hardship=chance.random() < 0.1, chance=chance.choice((0.1, 0.5, 0.9)),
    )  # fmt: skip
    for arrival in range(chance.choice((1, 1, 1, 2, 2, 3))):
        at_ms = due_ms + chance.randrange(-100, 100) * HOUR_MS
        made.add(Step(at_ms, arrival, chance.choice(WORDS), chance.choice((0, 50, 100)), "e"))
    if chance.random() < 0.1:
        made.status = "open"
    return made


def test_what_is_plain_to_see_is_what_the_fold_says() -> None:
    chance, ours = random.Random(SEED), limits()
    print(f"seed {SEED}")
    seen = {"paid": 0, "waits": 0, "folded": 0}
    for _ in range(TRIES):
        one = obligation(chance)
        edge_ms = chance.choice((one.newest_ms, one.due_ms, one.overdue_ms, one.due_ms + HOUR_MS))
        at_ms = max(one.newest_ms, edge_ms + chance.choice((-1, 0, 1, 4 * HOUR_MS)))
        reliefs = [(0, NEVER_MS)] if chance.random() < 0.2 else []
        calm_ms = calm_until_ms(one, at_ms, ours, is_plain=not reliefs)
        if calm_ms < 0:
            seen["folded"] += 1
            continue
        standing = standing_at(one, at_ms, ours, reliefs)
        assert not one.is_open and not standing.is_put_off
        assert (standing.state, standing.next_ms) == ("", calm_ms), one
        assert standing.is_paid == (calm_ms == NEVER_MS), one
        seen["paid" if standing.is_paid else "waits"] += 1
    assert min(seen.values()) > TRIES // 200, seen
