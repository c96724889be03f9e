"""What a rulebook may say: events, fields, aggregates, words; and what a feature is.

The tables here are the rulebook's vocabulary. How a feature is read is the walk's business
(features.py, reading.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detector.events import (
    DEBIT_IDS,
    DEBIT_OUTCOMES,
    KINDS,
    LOGIN_METHODS,
    LOGIN_OUTCOMES,
    PAYEE_KINDS,
    PAYEE_OWNERS,
    SIGNALS,
    VERIFICATION_METHODS,
    VERIFICATION_OUTCOMES,
    WORDS,
)  # fmt: skip
from detector.expression_tree import Column
from detector.memory import ACCOUNT_SLOT, ENTITY_SLOT, STAGES

FAMILIES: Final = (
    "unauthorized_transfer", "insufficient_balance", "verification_integrity",
    "channel_incident", "credit_exposure", "model_health",
)  # fmt: skip
SEVERITIES: Final = ("info", "low", "medium", "high", "critical")
ACTIONS: Final = (
    "hold_disbursement", "step_up_verification", "warn_customer", "freeze_limit", "reduce_limit",
    "restore_limit", "manual_review", "report_suspicious", "remind", "offer_plan",
    "renew_mandate", "retry_debit", "escalate", "none",
)  # fmt: skip
PURPOSES: Final = ("anti_fraud", "repayment", "operations")
EFFECTS: Final = ("alert", "withdraw")
TYPOLOGY_KINDS: Final = ("rules", "obligation", "conduct", "limit", "incident", "model")
# What the texts may name of a typology that has no rules, by its kind.
OWN_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "obligation": ("failures", "attempts", "debited_minor", "due_minor", "left_minor",
                   "hours_left", "chance"),
    "conduct": ("count", "beyond", "close", "by_night", "to_another", "hardship"),
    "limit": ("unpaid", "due"),
    "incident": ("hits", "attempts", "share", "usual", "amount_minor"),
    "model": ("score", "threshold"),
}  # fmt: skip
EXPECTATIONS: Final = ("hit", "clear", "abstain")
ENTITIES: Final = STAGES
# Of typologies that have no rules.
WATCHED_ENTITIES: Final = (*ENTITIES, "channel", "agency", "provider", "feed", "model")
STANDING_SUFFIX: Final = "_hit_age_ms"

# What pulls a rule, and the event type that it is a part of.
TRIGGERS: Final[Mapping[str, str]] = {
    "login": "login", "identity_verification": "identity_verification",
    "disbursement": "disbursement", "paid": "disbursement", "auto_debit": "auto_debit",
}  # fmt: skip
# Which event types reach a stage (law 2).
TYPES_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("login", "identity_verification", "disbursement", "auto_debit"),
    "device": ("login", "identity_verification", "disbursement"),
    "network": ("login", "disbursement"),
    "payee": ("disbursement",),
}
EVENT_WORDS: Final = (
    *KINDS, "disbursement", "login", "verification", "debit", "disposition",
)  # fmt: skip
IDS: Final = (
    "account", "device", "network", "payee", "session", "object", "verification", *DEBIT_IDS,
)  # fmt: skip
AMOUNTS: Final = ("amount", "limit", "outstanding")
# Words that a stage's memory holds of an event.
KEPT_AT: Final[Mapping[str, frozenset[str]]] = {
    stage: frozenset(WORDS[word] for word in ENTITY_SLOT) for stage in STAGES[1:]
} | {  # debits do not leave the account stage
    STAGES[0]: frozenset([*(WORDS[word] for word in ACCOUNT_SLOT), *DEBIT_IDS])
}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A way to measure: what `of` may name, at which stages, whether it looks at ring entries.

    `span`: "needed", "allowed" or "none".
    """

    of: tuple[str, ...] = ()
    span: str = "needed"
    entries: bool = True
    stages: tuple[str, ...] = STAGES


_OTHERS: Final = ("device", "network", "payee")
AGGREGATES: Final[Mapping[str, Aggregate]] = {
    "count": Aggregate(span="allowed"),
    **{name: Aggregate(AMOUNTS, "allowed") for name in ("sum", "max", "min", "mean", "last")},
    "distinct": Aggregate(IDS, "allowed"),
    "newcomers": Aggregate(("account",), "needed", stages=_OTHERS),
    "age_of_last": Aggregate(span="allowed"),
    "age_of_first": Aggregate(span="allowed"),
    "new_signals": Aggregate(("network", "device", "session"), "allowed", stages=("account",)),
    "travel_kmh": Aggregate(stages=("account",)),
    "since_draw": Aggregate(span="none", entries=False, stages=("account",)),
    "entity_age": Aggregate(span="none", entries=False),
    "age": Aggregate(_OTHERS, "none", False, ("account",)),
    "seen_accounts": Aggregate(span="needed", entries=False, stages=_OTHERS),
    "fraud_accounts": Aggregate(span="needed", entries=False, stages=_OTHERS),
    "cleared": Aggregate(span="none", entries=False, stages=_OTHERS),
    "login_after_failure": Aggregate(span="none", entries=False, stages=_OTHERS),
    "since_login": Aggregate(span="none", entries=False, stages=_OTHERS),
    "normal_amount": Aggregate(span="none", entries=False, stages=("account",)),
    "usual_accounts": Aggregate(span="none", entries=False, stages=("payee",)),
    "minute_logins": Aggregate(span="none", entries=False, stages=("device", "network")),
    "minute_failures": Aggregate(span="none", entries=False, stages=("device", "network")),
    "population_logins": Aggregate(span="needed", entries=False, stages=("account",)),
    "population_failures": Aggregate(span="needed", entries=False, stages=("account",)),
    "covered": Aggregate(span="needed", entries=False),
}


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """A measurement, as a rulebook declares it: checked, its parameters put in.

    Feature names are unique over a rulebook. `span_ms` is None where all that is remembered counts.
    """

    name: str
    entity: str  # at which stage it is read
    on: tuple[str, ...]  # event types at which it is read
    aggregate: str  # one of AGGREGATES
    of: str | None
    events: tuple[str, ...]  # of EVENT_WORDS
    span_ms: int | None
    same: tuple[str, ...]
    same_any: tuple[str, ...]
    agree: tuple[str, ...]
    differ: tuple[str, ...]
    payee_owner: tuple[str, ...]
    payee_kind: tuple[str, ...]
    first_to_payee: bool
    signals: tuple[str, ...]
    methods: tuple[str, ...]
    amount_from: float | None  # minor units; None: any
    amount_below: float | None
    over_km: float | None  # of travel_kmh: what lies nearer is no travel
    since: str  # the feature whose age says from when on entries count, or ""
    until: str  # the feature whose age says up to when they do, or ""
    before: bool
    whole: bool
    absent: float | None  # the value where an id of `same`, or `until`, is not there; None: NULL
    optional: bool  # its NULL is a fact that a rule may speak of
    purpose: str
    text: str
    text_zh: str
    file: str
    line: int

    @property
    def anchor(self) -> str:
        """The feature that moves its window, or ""."""
        return self.since or self.until

    @property
    def column(self) -> Column:
        """What expressions may read of it."""
        kind = "boolean" if self.aggregate == "covered" else "number"
        return Column(self.name, "boolean" if kind == "boolean" else "number",
                      optional=self.optional)  # fmt: skip

    @property
    def rests_on_device(self) -> bool:
        """Whether it rests on device, network, session or signals: anti-fraud alone may read it."""
        named = {*self.same, *self.same_any, *self.agree, *self.differ, self.of, self.entity}
        return bool(named & PRIVATE_WORDS or self.signals)


PRIVATE_WORDS: Final = frozenset({"device", "network", "session"})
PRIVATE_FIELDS: Final = frozenset(
    ["has_device", "has_session", "has_network", "device_allowed", "network_allowed"]
    + [f"signal_{name}" for name in SIGNALS]
)


def _numbers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _flags(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, nullable=False) for name in names)


def _words(name: str, words: tuple[str, ...], optional: bool = False) -> Column:
    codes = {word: code for code, word in enumerate(words) if word}
    return Column(name, "enumeration", codes, optional=optional)


_TIME: Final = (Column("local_hour", nullable=False), Column("in_campaign", nullable=False))
_DRAW: Final = (
    *_TIME,
    *_numbers("amount_minor", "credit_limit_minor", "outstanding_minor"),
    _words("status", ("requested", "paid")),
    _words("payee_owner", PAYEE_OWNERS), _words("payee_kind", PAYEE_KINDS, optional=True),
    *_flags("has_session", "has_device", "has_network", "has_verification"),
    *_flags("payee_allowed", "device_allowed", "network_allowed"),
)  # fmt: skip
_FIELDS: Final[Mapping[str, tuple[Column, ...]]] = {
    "login": (
        *_TIME, _words("outcome", LOGIN_OUTCOMES), _words("method", LOGIN_METHODS),
        *_flags("has_session", "has_device", "has_network", "device_allowed", "network_allowed"),
        *_flags(*(f"signal_{name}" for name in SIGNALS)),
    ),
    "identity_verification": (
        *_TIME, _words("outcome", VERIFICATION_OUTCOMES), _words("method", VERIFICATION_METHODS),
        *_flags("has_session", "has_device"),
    ),
    "disbursement": _DRAW,
    "paid": _DRAW,
    "auto_debit": (
        *_TIME, _words("outcome", DEBIT_OUTCOMES),
        *_numbers("amount_due_minor", "amount_debited_minor", "mandate_expired", "mandate_revoked"),
        *(Column(name, optional=True) for name in ("penalty_due_minor", "mandate_max_minor")),
        *(Column(name, nullable=False) for name in ("days_early", "overdue_passed", "has_payer")),
    ),
}  # fmt: skip
# The fields of an event that a rule may read, by trigger and name. A source may lack a field (the
# policy says so), hence NULL; what is derived (has_..., ..._allowed, signal_...) is always known.
FIELDS_OF: Final[Mapping[str, Mapping[str, Column]]] = {
    trigger: {column.name: column for column in columns} for trigger, columns in _FIELDS.items()
}
