"""faust-streaming + river: agents, tables and a repartitioned stream, as its user guide shows.

    faust_app.py BOOTSTRAP PREFIX APP_ID FOLDER

Topics, partitions and serialisers are named; records are models. Everything else is faust's own
default, but what README.md says and why.
"""

from __future__ import annotations

import sys
from typing import Any

import faust
from judging import (
    judge_debit,
    judge_disbursement,
    judge_payee,
    see_login,
    see_verification,
)
from scoring import Anomaly, is_decided

BOOTSTRAP, PREFIX, APP_ID, FOLDER = sys.argv[1:5]
PARTITIONS = 4


class Event(faust.Record, serializer="json"):
    """What every event has."""

    event_id: str
    account_id: str
    occurred_at: int


class Login(Event, serializer="json"):
    """A log-in."""

    outcome: str
    device_id: str | None = None
    session_id: str | None = None


class Verification(Event, serializer="json"):
    """A check of who somebody is."""

    outcome: str
    device_id: str | None = None
    session_id: str | None = None


class Disbursement(Event, serializer="json"):
    """A draw."""

    disbursement_id: str
    amount_minor: int
    payee_id: str
    payee_owner: str
    credit_limit_minor: int
    status: str
    device_id: str | None = None
    session_id: str | None = None
    payee_kind: str | None = None


class Debit(Event, serializer="json"):
    """One step of an obligation."""

    obligation_id: str
    amount_due_minor: int
    outcome: str


app = faust.App(
    APP_ID,
    broker=f"kafka://{BOOTSTRAP}",
    store="memory://",
    datadir=FOLDER,
    processing_guarantee="at_least_once",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    table_standby_replicas=0,
    producer_linger=0.005,
    stream_wait_empty=False,
    web_enabled=False,
)


def source(name: str, model: type[Event]) -> Any:
    """One of the input topics, keyed by account."""
    return app.topic(f"{PREFIX}.{name}.v1", key_type=str, key_serializer="raw", value_type=model)


def sink(name: str) -> Any:
    """One of the output topics."""
    return app.topic(
        f"{PREFIX}.faust.{name}", key_type=str, key_serializer="raw", value_serializer="json"
    )


logins, verifications = source("login", Login), source("identity-verification", Verification)
disbursements, debits = source("disbursement", Disbursement), source("auto-debit", Debit)
alerts, decisions = sink("alert"), sink("decision")
accounts = app.Table("accounts", default=dict, partitions=PARTITIONS)
payees = app.Table("payees", default=dict, partitions=PARTITIONS)
anomaly = Anomaly()


async def tell(found: list[dict[str, Any]]) -> None:
    """Send alerts."""
    for alert in found:
        await alerts.send(key=alert["account_id"], value=alert)


@app.agent(logins)
async def on_login(stream: Any) -> None:
    """Devices become known."""
    async for event in stream:
        account = accounts[event.account_id]
        see_login(account, event.asdict())
        accounts[event.account_id] = account


@app.agent(verifications)
async def on_verification(stream: Any) -> None:
    """Passed checks are remembered."""
    async for event in stream:
        account = accounts[event.account_id]
        see_verification(account, event.asdict())
        accounts[event.account_id] = account


@app.agent(disbursements)
async def on_disbursement(stream: Any) -> None:
    """Draws are judged, scored and decided."""
    async for event in stream:
        draw = event.asdict()
        account = accounts[event.account_id]
        found = judge_disbursement(account, draw)
        accounts[event.account_id] = account
        await tell(found)
        if is_decided(draw):
            await decisions.send(key=event.account_id, value=anomaly.decide(draw, found))


@app.agent(debits)
async def on_debit(stream: Any) -> None:
    """Failures are told; what is scheduled is scored."""
    async for event in stream:
        debit = event.asdict()
        account = accounts[event.account_id]
        found = judge_debit(account, debit)
        accounts[event.account_id] = account
        await tell(found)
        if is_decided(debit):
            await decisions.send(key=event.account_id, value=anomaly.decide(debit, found))


@app.agent(disbursements)
async def on_payee(stream: Any) -> None:
    """Draws again, by payee."""
    async for event in stream.group_by(Disbursement.payee_id):
        payee = payees[event.payee_id]
        found = judge_payee(payee, event.asdict())
        payees[event.payee_id] = payee
        await tell(found)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "--loglevel", "warn", "--without-web"]
    app.main()
