"""`make quality ARGS="... --attacks"`: what the models lose when somebody works against them.

Each attack changes the log, not what is true: recall is that of the honest log's frauds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from tests.quality.budget import alerts_of
from tests.quality.judged import Judged
from tests.quality.measures import DAY_MS, average_precision, curve, top_of_days

Event = dict[str, Any]
FALSE_ALARMS: Final = 0.01  # the share of honest draws at which recall is read
FLIPPED: Final = 0.1
TAUGHT: Final = 0.05  # of all events
TEACHERS: Final = 60
CROWD: Final = 1_000  # teachers who share one payee and one device
RAMPS: Final = 20
RAMP_A_DAY: Final = 1.02
RAMP_BUDGETS: Final = (2.0, 20.0, 100.0)  # alerts of models for 10,000 draws
RAMP_FROM: Final = 0.75  # of the honest p99
ATTACKER: Final = "attacker-"
SEED: Final = 23


def flooded(events: list[Event]) -> Iterator[Event]:
    """A twentieth of all events: accounts that draw as frauds do and call it their own."""
    yield from _taught(events, TEACHERS, {})


def crowded(events: list[Event]) -> Iterator[Event]:
    """The same by so many accounts that none says much, all to one payee and from one device."""
    yield from _taught(events, CROWD, {"payee_id": f"{ATTACKER}p", "device_id": f"{ATTACKER}d"})


def _taught(events: list[Event], teachers: int, own: Event) -> Iterator[Event]:
    draw = np.random.default_rng(SEED)
    bad = frauds(events)
    models = [event for event in events if event["event_id"] in bad]
    many = round(TAUGHT * len(events) / (1.0 - TAUGHT) / 2)  # a draw and its word each
    for k, at in enumerate(np.sort(draw.integers(0, len(models), many)).tolist()):
        model, name = models[at], f"{ATTACKER}{k}"
        account = f"{ATTACKER}{draw.integers(teachers)}"
        yield {**model, **own, "event_id": name, "disbursement_id": name, "account_id": account}
        yield {
            "type": "disposition", "event_id": f"{name}-word", "account_id": account,
            "occurred_at": model["occurred_at"] + DAY_MS, "target_event_id": name,
            "disposition": "customer_confirmed",
        }  # fmt: skip


def ramped(events: list[Event]) -> Iterator[Event]:
    """Accounts that draw two per cent more each day, never labelled, to a payee of their own."""
    draws = [event for event in events if event["type"] == "disbursement"]
    start = RAMP_FROM * p99_of(events)
    first = draws[0]["occurred_at"] // DAY_MS
    for day in range(draws[-1]["occurred_at"] // DAY_MS - first):
        for n in range(RAMPS * 2):
            name = f"{ATTACKER}{day}-{n}"
            at_ms = (first + day) * DAY_MS + (n + 10) * DAY_MS // (RAMPS * 2 + 20)
            yield {
                **draws[0], "event_id": name, "disbursement_id": name, "occurred_at": at_ms,
                "account_id": f"{ATTACKER}{n % RAMPS}", "payee_id": f"{ATTACKER}{n % RAMPS}",
                "amount_minor": round(start * RAMP_A_DAY**day),
            }  # fmt: skip


def withheld(event: Event) -> Event | None:
    """Nobody ever says anything."""
    return None if event["type"] == "disposition" else event


def flipped(event: Event) -> Event:
    """A tenth of all words says the contrary."""
    if event["type"] == "disposition" and _share(event["event_id"]) < FLIPPED:
        return {**event, "disposition": "false_positive"}
    return event


def accused(events: list[Event]) -> Iterator[Event]:
    """As many honest draws, called frauds a week later."""
    bad = frauds(events)
    honest = [e for e in events if e["type"] == "disbursement" and e["event_id"] not in bad]
    draw = np.random.default_rng(SEED)
    for at in np.sort(draw.choice(len(honest), round(FLIPPED * len(bad)), replace=False)).tolist():
        event = honest[at]
        yield {
            "type": "disposition", "event_id": f"{event['event_id']}-accused",
            "account_id": event["account_id"], "occurred_at": event["occurred_at"] + 7 * DAY_MS,
            "target_event_id": event["event_id"], "disposition": "confirmed_fraud",
        }  # fmt: skip


Change = Callable[[Event], Event | None]
Addition = Callable[[list[Event]], Iterator[Event]]
ATTACKS: Final[dict[str, tuple[Change | None, Addition | None]]] = {
    "no attack": (None, None),
    "no label ever": (withheld, None),
    "a tenth of labels flipped": (flipped, accused),
    "a twentieth of events teaches": (None, flooded),
    "the same, one payee and device": (None, crowded),
    "a ramp of 2 % a day": (None, ramped),
}


def attacked(lines: list[bytes], name: str) -> list[bytes]:
    """The log under an attack, in order of time."""
    change, add = ATTACKS[name]
    events: list[Event] = [orjson.loads(line) for line in lines]
    added = list(add(events)) if add is not None else []
    if change is not None:
        events = [one for event in events if (one := change(event)) is not None]
    both = sorted(events + added, key=lambda event: event["occurred_at"])
    return [orjson.dumps(event) for event in both]


def frauds(events: list[Event]) -> set[str]:
    """The draws that were fraud, by event id."""
    return {e["target_event_id"] for e in events if e.get("disposition") == "confirmed_fraud"}


def p99_of(events: list[Event]) -> float:
    """The honest draws' amount that one in a hundred passes, minor units."""
    bad = frauds(events)
    amounts = [e["amount_minor"] for e in events
               if e["type"] == "disbursement" and e["event_id"] not in bad]  # fmt: skip
    return float(np.quantile(amounts, 0.99))


def show_attack(name: str, of: Judged, cut_ms: int) -> None:
    """One line: recall of each part at one false alarm in a hundred honest draws; a ramp's end."""
    is_honest = np.array([not account.startswith(ATTACKER) for account in of.accounts])
    test = is_honest & (of.times_ms >= cut_ms)
    labels = of.labels[test]
    told = "".join(
        f"{_recall(np.nan_to_num(part[test]), labels):12.3f}"
        for part in (of.anomaly, of.supervised, of.scores)
    )
    precision = average_precision(of.scores[test], labels)
    print(f"{name:32}{told}{precision:9.3f}", flush=True)
    if name.startswith("a ramp"):
        _show_ramp(of, is_honest)


def _recall(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    hits, alarms = curve(scores, labels)
    x = np.concatenate(([0.0], alarms / alarms[-1]))
    return float(np.interp(FALSE_ALARMS, x, np.concatenate(([0.0], hits / hits[-1]))))


def _show_ramp(of: Judged, is_honest: NDArray[np.bool_]) -> None:
    """At how many times the honest p99 each ramp is first among a day's hundred highest draws, or
    an alert of the models."""
    days = of.times_ms // DAY_MS - of.times_ms[0] // DAY_MS
    rows = np.arange(len(days))
    ways = {"among a day's 100 highest": top_of_days(of.scores, of.times_ms, 100)}
    for budget in RAMP_BUDGETS:
        ways[f"alert at {budget:g} in 10,000"] = alerts_of(of, rows, budget / 10_000.0)
    for way, found in ways.items():
        caught: dict[str, float] = {}
        for row in np.flatnonzero(found & ~is_honest).tolist():
            caught.setdefault(of.accounts[row], RAMP_FROM * RAMP_A_DAY ** int(days[row]))
        at = sorted(caught.values())
        told = f"; {at[len(at) // 2]:.2f} times p99 (median), {at[-1]:.2f} (last)" if at else ""
        print(f"    {way}: {len(at)} of {RAMPS} ramps{told}")


def _share(text: str) -> float:
    """A number from 0 to 1 that is the same for the same text."""
    return (sum(text.encode()) * 2_654_435_761 % 4_294_967_296) / 4_294_967_296
