"""What the stages of one rulebook and policy have in common, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from detector.alert_book import AlertBook
from detector.catalogue import STANDING_SUFFIX
from detector.complaints import Complaints
from detector.control import Control, counter_of
from detector.control_link import ControlLink
from detector.counted import Counter
from detector.decide import Decider
from detector.decisions import DEBIT_COLUMNS, DRAW_COLUMNS
from detector.features import Columns, absent_fields, absent_ids
from detector.feed_breaks import FeedBreaks
from detector.findings import Findings
from detector.folding import Folder
from detector.ids import Ids
from detector.link_models import DECIDING, LinkModels
from detector.model_risk import ModelRisk
from detector.models.inputs import columns_read
from detector.onward import Postman
from detector.policy import Policy
from detector.reasons import Reasons
from detector.records import AlertWriter, Versions
from detector.repayment import Repayment
from detector.rulebook import Rulebook
from detector.stage import Stage, StagePlan
from detector.subjects import Subjects
from detector.surges import Surges
from detector.terms import terms_of
from detector.treatment import Calendar

if TYPE_CHECKING:
    from detector.models.controlled import Controls, Named
    from detector.models.health import ModelHealth
    from detector.models.learner import Version
    from detector.models.models import Models
    from detector.models.school import School

HOLD_PARAMETER: Final = "hold_ms"
PAYOUT_PARAMETER: Final = "payout_after_ms"
DECIDED_BY: Final = (*DRAW_COLUMNS, *DEBIT_COLUMNS)


class Parts:
    """The workshop in which engines and single stages are put together."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, ids: Ids, *, partitions: int = 1,
        with_models: bool = False,
    ) -> None:  # fmt: skip
        """`partitions`: of each topic of the service; 1 in a replay."""
        self.with_models = with_models
        self._decided_by = (*DECIDED_BY, *columns_read()) if with_models else DECIDED_BY
        self._partitions = partitions
        self._plans: dict[str, StagePlan] = {}
        self._rulebook = rulebook
        self._policy = policy
        self.ids = ids
        self.versions = Versions(rulebook.version, rulebook.features_version, None)
        self.columns = Columns(rulebook.features, standing_columns(rulebook))
        self.postman = Postman(self.columns, partitions)
        self.absent_ids = absent_ids(policy)
        self.lateness_ms = policy.lateness_ms
        self._calendar = Calendar(policy.timezone)
        self._terms = terms_of(policy, ids, absent_fields(policy))
        self._findings = Findings(self.columns, rulebook.features)
        hold_ms = int(rulebook.parameters[HOLD_PARAMETER])
        self.writer = AlertWriter(rulebook, self._calendar, hold_ms, self.versions)

    def stage(self, name: str) -> Stage:
        """A stage with an empty memory; those of one name share what is large and holds nothing."""
        if name not in self._plans:
            self._plans[name] = StagePlan(
                name, self._rulebook, self.columns, self._policy, self._terms, self._decided_by,
                self._partitions,
            )  # fmt: skip
        return Stage(self._plans[name])

    def book(self) -> AlertBook:
        """An empty alert book."""
        quiet = {name: typology.quiet_ms for name, typology in self._rulebook.typologies.items()}
        return AlertBook(quiet, frozenset(standing_columns(self._rulebook).values()))

    def subjects(self, stages: Sequence[Stage]) -> Subjects:
        """Names for the alerts of some stages."""
        tells_logins = any(
            rule.on == "login" and rule.entity != "account" and stage.is_kept(rule)
            for stage in stages for rule in stage.rules
        )  # fmt: skip
        payout_after_ms = int(self._rulebook.parameters[PAYOUT_PARAMETER])
        return Subjects(payout_after_ms, tells_logins=tells_logins)

    def folders(
        self, stages: Sequence[Stage], books: Sequence[AlertBook], subjects: Subjects
    ) -> list[Folder]:
        """A folder for each of some stages."""
        reasons = Reasons(
            [rule for stage in stages for rule in stage.rules], self.columns, subjects
        )
        return [
            Folder(stage, book, reasons, subjects, self._findings)
            for stage, book in zip(stages, books, strict=True)
        ]

    def repayment(self) -> Repayment:
        """The repayment half of the account stage, empty."""
        return Repayment(
            self._rulebook, self._policy, self._calendar, self.columns, self.versions
        )  # fmt: skip

    def control(self) -> Control:
        """The control stage, which has seen nothing."""
        return Control(self._rulebook, self._policy, self._calendar, self.versions)

    def control_link(self) -> ControlLink:
        """The control stage standing alone, with those beside it."""
        beside = self.complaints(), self.feed_breaks(), self.surges()
        return ControlLink(self.control(), *beside, self.ids.hash)

    def counter(self) -> Counter:
        """Who counts for it what the account stage took."""
        return counter_of(self._rulebook, self._policy)

    def complaints(self) -> Complaints:
        """Who hears complaints beside it, and has heard none."""
        has_feed = self._policy.sources["disposition"]
        return Complaints(self._rulebook, has_feed, self._calendar, self.versions)

    def feed_breaks(self) -> FeedBreaks:
        """Who watches beside it what arrives of each feed; nothing has."""
        return FeedBreaks(self._rulebook, self._policy, self._calendar, self.versions)

    def surges(self) -> Surges:
        """Who looks beside it at how obligations go, and has heard of none."""
        has_feed = self._policy.sources["auto_debit"]
        return Surges(self._rulebook, has_feed, self._calendar, self.versions)

    def models(
        self, recorded: Sequence[Version] | None, *, is_watched: bool = False
    ) -> Models:  # fmt: skip
        """The models, which learn, or follow what was recorded.

        `is_watched`: a drift of what is learnt freezes learning; for whoever tells it to people
        and them to it (`model_health`).
        """
        from detector.models.health import watch_terms  # river is slow to import,
        from detector.models.models import Models  # and for these alone

        watched = watch_terms(self._rulebook) if is_watched else None
        return Models(self.columns.index, self._policy, recorded, watched)

    def model_health(self, models: Models) -> ModelHealth:
        """Who makes alerts of what is wrong with the models of draws."""
        from detector.models.health import ModelHealth

        follower = models.draws.follower
        return ModelHealth(follower, self._rulebook, self._calendar, self.versions)

    def controls(
        self, models: Models | None, versions: Sequence[Version],
        named: Mapping[str, Named] | None,
    ) -> Controls | None:  # fmt: skip
        """Who lets models judge each event by the version that is named of it, if any is."""
        if models is None or named is None:
            return None
        from detector.models.controlled import Controls

        return Controls(models, versions, named)

    def school(self) -> School:
        """The learner of a service, which has learnt nothing."""
        from detector.models.school import School

        return School(self.models(None), self._policy.history_ms)

    def model_risk(self, subjects: Subjects) -> ModelRisk:
        """Who makes alerts of what the models alone found."""
        return ModelRisk(self._rulebook, self.book(), subjects, self.writer, self.versions)

    def link_models(self, stage: str, subjects: Subjects) -> LinkModels | None:
        """The models of a link of a stage, which follow; None where it has none."""
        if not self.with_models or stage not in DECIDING:
            return None
        return LinkModels(stage, self.models([]), self.model_risk(subjects))

    def decider(self, models: Models | None = None, risk: ModelRisk | None = None) -> Decider:
        """Who writes decisions."""
        draws = None if models is None else models.draws
        return Decider(self.columns, self.versions, draws, risk, self._policy.costs)


def standing_columns(rulebook: Rulebook) -> dict[str, str]:
    """The standing columns that rules read, and whose typology each one asks for."""
    return {
        name: name.removesuffix(STANDING_SUFFIX)
        for rule in rulebook.rules if rule.reads_standing
        for name in rule.reads if name.endswith(STANDING_SUFFIX)
    }  # fmt: skip
