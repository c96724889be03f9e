"""Runs one history through the engine and through the reference, and says where they differ."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import orjson

from detector.decode import Decoder
from detector.engine import Engine
from detector.ids import Ids
from detector.policy import Campaign, Policy, Relief, load_policy
from detector.rulebook import Rulebook, load_rulebook
from tests.histories import History
from tests.reference import Reference
from tests.reference_debit_rules import DEBIT_QUIET_MS
from tests.reference_draw_rules import DRAW_QUIET_MS
from tests.reference_memory import DAY
from tests.reference_terms import Terms

FAR_FUTURE_MS = 4_000_000_000_000
COUNTED = {*DRAW_QUIET_MS, *DEBIT_QUIET_MS}  # typologies whose evidence the slow engine names
Record = dict[str, Any]


@dataclass
class Said:
    """All that one of the two said about a history, as simplified records."""

    alerts: list[Record] = field(default_factory=list)
    decisions: list[Record] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def policy_of(terms: Terms) -> Policy:
    """The shipped policy with what the history says laid over it."""
    shipped = load_policy()
    sources = {name: name not in terms.missing_sources for name in shipped.sources}
    return replace(
        shipped, sources=sources, absent_fields=terms.absent_fields,
        allow_devices=terms.allow_devices, allow_networks=terms.allow_networks,
        allow_payees=terms.allow_payees, timezone=terms.timezone,
        history_days=terms.history_ms / DAY,
        campaigns=tuple(Campaign("one", start, end) for start, end in terms.campaigns),
        relief=tuple(
            Relief("one", start, end, frozenset(channels), None)
            for start, end, channels in terms.relief
        ),
    )  # fmt: skip


@lru_cache(maxsize=64)
def rulebook_of(terms: Terms) -> tuple[Rulebook, Policy]:
    """Without what the control stage says: neither the slow engine nor a chain has one."""
    policy = policy_of(terms)
    rulebook = load_rulebook(None, policy)
    kept = {name: one for name, one in rulebook.typologies.items() if one.kind != "incident"}
    return replace(rulebook, typologies=kept), policy


def by_reference(history: History) -> Said:
    reference = Reference(history.terms)
    alerts, decisions = [], []
    for event in history.events:
        output = reference.handle(event)
        alerts += output.alerts
        decisions += output.decisions
    counts = {name: reference.counts[name] for name in ("repeats", "late", "too_late", "stale")}
    return simplified(alerts, decisions, counts)


def by_engine(history: History, sizes: Callable[[], int]) -> tuple[Said, bytes]:
    """What the engine says where batches have these sizes; and its very bytes."""
    ids = Ids()
    rulebook, policy = rulebook_of(history.terms)
    engine, decoder = Engine(rulebook, policy, ids), Decoder(ids, FAR_FUTURE_MS)
    lines = [orjson.dumps(event) for event in history.events]
    alerts: list[Record] = []
    decisions: list[Record] = []
    while lines:
        size = sizes()
        batch = decoder.decode(lines[:size])
        assert not batch.dead, batch.dead
        output = engine.process(batch)
        alerts += output.alerts
        decisions += output.decisions
        lines = lines[size:]
    counted = engine.counts()
    counts = {name: counted[name] for name in ("repeats", "late", "too_late", "stale")}
    plain = [engine_alert(alert) for alert in alerts], [engine_decision(d) for d in decisions]
    return simplified(*plain, counts), orjson.dumps([alerts, decisions])


def engine_alert(alert: Record) -> Record:
    names = (
        "alert_id", "revision", "status", "typology", "severity", "account_id",
        "trigger_event_id", "occurred_at", "opened_at", "score", "actions", "evidence",
        "treatment",
    )  # fmt: skip
    beside = {"retry_advice", "debit_cured"}
    rules = sorted({reason["code"] for reason in alert["reasons"]} - beside)
    entity = (alert["entity"]["kind"], alert["entity"]["id"])
    return {**{name: alert[name] for name in names}, "entity": entity, "rules": rules}


def engine_decision(decision: Record) -> Record:
    names = (
        "event_id", "account_id", "occurred_at", "question", "outcome", "degraded",
        "human_review", "alert_ids",
    )  # fmt: skip
    return {
        **{name: decision[name] for name in names},
        "rules": decision["components"]["rules"],
    }


def simplified(alerts: list[Record], decisions: list[Record], counts: dict[str, int]) -> Said:
    """Ids by order of first appearance; evidence of one event; of what is withdrawn no weight."""
    number: dict[Any, int] = {}
    said = Said(counts=counts)
    for alert in alerts:
        plain = {**alert, "alert_id": number.setdefault(alert["alert_id"], len(number))}
        known = plain["status"] == "open" and plain["typology"] in COUNTED
        plain["evidence"] = sorted(plain["evidence"]) if known else []
        plain.setdefault("treatment", None)
        plain.pop("expires_at", None)
        if plain["status"] in ("withdrawn", "resolved"):
            for name in ("severity", "score", "actions", "rules"):
                del plain[name]
        said.alerts.append(plain)
    for decision in decisions:
        if decision["question"] == "insufficient_balance":  # its forecast is not compared
            decision = {**decision, "outcome": None}
        ids = sorted(number.get(id, -1) for id in decision["alert_ids"])
        said.decisions.append({**decision, "alert_ids": ids})
    return said


def difference(history: History, split: int = 0) -> list[str]:
    """What differs, the first of each kind; nothing where the two agree."""
    rng = random.Random(split)
    expected = by_reference(history)
    found, told = by_engine(history, lambda: rng.choice((1, 2, 3, 7, 50, 400)))
    lines = first_difference("alert", expected.alerts, found.alerts)
    lines += first_difference("decision", expected.decisions, found.decisions)
    if expected.counts != found.counts:
        lines.append(f"counts: reference {expected.counts}, engine {found.counts}")
    whole, bytes_of_whole = by_engine(history, lambda: len(history.events))
    if bytes_of_whole != told:
        lines.append("the engine differs with its batches (below: one batch as the reference)")
        lines += first_difference("alert", whole.alerts, found.alerts)
        lines += first_difference("decision", whole.decisions, found.decisions)
    return lines


def first_difference(kind: str, expected: list[Record], found: list[Record]) -> list[str]:
    for place in range(max(len(expected), len(found))):
        pair = expected[place : place + 1], found[place : place + 1]
        if pair[0] != pair[1]:
            return [f"{kind} {place}:", f"  reference {pair[0]}", f"  engine    {pair[1]}"]
    return []


def shrunken(history: History, differs: Callable[[History], bool]) -> History:
    """Events are dropped, many and then one at a time, as long as the two still differ."""
    events = list(history.events)
    size = max(1, len(events) // 2)
    while size:
        start = 0
        while start < len(events):
            fewer = events[:start] + events[start + size :]
            if fewer and differs(replace(history, events=fewer)):
                events = fewer
            else:
                start += size
        size = 0 if size == 1 else max(1, size // 3)
    return replace(history, events=events)


def report(history: History, lines: Sequence[str]) -> str:
    """All that is needed to see the difference again, events first."""
    small = shrunken(history, lambda smaller: bool(difference(smaller)))
    start_ms = min(event["occurred_at"] for event in small.events)
    told = [
        f"  +{event['occurred_at'] - start_ms} ms {orjson.dumps(event).decode()}"
        for event in small.events
    ]
    head = f"seed {history.seed}, focus {history.focus!r}, {len(history.events)} events"
    return "\n".join([
        head, *lines, f"shrunken to {len(small.events)} events, {small.terms}:", *told,
        *difference(small),
    ])  # fmt: skip
