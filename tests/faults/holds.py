"""An outage of a channel while workers are killed: who it holds stands in the end as in a replay.

When word of an outage reaches a partition is the cluster's business, so people inside it may be
told on other ways: with more revisions, or first without the system's fault. What must be the same
is what stands in the end of each, and the incident.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from streams.simulate.outages import NO_ATTEMPT, Laid, Outage
from streams.simulate.world import HOUR_MS
from tests.faults.judging import Verdict
from tests.faults.kills import Plan, kills
from tests.faults.logs import FULL_FROM_MS, Log, write
from tests.faults.outcome import Outcome, Record
from tests.faults.site import Site

Say = Callable[[str], None]
CHANNEL = "the-bank"  # few accounts try little in ten minutes: all by one, there is a share to test
LASTS_MS = 2 * HOUR_MS
FROM_DAY = 1  # of the whole days: before that what is usual is not known


@dataclass(frozen=True, slots=True)
class Struck:
    """A log with an outage laid over it, and whose accounts tried something in it."""

    log: Log
    outage: Outage
    accounts: frozenset[str]


def struck(log: Log, seed: int) -> Struck:
    """All debits go by one channel; in the two hours with the most attempts all of them fail, or
    are not made."""
    tried: Counter[int] = Counter()
    for event in map(orjson.loads, log.dense):
        hours = (event["occurred_at"] - FULL_FROM_MS) // LASTS_MS
        if event["type"] == "auto_debit" and event["outcome"] not in NO_ATTEMPT:
            tried[hours] += hours * LASTS_MS >= FROM_DAY * 24 * HOUR_MS
    from_ms = FULL_FROM_MS + tried.most_common(1)[0][0] * LASTS_MS
    outage = Outage("channel", CHANNEL, from_ms, from_ms + LASTS_MS, untried=0.2)
    laid = Laid(outage, seed)
    lines = [line.rstrip() for line in laid.over(map(_by_one_channel, log.lines))]
    hit = laid.failed | laid.untried
    events = (orjson.loads(line) for line in lines)
    accounts = {event["account_id"] for event in events if event.get("obligation_id") in hit}
    path = log.path.with_name(f"outage-{seed}.jsonl")
    return Struck(write(path, lines), outage, frozenset(accounts))


def _by_one_channel(line: bytes) -> bytes:
    event = orjson.loads(line)
    return orjson.dumps(event | {"channel": CHANNEL}) if event["type"] == "auto_debit" else line


def held(site: Site, of: Struck, truth: Outcome, plan: Plan, seed: int, say: Say) -> Verdict:
    """Kill workers while the log with its outage is fed."""
    verdict = kills(site, of.log, _without(truth, of), plan, seed, say, lambda o: _without(o, of))
    wanted, found = _standing(truth, of), _standing(site.outcome(), of)
    incidents = [one for one in truth.alerts.values() if one["typology"] == "channel_outage"]
    assert incidents, "the outage is none to a replay: nothing is shown"
    say(f"  {len(of.accounts)} accounts inside an outage of {of.outage.name}: what stands of"
        f" {len(wanted)} alerts of them")  # fmt: skip
    for name in sorted(wanted.keys() | found.keys(), key=str):
        if wanted.get(name) != found.get(name):
            verdict.differing.append(f"{name}: {wanted.get(name)} is {found.get(name)}")
    return verdict


def _is_inside(alert: Record, of: Struck) -> bool:
    """Of somebody inside, about what is to be repaid: nothing else hears of outages."""
    return alert["account_id"] in of.accounts and alert["treatment"] is not None


def _without(outcome: Outcome, of: Struck) -> Outcome:
    """All but what was said of people inside; their revisions must still be whole."""
    left = {k: one for k, one in outcome.alerts.items() if not _is_inside(one, of)}
    return replace(outcome, alerts=left)


def _standing(outcome: Outcome, of: Struck) -> dict[tuple[str, str], Any]:
    """What stands of people inside, and whose doing it is."""
    return {
        (one["entity"]["id"], one["typology"]): (
            one["treatment"]["system_caused"], one["treatment"]["do_not_report"],
        )
        for one in outcome.alerts.values()
        if _is_inside(one, of) and one["status"] in ("open", "updated")
    }  # fmt: skip
