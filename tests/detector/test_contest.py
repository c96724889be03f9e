"""Laws of champion and challenger: a new forest waits for its trial, and must not be worse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.models.contest import FRESH_MIN, POSITIVES_MIN, WORSE_MAX, Contest, Trial
from detector.models.examples import HOUR_MS, Example, Examples, is_canary
from detector.models.forest import ForestWeights, fit

SEED = 29
NAMES = ["x", "y"]


class World:
    """Examples that come one by one, of which a share is positive: those whose x is high."""

    def __init__(self, share: float) -> None:
        self.examples = Examples(2, HOUR_MS, unlabelled_is_negative=True)
        self._draw, self._share = np.random.default_rng(SEED), share

    def comes(self, n: int) -> None:
        """So many more are known."""
        for _ in range(n):
            key = int(self._draw.integers(1 << 62))
            is_positive = self._draw.random() < self._share
            row = self._draw.normal(2.0 if is_positive else 0.0, 1.0, 2).astype(np.float32)
            self.examples.add(Example(key, key, 0, row, None, False))
            self.examples.label(key, bool(is_positive))

    def fitted(self, *, upside_down: bool = False) -> ForestWeights:
        """A forest of what is known by now, or of the contrary."""
        inputs, labels = self.examples.kept()
        return fit(NAMES, inputs, ~labels if upside_down else labels)


def contest_in(world: World, n: int, *, upside_down: bool = False) -> Contest:
    """A champion, and a challenger who has just entered."""
    contest = Contest()
    world.comes(n)
    contest.enter(world.fitted(), world.examples)
    assert contest.settle(world.examples).trial is None
    assert contest.champion is not None and contest.challenger is None
    contest.enter(world.fitted(upside_down=upside_down), world.examples)
    return contest


def trial_of(contest: Contest, world: World) -> tuple[Trial, int]:
    """The trial, and how many labels came before it was held."""
    for n in range(4000):
        settled = contest.settle(world.examples)
        if settled.trial is not None:
            assert (
                contest.challenger is None
                and (settled.weights is not None) == settled.trial.is_promoted
            )
            return settled.trial, n
        assert settled.weights is None and contest.challenger is not None
        world.comes(1)
    raise AssertionError("no trial was held")


@pytest.mark.parametrize(("share", "upside_down"), [(0.3, False), (0.3, True), (0.02, True)])
def test_a_challenger_waits_for_labels_and_positives_and_comes_into_force_unless_worse(
    share: float, upside_down: bool
) -> None:
    world = World(share)
    contest = contest_in(world, 1000, upside_down=upside_down)
    champion = contest.champion
    trial, waited = trial_of(contest, world)
    assert trial.fresh == waited >= FRESH_MIN and trial.positives >= POSITIVES_MIN
    assert (waited == FRESH_MIN) or trial.positives == POSITIVES_MIN
    assert trial.is_promoted != upside_down
    assert (contest.champion is champion) == upside_down


def test_a_trial_is_on_what_nothing_was_fitted_to_and_its_losses_are_surprises() -> None:
    world = World(0.3)
    contest = contest_in(world, 1000)
    fitted = {one.key for one in world.examples._all() if not is_canary(one.key)}
    champion = contest.champion
    correction = world.examples.correction()
    trial, _ = trial_of(contest, world)
    tried = [one for one in world.examples._all() if one.key not in fitted]
    assert trial.examples == len(tried)
    assert trial.positives == sum(one.label == 1 for one in tried)
    inputs = np.stack([one.inputs for one in tried])
    assert champion is not None and contest.champion is not None and correction == 0.0
    told = [surprises(one.forest.margins(inputs), tried) for one in (champion, contest.champion)]
    assert trial.champion_loss == pytest.approx(np.mean(told[0]))
    assert trial.challenger_loss == pytest.approx(np.mean(told[1]))
    worse = np.array(told[1]) - np.array(told[0])
    assert trial.error == pytest.approx(np.std(worse, ddof=1) / math.sqrt(len(worse)))
    assert trial.is_promoted == (np.mean(worse) <= WORSE_MAX * trial.error)


def surprises(margins: NDArray[np.float64], tried: list[Example]) -> list[float]:
    """-ln of the chance that was given to what came true, one by one."""
    chances = [1.0 / (1.0 + math.exp(-x)) for x in margins.tolist()]
    return [-math.log(p if one.label == 1 else 1.0 - p)
            for p, one in zip(chances, tried, strict=True)]  # fmt: skip
