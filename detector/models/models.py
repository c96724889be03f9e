"""All models of an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from detector.models.debits import DebitModel
from detector.models.draws import QUESTION, DrawModels
from detector.models.learner import Version
from detector.models.watch import Watch, WatchTerms
from detector.policy import Policy

DAY_MS: Final = 86_400_000


class Models:
    """The models of both questions, which learn, or follow what was recorded."""

    def __init__(
        self, places: Mapping[str, int], policy: Policy,
        recorded: Sequence[Version] | None = None, watched: WatchTerms | None = None,
    ) -> None:  # fmt: skip
        """`places`: columns by name. `recorded`: versions to follow instead of learning.

        `watched`: when the models of draws are not well; None: nobody watches what is learnt.

        Raises:
            KeyError: a column that a model reads is not there.
        """
        delay_ms = round(policy.label_delay_days * DAY_MS)
        watch = None if watched is None else Watch(QUESTION, watched, delay_ms)
        share = policy.budget.model_risk_per_10000_disbursements / 10_000.0
        self.draws = DrawModels(
            places, delay_ms, policy.history_ms, recorded, share,
            policy.draw_version_max, watch,
        )  # fmt: skip
        self.debits = DebitModel(
            places, delay_ms, policy.history_ms, recorded, policy.debit_version_max
        )

    def forget_account(self, account: int) -> None:
        """Drop all that would still be learnt of an account, by its id's hash.

        Weights stay: they are sums over many, and name nobody.
        """
        for follower in (self.draws.follower, self.debits.follower):
            if follower.learner is not None:
                follower.learner.forget_account(account)

    def take_versions(self) -> list[Version]:
        """The versions made since the last time, by hour and question."""
        made: list[Version] = []
        for follower in (self.draws.follower, self.debits.follower):
            made += follower.versions
            follower.versions = []
        return sorted(made, key=lambda version: (version.from_ms, version.question))
