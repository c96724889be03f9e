"""The five events as typed records; names, types and bounds are those of the data contract.

An optional field that is left out, or is null, is None. The bounds stand here once: the fast path
decodes by them and the slow path (strict.py) reads them from these classes.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from detector.events import ID_MAX_CHARS, MONEY_MAX_MINOR, TIME_MAX_MS

INT_MAX: Final = (1 << 63) - 1
IP_MAX_CHARS: Final = 45  # eight groups, the last two written as IPv4

Id = Annotated[str, Meta(min_length=1, max_length=ID_MAX_CHARS)]
Ip = Annotated[str, Meta(min_length=2, max_length=IP_MAX_CHARS)]
TimeMs = Annotated[int, Meta(ge=0, le=TIME_MAX_MS)]
MoneyMinor = Annotated[int, Meta(ge=0, le=MONEY_MAX_MINOR)]
Count = Annotated[int, Meta(ge=0, le=INT_MAX)]
Currency = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class _Any(Struct, frozen=True, gc=False, kw_only=True, tag_field="type"):
    event_id: Id
    occurred_at: TimeMs
    person_id: Id | None = None


class _OfAccount(_Any, frozen=True, gc=False, kw_only=True):
    account_id: Id


class Login(_OfAccount, frozen=True, gc=False, kw_only=True, tag="login"):
    """Somebody logged in, or tried to."""

    session_id: Id | None = None
    device_id: Id | None = None
    ip: Ip | None = None
    outcome: Literal["success", "failure"]
    method: Literal["password", "otp", "biometric", "sso", "other"]
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    device_signals: list[str] | None = None


class IdentityVerification(
    _OfAccount, frozen=True, gc=False, kw_only=True, tag="identity_verification"
):
    """A provider checked, or could not check, that the person is the borrower."""

    verification_id: Id
    session_id: Id | None = None
    device_id: Id | None = None
    provider: Id
    method: Literal["face", "otp", "id_document", "bank_card", "password"]
    outcome: Literal["passed", "failed", "error", "timeout"]
    latency_ms: Count
    disbursement_id: Id | None = None


class Disbursement(_OfAccount, frozen=True, gc=False, kw_only=True, tag="disbursement"):
    """Money on its way to a payee; several events may tell of one disbursement."""

    disbursement_id: Id
    session_id: Id | None = None
    device_id: Id | None = None
    ip: Ip | None = None
    amount_minor: MoneyMinor
    currency: Currency
    payee_id: Id
    payee_owner: Literal["self", "other", "unknown"]
    payee_kind: Literal["person", "merchant", "institution"] | None = None
    verification_id: Id | None = None
    credit_limit_minor: MoneyMinor
    outstanding_minor: MoneyMinor
    status: Literal["requested", "paid", "rejected", "reversed"]


class AutoDebit(_OfAccount, frozen=True, gc=False, kw_only=True, tag="auto_debit"):
    """One step of an obligation: scheduled, attempted, settled or taken back."""

    debit_id: Id
    obligation_id: Id
    mandate_id: Id
    channel: Id
    amount_due_minor: MoneyMinor
    amount_debited_minor: MoneyMinor
    currency: Currency
    outcome: Literal[
        "scheduled", "success", "partial", "insufficient_balance", "channel_error",
        "mandate_invalid", "account_frozen", "settled", "reversed",
    ]  # fmt: skip
    attempt: Count
    due_at: TimeMs
    overdue_at: TimeMs
    available_balance_minor: MoneyMinor | None = None
    penalty_due_minor: MoneyMinor | None = None
    payer_account_id: Id | None = None
    mandate_max_minor: MoneyMinor | None = None
    mandate_valid_until: TimeMs | None = None
    mandate_revoked_at: TimeMs | None = None
    hardship: bool | None = None


class Disposition(_Any, frozen=True, gc=False, kw_only=True, tag="disposition"):
    """What people found or did about an event or an alert.

    It names a target event, an alert or both; without an account it names an alert.
    Raises ValueError otherwise.
    """

    account_id: Id | None = None
    target_event_id: Id | None = None
    alert_id: Id | None = None
    disposition: Literal[
        "confirmed_fraud", "false_positive", "inconclusive", "customer_confirmed", "system_fault",
        "held", "released", "paid_anyway", "contacted", "unreachable", "plan_agreed",
        "hardship_granted", "complaint", "appeal_opened", "appeal_upheld", "appeal_rejected",
        "handled",
    ]  # fmt: skip
    fraud_kind: (
        Literal["takeover", "scam_victim", "first_party", "insider", "identity_theft"] | None
    ) = None
    until_at: TimeMs | None = None
    contact_channel: Literal["voice", "sms", "in_app", "other"] | None = None
    contact_reached: bool | None = None
    contact_party: Literal["borrower", "other"] | None = None
    contact_consent: bool | None = None
    agency_id: Id | None = None
    analyst: Id | None = None

    def __post_init__(self) -> None:
        field = missing_of_disposition(self.account_id, self.target_event_id, self.alert_id)
        if field is not None:
            raise ValueError(f"a disposition without alert_id needs {field}")


def missing_of_disposition(
    account_id: object, target_event_id: object, alert_id: object
) -> str | None:
    """The field that a disposition lacks, seeing which of these three it carries."""
    if alert_id is None and target_event_id is None:
        return "target_event_id"
    return "account_id" if alert_id is None and account_id is None else None


Event = Login | IdentityVerification | Disbursement | AutoDebit | Disposition
STRUCTS: Final[dict[str, type[Event]]] = {
    "login": Login,
    "identity_verification": IdentityVerification,
    "disbursement": Disbursement,
    "auto_debit": AutoDebit,
    "disposition": Disposition,
}
