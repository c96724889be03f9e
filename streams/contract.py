"""What comes out, as types: alerts and decisions as the data contract has them.

The service writes plain records; these say what they hold. From these and the event types come the
JSON Schemas (`deploy/contract`), and a test decodes by them all that a replay says.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from detector.events import MONEY_MAX_MINOR
from detector.schema import Id, TimeMs

Score = Annotated[float, Meta(ge=0, le=1)]
MoneyMinor = Annotated[int, Meta(ge=0, le=MONEY_MAX_MINOR)]
Number = int | float
Question = Literal["unauthorized_transfer", "insufficient_balance"]
Review = Literal["not_needed", "required"]


class Versions(Struct, kw_only=True, forbid_unknown_fields=True):
    """What was in force."""

    rulebook: str
    features: str
    models: str | None


class Entity(Struct, kw_only=True, forbid_unknown_fields=True):
    """What an alert is about."""

    kind: Literal[
        "account", "device", "payee", "network", "channel", "provider", "agency", "feed", "model",
        "rule",
    ]  # fmt: skip
    id: str


class Reason(Struct, kw_only=True):
    """Why, in both languages; the share of the score, what was observed against what is normal."""

    code: str
    text: str
    text_zh: str
    contribution: Score
    rule: str | None = None
    model: str | None = None
    observed: Number | str | None = None
    normal: Number | str | None = None
    threshold: Number | str | None = None


class Treatment(Struct, kw_only=True, forbid_unknown_fields=True):
    """How the borrower is to be treated, for what may reach them."""

    earliest_contact_at: TimeMs
    contacts_left_today: int
    system_caused: bool
    hardship: bool
    do_not_report: bool


class Alert(Struct, kw_only=True, forbid_unknown_fields=True):
    """A revision of an alert; a later one replaces an earlier one of the same id."""

    alert_id: str
    revision: Annotated[int, Meta(ge=1)]
    status: Literal["open", "updated", "withdrawn", "resolved"]
    family: Literal[
        "unauthorized_transfer", "insufficient_balance", "verification_integrity",
        "channel_incident", "credit_exposure", "model_health",
    ]  # fmt: skip
    typology: str
    severity: Literal["info", "low", "medium", "high", "critical"]
    entity: Entity
    case_id: str
    amount_minor: MoneyMinor | None
    currency: str | None
    act_by: TimeMs | None
    expires_at: TimeMs | None
    human_review: Review
    account_id: Id | None
    trigger_event_id: str
    occurred_at: TimeMs
    opened_at: TimeMs
    detected_at: TimeMs
    score: Score
    reasons: list[Reason]
    techniques: list[str]
    evidence: list[str]
    actions: list[
        Literal[
            "hold_disbursement", "step_up_verification", "warn_customer", "freeze_limit",
            "reduce_limit", "restore_limit", "manual_review", "report_suspicious", "remind",
            "offer_plan", "renew_mandate", "retry_debit", "escalate", "none",
        ]
    ]  # fmt: skip
    treatment: Treatment | None
    versions: Versions


class Components(Struct, kw_only=True, forbid_unknown_fields=True):
    """The score of each part; null where there is no such part."""

    rules: Score | None
    supervised: Score | None
    anomaly: Score | None


class Decision(Struct, kw_only=True, forbid_unknown_fields=True):
    """The answer to one question about one event, known at its time."""

    event_id: Id
    account_id: Id
    occurred_at: TimeMs
    question: Question
    score: Score
    outcome: Literal["approve", "review", "challenge", "decline"]
    components: Components
    alert_ids: list[str]
    human_review: Review
    degraded: bool
    versions: Versions


OUTPUTS: Final[dict[str, type[Struct]]] = {"alert": Alert, "decision": Decision}
