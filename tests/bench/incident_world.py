"""Sixty days of borrowers, and two hours in which one bank's channel is down.

`python -m tests.bench.incident_world [--accounts N --days N --seed N]` simulates the world, lays
the outage over it, replays it, and prints what became of all whose debit failed or was not tried.
Exit status 1 where a promise is broken: one incident; nobody inside it is alerted while it lasts,
nor for what it did; every failed or untried obligation has ended, or is under an open alert, before
its `overdue_at`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.obligation_alerts import alert_id_of
from streams.replay import Options, replay
from streams.simulate import simulate
from streams.simulate.outages import Laid, Outage
from streams.simulate.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS

FAILED = frozenset({
    "insufficient_balance", "partial", "channel_error", "mandate_invalid", "account_frozen",
})  # fmt: skip
ENDED = frozenset({"success", "settled"})


@dataclass(slots=True)
class Seen:
    """One obligation, as its events tell."""

    account: str
    due_ms: int
    overdue_ms: int
    tried: bool = False
    failed: bool = False
    ended_ms: int | None = None
    alert_id: str = ""
    openings: list[tuple[int, int]] = field(default_factory=list)  # of its alert: from, until


def obligations(log: Path) -> dict[str, Seen]:
    """Every obligation of a log."""
    found: dict[str, Seen] = {}
    ids = Ids()
    for line in log.open("rb"):
        if b'"auto_debit"' not in line:
            continue
        event = orjson.loads(line)
        name, word = event["obligation_id"], event["outcome"]
        one = found.get(name)
        if one is None:
            one = Seen(event["account_id"], event["due_at"], event["overdue_at"])
            one.alert_id = alert_id_of((ids.hash(one.account), ids.hash(name)))
            found[name] = one
        one.tried |= word != "scheduled"
        one.failed |= word in FAILED
        if word in ENDED and one.ended_ms is None:
            one.ended_ms = event["occurred_at"]
    return found


def alerts_of(run: Path) -> Iterator[dict[str, Any]]:
    """The alerts of a run."""
    with (run / "alerts.jsonl").open("rb") as file:
        yield from map(orjson.loads, file)


def incident_in_words(alert: dict[str, Any], outage: Outage) -> str:
    """An incident beside what was laid."""
    told = {reason["code"]: reason["observed"] for reason in alert["reasons"]}
    began = (told["incident_began"] - outage.from_ms) / MINUTE_MS
    end = (told.get("incident_ended", 0) - outage.until_ms) / MINUTE_MS
    seen = (alert["opened_at"] - outage.from_ms) / MINUTE_MS
    return (
        f"{alert['typology']} {alert['entity']['id']} {alert['status']}, revision "
        f"{alert['revision']}: told {seen:.0f} min after it began, its beginning {began:+.0f} min, "
        f"its end {end:+.0f} min; {alert['reasons'][0]['text']}"
    )


def broken(folder: Path, accounts: int, days: int, seed: int) -> list[str]:
    """Which promises are broken; prints the figures."""
    quiet = simulate(folder / "world", seed, accounts, days, "small")
    start_ms = START_MS + (days * 2 // 3) * DAY_MS + 9 * HOUR_MS
    outage = Outage("channel", "bank-a", start_ms, start_ms + 2 * HOUR_MS, 1.0, untried=0.2)
    laid, log = Laid(outage, seed), folder / "events.jsonl"
    with log.open("wb") as out, quiet.events.open("rb") as told:
        out.writelines(line.rstrip() + b"\n" for line in laid.over(told))
    summary = replay(Options([str(log)], folder / "run", as_of_ms=TIME_MAX_MS)).summary
    seen = obligations(log)
    by_alert = {one.alert_id: one for one in seen.values()}
    incidents: dict[str, dict[str, Any]] = {}
    inside = {seen[name].alert_id for name in laid.failed | laid.untried}
    hit = {seen[name].alert_id for name in laid.failed}
    pressed, count = 0, 0
    for alert in alerts_of(folder / "run"):
        if alert["typology"] in ("channel_outage", "provider_outage", "provider_fail_open"):
            incidents[alert["alert_id"]] = alert
        if alert["alert_id"] not in by_alert:
            continue
        one, is_open = by_alert[alert["alert_id"]], alert["status"] in ("open", "updated")
        if is_open:
            one.openings.append((alert["occurred_at"], 1 << 62))
        else:
            one.openings = [(at, min(end, alert["occurred_at"])) for at, end in one.openings]
        if alert["alert_id"] in inside and is_open and one.openings[0][0] >= outage.from_ms:
            count += 1
            lasts = alert["occurred_at"] < outage.until_ms
            is_hit = alert["alert_id"] in hit and not alert["treatment"]["system_caused"]
            pressed += lasts or is_hit
    ended, open_in_time, left = 0, 0, []
    last_ms = summary["last_event_at"]
    for name, one in seen.items():
        if one.overdue_ms > last_ms or (one.tried and not one.failed and name not in laid.untried):
            continue
        if one.ended_ms is not None and one.ended_ms <= one.overdue_ms:
            ended += 1
        elif any(at < one.overdue_ms <= end for at, end in one.openings):
            open_in_time += 1
        else:
            left.append(name)
    print(
        f"{summary['events']['total']:,} events, seed {seed}, {summary['wall_seconds']:.0f} s; "
        f"hit: {len(laid.failed):,} attempts failed, {len(laid.untried):,} were not made"
    )
    for alert in incidents.values():
        print(incident_in_words(alert, outage))
    print(
        f"people inside: {len(inside):,}; revisions about them afterwards: {count}; "
        f"that press them for it: {pressed}"
    )
    print(
        f"failed or untried obligations: {ended + open_in_time + len(left):,}; ended before "
        f"overdue_at {ended:,}, under an open alert {open_in_time:,}, neither {len(left)}"
    )
    faults = [] if len(incidents) == 1 else [f"{len(incidents)} incidents, one was laid"]
    faults += [f"{pressed} alerts press people inside"] if pressed else []
    return faults + ([f"{len(left)} obligations unsaid, such as {left[:3]}"] if left else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        faults = broken(Path(folder), asked.accounts, asked.days, asked.seed)
    print("\n".join(faults) or "kept")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
