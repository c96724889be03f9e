"""quixstreams + river: streaming data frames with state, exactly once, as its documentation shows.

    quix_app.py BOOTSTRAP PREFIX APP_ID FOLDER COMMIT_S POLL_S accounts|payees

Two applications, as a pipeline of services: README.md says why they are not one. The inputs of the
first are one data frame, so that an account has one state. Everything else is quixstreams' own
default, but what README.md says and why.
"""

from __future__ import annotations

import sys
from typing import Any

from judging import (
    judge_debit,
    judge_disbursement,
    judge_payee,
    see_login,
    see_verification,
)
from quixstreams import Application, State
from scoring import Anomaly, is_decided

BOOTSTRAP, PREFIX, APP_ID, FOLDER, COMMIT_S, POLL_S, PART = sys.argv[1:8]
COMMIT_EVERY = 10_000  # messages: under load this comes first, and work does not wait for a clock

app = Application(
    broker_address=BOOTSTRAP,
    consumer_group=APP_ID,
    auto_offset_reset="earliest",
    processing_guarantee="exactly-once",
    commit_interval=float(COMMIT_S),
    commit_every=COMMIT_EVERY,
    consumer_poll_timeout=float(POLL_S),
    state_dir=FOLDER,
    loglevel="WARNING",
)
anomaly = Anomaly()


def source(name: str) -> Any:
    """One of the input topics, keyed by account."""
    return app.dataframe(
        app.topic(f"{PREFIX}.{name}.v1", key_deserializer="str", value_deserializer="json")
    )


def sink(name: str) -> Any:
    """One of the output topics."""
    return app.topic(f"{PREFIX}.quix.{name}", key_serializer="str", value_serializer="json")


def by_account(event: dict[str, Any], state: State) -> list[dict[str, Any]]:
    """What is said of one event: alerts, and a decision where one is asked."""
    account: dict[str, Any] = state.get("account", {})
    found: list[dict[str, Any]] = []
    match event["type"]:
        case "login":
            see_login(account, event)
        case "identity_verification":
            see_verification(account, event)
        case "disbursement":
            found = judge_disbursement(account, event)
        case "auto_debit":
            found = judge_debit(account, event)
    state.set("account", account)
    if is_decided(event):
        return [*found, anomaly.decide(event, found)]
    return found


def by_payee(event: dict[str, Any], state: State) -> list[dict[str, Any]]:
    """Alerts about a payee."""
    payee: dict[str, Any] = state.get("payee", {})
    found = judge_payee(payee, event)
    state.set("payee", payee)
    return found


def is_alert(told: dict[str, Any]) -> bool:
    """Whether something said is an alert; else it is a decision."""
    return "alert_id" in told


def judge_accounts() -> None:
    """All inputs as one stream by account: alerts and decisions."""
    events = source("login").concat(source("identity-verification"))
    events = events.concat(source("disbursement")).concat(source("auto-debit"))
    told = events.apply(by_account, stateful=True, expand=True)
    told.filter(is_alert).to_topic(sink("alert"))
    told.filter(lambda one: not is_alert(one)).to_topic(sink("decision"))


def judge_payees() -> None:
    """Draws, by payee: alerts."""
    draws = source("disbursement")
    payees = draws.group_by("payee_id", key_deserializer="str", key_serializer="str")
    payees.apply(by_payee, stateful=True, expand=True).to_topic(sink("alert"))


if __name__ == "__main__":
    {"accounts": judge_accounts, "payees": judge_payees}[PART]()
    app.run()
