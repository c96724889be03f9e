"""Champion and challenger: a new forest is held against the one in force before it replaces it.

What a challenger would say of an event is what its weights say of the event's inputs, and the
learner holds these until the label comes. So both are tried on the same stream, by labels that
arrive after the challenger was fitted ("prequential", Dawid 1984), and on the tenth of all examples
that is never fitted to; and no decision waits for a challenger, so that under load there is none to
be shed.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.models.examples import Examples
from detector.models.forest import Forest, ForestWeights

FRESH_MIN: Final = 100  # labels that a challenger waits for
POSITIVES_MIN: Final = 10  # that a trial needs, fresh or never fitted to
WORSE_MAX: Final = 2.0  # standard errors by which a challenger may seem worse and still passes


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """A new forest held against the one in force, on examples that neither was fitted to.

    Losses are the mean of -ln(chance given to what came true); `error` is the standard error of
    their difference, example by example. Of the examples `fresh` became known while both stood
    beside each other, and `positives` are positive.
    """

    examples: int
    champion_loss: float
    challenger_loss: float
    error: float
    is_promoted: bool
    fresh: int = 0
    positives: int = 0


class Settled(NamedTuple):
    """What came of a contest: weights that come into force, and their correction; the trial."""

    weights: ForestWeights | None
    correction: float
    trial: Trial | None


UNDECIDED: Final = Settled(None, 0.0, None)


class Entrant(NamedTuple):
    """A forest, the correction of its log-odds, and how many examples were learnt when it was
    fitted."""

    forest: Forest
    correction: float
    learnt: int


class Contest:
    """The forest in force, and the one that would replace it."""

    def __init__(
        self, champion: Entrant | None = None, challenger: Entrant | None = None
    ) -> None:  # fmt: skip
        """Where an earlier life left off. None: there is none yet; nobody waits for a trial."""
        self.champion, self.challenger = champion, challenger

    def enter(self, weights: ForestWeights, examples: Examples) -> None:
        """A new forest, fitted to the examples as they are."""
        self.challenger = Entrant(Forest(weights), examples.correction(), examples.learnt)

    def settle(self, examples: Examples) -> Settled:
        """Hold the trial if enough is known for it. The first forest needs none."""
        challenger, trial = self.challenger, None
        if challenger is None:
            return UNDECIDED
        if self.champion is not None:
            trial = self._tried(self.champion, challenger, examples)
            if trial is None:
                return UNDECIDED
        self.challenger = None
        if trial is not None and not trial.is_promoted:
            return Settled(None, 0.0, trial)
        self.champion = challenger
        return Settled(challenger.forest.weights, challenger.correction, trial)

    @staticmethod
    def _tried(champion: Entrant, challenger: Entrant, examples: Examples) -> Trial | None:
        fresh = examples.learnt - challenger.learnt
        if fresh < FRESH_MIN:
            return None
        inputs, labels = examples.unfitted(challenger.learnt)
        positives = int(labels.sum())
        if positives < POSITIVES_MIN or labels.all():
            return None
        shift = champion.correction - challenger.correction
        old = losses(champion.forest.margins(inputs) + shift, labels)
        new = losses(challenger.forest.margins(inputs), labels)
        n, worse = len(labels), new - old
        error = float(np.std(worse, ddof=1)) / math.sqrt(n)
        is_promoted = float(np.mean(worse)) <= WORSE_MAX * error
        return Trial(
            n, float(np.mean(old)), float(np.mean(new)), error, is_promoted, fresh, positives
        )


def losses(margins: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """-ln(chance given to what came true), margins in log-odds."""
    told: NDArray[np.float64] = np.logaddexp(0.0, np.where(labels, -margins, margins))
    return told
