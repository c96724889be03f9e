"""Laws of the ladder by expected cost: off without a policy, never beyond a challenge."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.costs import Costs
from detector.policy import PolicyError, load_policy

LADDER = Costs("CNY", review_minor=3_000, challenge_minor=20_000)
WORDS = '[costs]\ncurrency = "CNY"\nreview_minor = 3000\nchallenge_minor = 20000\n'


@pytest.mark.parametrize(
    ("chance", "amount_minor", "outcome"),
    [
        (0.01, 300_000, "approve"), (0.01, 300_100, "review"), (0.0, 10**15, "approve"),
        (0.5, 26_000, "review"), (0.5, 26_010, "challenge"), (1.0, 3_001, "challenge"),
        (1.0, 3_000, "approve"),
    ],
)  # fmt: skip
def test_a_step_is_taken_when_the_expected_loss_is_more_than_its_price(
    chance: float, amount_minor: int, outcome: str
) -> None:
    assert LADDER.outcome(chance, amount_minor, "CNY") == outcome


def test_an_amount_in_another_currency_is_not_held_against_the_prices() -> None:
    assert LADDER.outcome(0.9, 10**9, "USD") == "approve"


def test_nobody_is_declined_for_a_number_alone() -> None:
    found = {LADDER.outcome(k / 100, 10**12, "CNY") for k in range(101)}
    assert found == {"approve", "challenge"}


def test_there_is_no_ladder_unless_the_policy_says_so(tmp_path: Path) -> None:
    assert load_policy().costs is None
    overlay = tmp_path / "policy.toml"
    overlay.write_text(WORDS)
    assert load_policy(overlay).costs == LADDER
    assert load_policy(overlay).version != load_policy().version


@pytest.mark.parametrize("line", ["review_minor = 3000\n", "challenge_minor = 20000\n"])
def test_a_ladder_is_whole_or_refused(tmp_path: Path, line: str) -> None:
    overlay = tmp_path / "policy.toml"
    overlay.write_text(WORDS.replace(line, ""))
    with pytest.raises(PolicyError, match=line.split(" ")[0]):
        load_policy(overlay)


def test_a_currency_that_is_none_is_refused(tmp_path: Path) -> None:
    overlay = tmp_path / "policy.toml"
    overlay.write_text(WORDS.replace("CNY", "yuan"))
    with pytest.raises(PolicyError, match="ISO 4217"):
        load_policy(overlay)
