"""An event in words, in both languages."""

from __future__ import annotations

from typing import Final

from detector.schema import (
    AutoDebit,
    Disbursement,
    Disposition,
    Event,
    IdentityVerification,
    Login,
)  # fmt: skip
from streams.explain_values import Clock, Told, filled, listed, money, same, say, word

CLOSING: Final = frozenset({"settled", "reversed"})  # words of a debit that are no attempt


def in_words(event: Event, clock: Clock) -> Told:
    """What happened, in one sentence."""
    if isinstance(event, Login):
        return say("login", method=word("login_method", event.method),
                   outcome=word("login", event.outcome), where=_where(event))  # fmt: skip
    if isinstance(event, IdentityVerification):
        return say(
            "identity_verification", method=word("verification_method", event.method),
            provider=event.provider, outcome=word("verification", event.outcome),
            where=_where(event),
        )  # fmt: skip
    if isinstance(event, Disbursement):
        return say(
            "disbursement", amount=money(event.amount_minor, event.currency),
            status=word("disbursement", event.status), payee=event.payee_id,
            owner=word("payee_owner", event.payee_owner), where=_where(event),
        )  # fmt: skip
    if isinstance(event, AutoDebit):
        return _debit(event, clock)
    return _disposition(event)


def _debit(event: AutoDebit, clock: Clock) -> Told:
    due = money(event.amount_due_minor, event.currency)
    if event.outcome == "scheduled":
        when = clock.time(event.due_at)
        return say("debit_planned", due=due, channel=event.channel, when=when)
    outcome = word("debit", event.outcome)
    if event.outcome in CLOSING:
        return say("debit_other", due=due, channel=event.channel, outcome=outcome)
    return say(
        "debit_tried", attempt=event.attempt, channel=event.channel, outcome=outcome,
        debited=money(event.amount_debited_minor, event.currency), due=due,
    )  # fmt: skip


def _disposition(event: Disposition) -> Told:
    target = event.target_event_id or event.alert_id
    of = same("") if target is None else say("of_target", target=target)
    return say("disposition", disposition=word("disposition", event.disposition), target=of)


def _where(event: Login | IdentityVerification | Disbursement) -> Told:
    """The device, address and signals, as far as they are told."""
    parts = []
    if event.device_id is not None:
        parts.append(say("where_device", id=event.device_id))
    if not isinstance(event, IdentityVerification) and event.ip is not None:
        parts.append(say("where_network", id=event.ip))
    if isinstance(event, Login) and event.device_signals:
        signals = listed(word("signal", name) for name in event.device_signals)
        parts.append(say("where_signals", signals=signals))
    return filled(same("".join(f"{{{n}}}" for n in range(len(parts)))), *parts)
