"""Who is inside an outage: held, tagged, freed, tagged late (law 25a')."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from detector.ids import Ids
from detector.obligation_steps import NEVER_MS
from detector.obligations import Obligations
from detector.outages import Fact
from detector.parts import Parts
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.schema import AutoDebit
from tests.detector.attempts import DAY, HOUR, MINUTE, START_MS, Record, debit, told

PERSONAL = "insufficient_balance"  # the family


def steady(days: tuple[int, ...] = (3, 2)) -> list[Record]:
    """A channel that works: a hundred attempts an hour and one error; something each half a day."""
    times = [-day * DAY + n * 24_000 for day in days for n in range(150)]
    times += [-36 * HOUR, -24 * HOUR, -12 * HOUR, -MINUTE]
    return [
        debit(9_000 + n, START_MS + at, "bank", "channel_error" if n % 100 == 50 else "success")
        for n, at in enumerate(sorted(times)) if n % 100 != 50
    ]  # fmt: skip


def outage(minutes: int, first: int = 0) -> list[Record]:
    """All attempts of these minutes fail, three a minute; each is made good two hours later."""
    failed = [
        debit(n, START_MS + (first * 60 + n * 20 + 1) * 1000, "bank", "channel_error")
        for n in range(3 * minutes)
    ]
    return failed + [step(one, 2 * HOUR, "success") for one in failed]


def works(first: int, minutes: int) -> list[Record]:
    """All attempts of these minutes succeed."""
    return [
        debit(5_000 + n, START_MS + (first * 60 + n * 20 + 1) * 1000, "bank", "success")
        for n in range(3 * minutes)
    ]


def step(one: Record, after_ms: int, outcome: str) -> Record:
    """A later step of the same obligation."""
    return one | {
        "event_id": f"{one['event_id']}+{after_ms}", "occurred_at": one["occurred_at"] + after_ms,
        "outcome": outcome, "attempt": one["attempt"] + 1,
        "amount_debited_minor": 1_000 if outcome == "success" else 0,
    }  # fmt: skip


def person(at_min: float, outcome: str = "channel_error") -> Record:
    return debit(7_777, START_MS + round(at_min * MINUTE), "bank", outcome)


def in_order(*parts: list[Record]) -> list[Record]:
    return sorted((one for part in parts for one in part), key=lambda one: one["occurred_at"])


def of_people(alerts: list[Record]) -> list[Record]:
    return [one for one in alerts if one["family"] == PERSONAL]


def incidents(alerts: list[Record]) -> list[str]:
    return [one["status"] for one in alerts if one["typology"] == "channel_outage"]


def test_nobody_inside_an_outage_is_alerted_when_it_is_made_good() -> None:
    said = told(
        in_order(steady(), outage(30), works(30, 90)), [100], 24, START_MS + 10 * DAY
    )  # fmt: skip
    assert of_people(said) == []
    told_of = incidents(said)
    assert (told_of[0], told_of[-1]) == ("open", "resolved")
    assert told_of.count("open") == told_of.count("resolved") == 1


def test_a_failure_after_an_outage_waits_for_its_end_and_is_the_systems() -> None:
    first = person(10)
    events = in_order(
        steady(), outage(30), works(30, 90), [first, step(first, 15 * MINUTE, PERSONAL)]
    )
    said = told(events, [100], 24, START_MS + 3 * HOUR)
    (alert,) = of_people(said)
    assert alert["typology"] == "debit_failed"
    assert START_MS + 29 * MINUTE <= alert["occurred_at"] <= START_MS + 35 * MINUTE
    assert alert["treatment"]["system_caused"] and alert["treatment"]["do_not_report"]


def test_who_is_not_tried_again_is_missed_four_hours_after_the_end() -> None:
    said = told(
        in_order(steady(), outage(120), works(120, 200), [person(3)]), [100], 24, START_MS + DAY
    )
    (alert,) = of_people(said)
    ended = next(
        reason["observed"] for one in reversed(said) if one["typology"] == "channel_outage"
        for reason in one["reasons"] if reason["code"] == "incident_ended"
    )  # fmt: skip
    assert alert["typology"] == "debit_missed"
    assert alert["occurred_at"] == ended + 4 * HOUR
    assert abs(ended - START_MS - 120 * MINUTE) <= 2 * MINUTE


def test_an_outage_that_becomes_clear_late_tags_whom_it_held() -> None:
    first = person(10)
    own = [first, step(first, 15 * MINUTE, PERSONAL)]
    late = outage(40)
    quiet = works(60, 60)
    said = told(in_order(steady(), own, quiet) + late, [50], 24, START_MS + 5 * HOUR)
    told_of = [one for one in of_people(said) if one["account_id"] == first["account_id"]]
    assert [one["treatment"]["system_caused"] for one in told_of] == [False, True]
    assert [one["status"] for one in told_of] == ["open", "updated"]


def test_an_outage_that_late_events_explain_away_frees_whom_it_held() -> None:
    first = person(10)
    own = [first, step(first, 15 * MINUTE, PERSONAL)]
    events = in_order(steady(), outage(8), own, works(60, 60))
    explained = [
        debit(20_000 + n, START_MS + n * 250 + 1, "bank", "success") for n in range(4 * 60 * 30)
    ]
    said = told(events + explained, [997], 24, START_MS + 3 * HOUR)
    assert incidents(said)[-1] == "withdrawn"
    told_of = [one for one in of_people(said) if one["account_id"] == first["account_id"]]
    assert told_of[-1]["typology"] == "debit_failed"
    assert not told_of[-1]["treatment"]["system_caused"]


def test_an_outage_that_goes_on_never_lets_anybody_become_overdue_unsaid() -> None:
    due = person(10) | {"overdue_at": START_MS + 8 * HOUR}
    many = [debit(n, START_MS + n * 20_000 + 1, "bank", "channel_error") for n in range(3 * 60 * 9)]
    said = told(in_order(steady(), many, [due]), [500], 24, START_MS + 8 * HOUR + MINUTE)
    mine = [one for one in of_people(said) if one["account_id"] == due["account_id"]]
    assert [one["typology"] for one in mine] == ["debit_missed", "overdue"]
    assert mine[0]["occurred_at"] < due["overdue_at"]
    assert all(one["treatment"]["do_not_report"] for one in mine)


# -- the final standing rests on the intervals alone, whenever they are heard of


def life(rng: random.Random, n: int) -> list[AutoDebit]:
    at, steps = START_MS, []
    due = START_MS + rng.randrange(0, 6) * HOUR
    for number in range(rng.randrange(1, 6)):
        at += rng.randrange(5, 200) * MINUTE
        word = rng.choice(("scheduled", "channel_error", "channel_error", PERSONAL, PERSONAL))
        raw = debit(n, at, "bank", word) | {
            "event_id": f"e{n}.{number}", "due_at": due, "overdue_at": due + 60 * HOUR,
        }  # fmt: skip
        del raw["type"]
        steps.append(AutoDebit(**raw))
    return steps


def facts(rng: random.Random) -> Iterator[Fact]:
    """Two outages, each told as open, then with its end, perhaps moved or withdrawn."""
    for name, first in (("one", 30), ("two", 400)):
        start = START_MS + (first + rng.randrange(100)) * MINUTE
        yield Fact(name, "bank", start, NEVER_MS, False)
        end = start + rng.randrange(60, 300) * MINUTE
        yield Fact(name, "bank", start, end, False)
        if rng.random() < 0.4:
            yield Fact(name, "bank", start - 20 * MINUTE, end, rng.random() < 0.3)


def standing_of(lives: list[list[AutoDebit]], heard: list[tuple[int, Fact]]) -> dict[int, Any]:
    """What stands two days on, where each fact is heard at its time."""
    policy = load_policy()
    parts = Parts(load_rulebook(None, policy), policy, Ids())
    obligations: Obligations = parts.repayment().obligations
    moments: list[tuple[int, int, Any]] = [(at, 1, fact) for at, fact in heard]
    moments += [(one.occurred_at, 0, (n, one)) for n, steps in enumerate(lives) for one in steps]
    clock = START_MS
    for at, _, what in sorted(moments, key=lambda one: one[:2]):
        clock = max(clock, at)
        while obligations.fire_before(clock) is not None:
            pass
        if isinstance(what, Fact):
            obligations.hear([what], clock)
        else:
            n, event = what
            obligations.debit((n + 1, n + 1), event, 1, 0.0, clock, is_judged=True)
    while obligations.fire_before(START_MS + 2 * DAY) is not None:
        pass
    found = {}
    for n in range(len(lives)):
        one = obligations.of((n + 1, n + 1))
        assert one is not None
        found[n] = one.said[0:1] + one.said[2:] if one.is_open and one.said else None
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_stands_in_the_end_does_not_depend_on_when_outages_are_heard_of(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    lives = [life(rng, n) for n in range(120)]
    told_of = list(facts(rng))
    at_once = [(START_MS, fact) for fact in told_of]
    late = [(START_MS + 40 * HOUR + n, fact) for n, fact in enumerate(told_of)]
    spread = sorted(rng.randrange(40 * HOUR) for _ in told_of)
    between = [(START_MS + at, fact) for at, fact in zip(spread, told_of, strict=True)]
    expected = standing_of(lives, late)
    assert standing_of(lives, at_once) == expected
    assert standing_of(lives, between) == expected
    assert standing_of(lives, []) != expected, "these outages would concern nobody"
