"""What a loop tells the metrics is what they show; health is judged by it; the page stays small."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
import pytest
from prometheus_client import Histogram
from prometheus_client.parser import text_string_to_metric_families

from detector.entering import ENTERED_AS
from detector.events import DISPOSITIONS, KIND_MASK, KINDS, TYPES
from detector.obligation_states import STATES
from detector.stage import EVICTED
from streams import settings
from streams.batch_histogram import BatchHistogram
from streams.faults import Fault
from streams.metrics import SERIES_MAX, Metrics
from streams.replay import load
from streams.service.counting import CONTROL, RESULTS
from streams.service.health import STUCK_S, not_ready, stuck
from streams.service.meters import StageMeters, Vitals
from streams.service.page import Page
from streams.service.partition import Held, Taken
from streams.service.work import Letter, Work

FEEDS = {"x.login.v1": "login", "x.disbursement.v1": "disbursement"}
PLACE = ("x.login.v1", 0)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Message(NamedTuple):
    """As the library gives it, to whoever asks where it lies and when it was appended."""

    at: int
    ms: int

    def topic(self) -> str:
        return PLACE[0]

    def partition(self) -> int:
        return PLACE[1]

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 2, self.ms


class Offset(NamedTuple):
    topic: str
    partition: int
    offset: int


class Remembering:
    """A partition, as far as it is measured."""

    clock_ms = 900_000
    held = Held(7, 7_000, 3, {("overdue_imminent", False): 2, ("debit_failed", True): 1})
    let_go = 0

    def __init__(self) -> None:
        self.findings = (["first_rule", "second_rule"], np.zeros((2, 4), np.int64))
        self.evicted = np.zeros(len(EVICTED), np.int64)
        self.models: dict[str, tuple[int, int]] = {}
        self.examples: dict[tuple[str, str], int] = {}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meters(metrics: Metrics, clock: Clock) -> StageMeters:
    return StageMeters(metrics, "account", FEEDS, clock)


def shown(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"lendwatch_{name}", labels)


def lettered(letters: int) -> Work:
    return Work(letters=[Letter(PLACE[0], 0, 1, None, None, (), "not_json", "")] * letters)


def entered(*told: tuple[str, str]) -> Taken:
    """Events by their kind, and by what the account stage made of each."""
    table = np.zeros((KIND_MASK + 1, len(ENTERED_AS)), np.int64)
    for kind, outcome in told:
        table[KINDS[kind], ENTERED_AS.index(outcome)] += 1
    return made(entered=table)


def alert(revision: int, status: str, occurred_at: int = 990_000) -> dict[str, Any]:
    return {"typology": "sim_swap", "severity": "high", "status": status, "revision": revision,
            "occurred_at": occurred_at, "entity": {"kind": "account", "id": "a"},
            "alert_id": "1"}  # fmt: skip


def decision(outcome: str, score: float, degraded: bool = False) -> dict[str, Any]:
    return {"question": "unauthorized_transfer", "outcome": outcome, "score": score,
            "degraded": degraded}  # fmt: skip


def made(**words: Any) -> Taken:
    return Taken([], [], [], words.get("alerts", []), words.get("decisions", []),
                 entered=words.get("entered"))  # fmt: skip


def test_what_is_committed_is_counted_by_feed_and_by_reason(
    metrics: Metrics, meters: StageMeters
) -> None:
    took = entered(("login_success", "judged"), ("login_failure", "judged"),
                   ("login_failure", "repeat"), ("debit_reversed", "too_late"),
                   ("handled", "keyless"))  # fmt: skip
    meters.committed({0: lettered(2)}, [took, made(), entered(("login_success", "judged"))], [])
    for feed, outcome, count in (
        ("login", "judged", 3),
        ("login", "repeat", 1),
        ("auto_debit", "too_late", 1),
        ("disposition", "keyless", 1),
    ):
        assert shown(metrics, "events_total", feed=feed, outcome=outcome) == count
    assert shown(metrics, "events_total", feed="login", outcome="dead_letter") == 2
    assert shown(metrics, "dead_letters_total", feed="login", reason="not_json") == 2
    assert shown(metrics, "turns_total", stage="account") == 1


def test_what_may_come_to_a_feed_is_there_with_zero_before_anything_came(
    metrics: Metrics, meters: StageMeters
) -> None:
    """Else a burst of dead letters right after a start would be no increase to Prometheus."""
    assert meters.stage == "account"
    for feed in FEEDS.values():
        for outcome in (*ENTERED_AS, "dead_letter"):
            assert shown(metrics, "events_total", feed=feed, outcome=outcome) == 0


def test_a_disposition_counts_by_its_word_and_a_label_where_it_found_its_draw(
    metrics: Metrics, meters: StageMeters
) -> None:
    told = [("label_fraud", "judged"), ("confirmed_fraud", "judged"), ("contacted", "judged"),
            ("contacted", "repeat"), ("label_cleared", "judged")]  # fmt: skip
    meters.committed({}, [entered(*told)], [])
    for word, count in (("confirmed_fraud", 2), ("false_positive", 1), ("contacted", 1),
                        ("handled", 0)):  # fmt: skip
        assert shown(metrics, "dispositions_total", disposition=word) == count
    assert shown(metrics, "labels_total", verdict="fraud") == 1
    assert shown(metrics, "labels_total", verdict="cleared") == 1


def test_an_incident_is_open_until_it_is_over_and_no_other_stage_says_that_there_is_none(
    metrics: Metrics, meters: StageMeters
) -> None:
    assert shown(metrics, "incidents_open", typology="feed_silent") is None
    control = StageMeters(metrics, CONTROL, {})
    assert shown(metrics, "incidents_open", typology="feed_silent") == 0

    def said(*told: tuple[str, str]) -> float | None:
        words = {"typology": "channel_outage", "entity": {"kind": "channel", "id": "bank"}}
        control.committed({}, [made(alerts=[
            alert(2, status) | words | {"alert_id": name} for name, status in told
        ])], [])  # fmt: skip
        return shown(metrics, "incidents_open", typology="channel_outage")

    assert said(("1", "open"), ("2", "open"), ("1", "updated")) == 2
    assert said(("1", "resolved")) == 1
    assert said(("2", "withdrawn"), ("3", "resolved")) == 0
    assert said(("4", "updated")) == 1, "told of before this worker had the stage"
    control.left()
    assert shown(metrics, "incidents_open", typology="channel_outage") == 0


def test_an_alert_counts_once_and_each_of_its_revisions_by_status(
    metrics: Metrics, meters: StageMeters
) -> None:
    meters.committed({}, [made(alerts=[alert(1, "open"), alert(2, "updated")])], [])
    assert shown(metrics, "alerts_total", typology="sim_swap", severity="high") == 1
    assert shown(metrics, "alert_revisions_total", typology="sim_swap", status="updated") == 1
    assert shown(metrics, "alert_delay_seconds_sum", stage="account") == 10.0


def test_decisions_are_counted_by_outcome_and_their_scores_lie_in_their_bounds(
    metrics: Metrics, meters: StageMeters
) -> None:
    said = [decision("approve", 0.005), decision("approve", 0.01), decision("decline", 0.97, True)]
    meters.committed({}, [made(decisions=said)], [])
    words = {"question": "unauthorized_transfer"}
    assert shown(metrics, "decisions_total", outcome="approve", **words) == 2
    assert shown(metrics, "decisions_degraded_total", **words) == 1
    assert shown(metrics, "decision_score_bucket", le="0.01", outcome="approve", **words) == 2
    assert shown(metrics, "decision_score_count", outcome="approve", **words) == 2
    assert shown(metrics, "decision_score_count", outcome="decline", **words) == 1


def test_a_batch_in_a_histogram_is_what_it_is_value_by_value(metrics: Metrics) -> None:
    bounds, rng = (0.1, 0.25, 0.5), np.random.default_rng(5)
    values = [*rng.uniform(0, 0.7, 500).tolist(), *bounds]
    batches = BatchHistogram("many", "of many", ["of"], bounds, metrics.registry)
    singly = Histogram("singly", "one by one", ["of"], buckets=bounds, registry=metrics.registry)
    for part in (values[:100], [], values[100:]):
        batches.observe(("all",), part)
    for value in values:
        singly.labels("all").observe(value)
    for suffix, labels in [("_bucket", {"le": str(one)}) for one in (*bounds, "+Inf")] + [
        ("_count", {}), ("_sum", {})
    ]:  # fmt: skip
        ours, theirs = (metrics.registry.get_sample_value(f"{name}{suffix}", labels | {"of": "all"})
                        for name in ("many", "singly"))  # fmt: skip
        assert ours == pytest.approx(theirs)


def test_lag_is_what_is_known_to_be_there_and_is_not_taken(
    metrics: Metrics, meters: StageMeters, clock: Clock
) -> None:
    meters.assigning()
    meters.assigned([0])
    clock.now_s += 1
    meters.turned({0: Remembering()}, lambda: {PLACE: 40})  # type: ignore[dict-item]
    meters.ended({PLACE: 100})
    clock.now_s += 5
    assert shown(metrics, "lag_records", stage="account", topic=PLACE[0]) == 60
    assert shown(metrics, "lag_seconds", stage="account") == 5
    assert meters.vitals.lag == 60
    clock.now_s += 1
    meters.turned({0: Remembering()}, lambda: {PLACE: 100})  # type: ignore[dict-item]
    meters.ended({PLACE: 100})
    assert shown(metrics, "lag_seconds", stage="account") == 0


def test_a_record_waits_from_its_append_to_its_commit(
    metrics: Metrics, meters: StageMeters, clock: Clock
) -> None:
    meters.read([Message(7, 996_000)])
    assert shown(metrics, "lag_seconds", stage="account") == 4
    meters.committed({}, [], [Offset(*PLACE, 7)])
    assert shown(metrics, "lag_seconds", stage="account") == 4, "offset 7 is read next: not done"
    clock.now_s += 2
    meters.committed({}, [], [Offset(*PLACE, 8)])
    assert shown(metrics, "lag_seconds", stage="account") == 0
    assert shown(metrics, "record_commit_seconds_sum", stage="account") == 6


def test_a_record_that_is_done_and_comes_again_does_not_wait(
    metrics: Metrics, meters: StageMeters
) -> None:
    meters.committed({}, [], [Offset(*PLACE, 8)])
    meters.read([Message(7, 900_000)])
    assert shown(metrics, "lag_seconds", stage="account") == 0
    meters.left()  # whoever has it next may begin before
    meters.read([Message(7, 900_000)])
    assert shown(metrics, "lag_seconds", stage="account") == 100


def test_a_rule_that_never_hit_is_there_with_zero(
    metrics: Metrics, meters: StageMeters, clock: Clock
) -> None:
    one = Remembering()
    one.findings[1][0] = (5, 6, 7, 0)
    for _ in range(2):
        clock.now_s += 1
        meters.turned({0: one}, dict)  # type: ignore[dict-item]
    assert shown(metrics, "findings_total", rule="first_rule", result="abstain") == 7
    for result in RESULTS:
        assert shown(metrics, "findings_total", rule="second_rule", result=result) == 0
    assert shown(metrics, "state_entities", stage="account") == 7
    assert shown(metrics, "obligations") == 3
    for state, answered, count in (("overdue_imminent", "no", 2), ("debit_failed", "yes", 1),
                                   ("debit_failed", "no", 0)):  # fmt: skip
        shows = shown(metrics, "obligations_open", state=state, answered=answered)
        assert shows == count
    assert shown(metrics, "event_time_lag_seconds", stage="account") == 102


def test_what_is_evicted_is_added_up_from_the_first_look_on(
    metrics: Metrics, meters: StageMeters, clock: Clock
) -> None:
    one = Remembering()
    for evicted in (0, 5, 12):
        one.evicted[0] = evicted
        clock.now_s += 1
        meters.turned({0: one}, dict)  # type: ignore[dict-item]
        assert shown(metrics, "evictions_total", stage="account", what="event") == evicted
    assert shown(metrics, "evictions_total", stage="account", what="familiar") == 0


def test_who_has_no_partitions_holds_nothing(
    metrics: Metrics, meters: StageMeters, clock: Clock
) -> None:
    clock.now_s += 1
    meters.turned({0: Remembering()}, dict)  # type: ignore[dict-item]
    meters.left()
    for name in ("state_entities", "state_bytes"):
        assert shown(metrics, name, stage="account") == 0
    assert shown(metrics, "obligations") == 0
    assert shown(metrics, "obligations_open", state="debit_failed", answered="yes") == 0


def test_a_restore_is_seen_while_it_runs_and_after(
    metrics: Metrics, meters: StageMeters, clock: Clock
) -> None:
    assert not_ready({"account": meters.vitals}) == ["account: no partitions assigned"]
    meters.assigning()
    clock.now_s += 90
    assert shown(metrics, "restoring_seconds", stage="account") == 90
    assert not_ready({"account": meters.vitals}) == ["account: state is being read back"]
    meters.assigned([0, 1])
    assert shown(metrics, "restored_seconds", stage="account") == 90
    assert shown(metrics, "partitions", stage="account") == 2
    assert not_ready({"account": meters.vitals}) == []
    meters.left()
    assert not_ready({"account": meters.vitals}) == ["account: no partitions assigned"]


WELL = Vitals(True, False, 0.1, 1.0, 0.2, 0)
LONG_S = STUCK_S + 1


@pytest.mark.parametrize(
    ("is_stuck", "vitals"),
    [
        (False, WELL),
        (True, WELL._replace(turn_age_s=LONG_S)),
        (True, WELL._replace(commit_age_s=LONG_S, lag=5)),
        (False, WELL._replace(commit_age_s=LONG_S)),  # nothing to commit
        (False, WELL._replace(commit_age_s=LONG_S, lag=5, ends_age_s=60)),  # the broker is away
        (False, WELL._replace(turn_age_s=LONG_S, is_restoring=True)),
        (False, WELL._replace(turn_age_s=LONG_S, is_assigned=False)),
    ],
)
def test_a_loop_is_stuck_if_it_could_go_on_and_does_not(is_stuck: bool, vitals: Vitals) -> None:
    assert bool(stuck({"account": vitals})) is is_stuck


@pytest.fixture
def page(metrics: Metrics, meters: StageMeters) -> Iterator[Page]:
    with closing(Page("127.0.0.1", 0, metrics, lambda: {"account": meters.vitals})) as one:
        yield one


def fetched(page: Page, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{page.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_page_tells_health_in_words(page: Page, meters: StageMeters, clock: Clock) -> None:
    assert fetched(page, "/healthz") == (200, "ok\n")
    assert fetched(page, "/readyz") == (503, "account: no partitions assigned\n")
    meters.assigned([0])
    assert fetched(page, "/readyz") == (200, "ok\n")
    assert fetched(page, "/livez") == (200, "ok\n")
    clock.now_s += LONG_S
    status, told = fetched(page, "/livez")
    assert status == 503 and "account: its loop has ended no turn" in told
    assert fetched(page, "/else")[0] == 404


def test_a_page_that_is_full_has_a_bounded_number_of_series_and_is_quick(
    page: Page, metrics: Metrics
) -> None:
    policy, rulebook = load(None, None)
    del policy
    for rule in rulebook.rules:
        for result in RESULTS:
            metrics.findings.labels(rule.id, result)
    for typology in rulebook.typologies:
        for severity in ("info", "low", "medium", "high", "critical"):
            metrics.alerts.labels(typology, severity)
        for status in ("open", "updated", "withdrawn", "resolved"):
            metrics.revisions.labels(typology, status)
    for question in ("unauthorized_transfer", "insufficient_balance"):
        for outcome in ("approve", "review", "challenge", "decline"):
            metrics.scores.observe((question, outcome), [0.5])
            metrics.decisions.labels(question, outcome)
    for feed in TYPES:
        for outcome in (*ENTERED_AS, "dead_letter"):
            metrics.events.labels(feed, outcome)
    for stage in ("account", "device", "network", "payee", CONTROL):
        clock = Clock()
        one = StageMeters(metrics, stage, {f"x.{at}": "login" for at in range(6)}, clock)
        clock.now_s += 1
        one.turned({0: Remembering()}, dict)  # type: ignore[dict-item]
        one.assigned([0])
        one.committed({}, [made(alerts=[alert(1, "open")])], [])
        one.spent("judge", 0.1)
        one.spent("write", 0.1)
        metrics.record_commit.labels(stage)
    for feed in ("login", "identity_verification", "disbursement", "auto_debit", "disposition"):
        for reason in ("not_json", "unknown_type", "missing_field", "wrong_type", "out_of_range",
                       "future_timestamp", "too_large"):  # fmt: skip
            metrics.dead_letters.labels(feed, reason)
    took_s = []
    for _ in range(9):
        began_s = time.perf_counter()
        status, text = fetched(page, "/metrics")
        took_s.append(time.perf_counter() - began_s)
        assert status == 200
    families = list(text_string_to_metric_families(text))
    series = [one for family in families for one in family.samples]
    print(f"{len(series)} series, {sorted(took_s)[4] * 1e3:.1f} ms a scrape")
    assert 500 < len(series) <= SERIES_MAX
    assert {one.labels["disposition"] for one in series if "disposition" in one.labels} == {
        *DISPOSITIONS
    }
    assert {one.labels["state"] for one in series if "state" in one.labels} == {*STATES}
    assert sorted(took_s)[4] <= 0.05
    names = {family.name for family in families}
    assert all(name.startswith(("lendwatch_", "process_")) for name in names)


def test_counting_a_full_turn_costs_under_three_hundredths_of_its_time(
    meters: StageMeters,
) -> None:
    """4,096 events at 40,000 a second are 100 ms; a third of them are decided."""
    judged = [(one, "judged") for one in ("login_success", "disbursement_requested", "handled")]
    taken = [
        entered(*judged * 1_365),
        made(decisions=[decision("approve", 0.2)] * 1_365, alerts=[alert(1, "open")] * 5),
    ]
    took_s = []
    for at in range(21):
        message, began_s = Message(at, 1_000_000), time.perf_counter()
        meters.read([message])
        meters.spent("judge", 0.1)
        meters.committed({0: lettered(1)}, taken, [Offset(*PLACE, at + 1)])
        meters.turned({0: Remembering()}, dict)  # type: ignore[dict-item]
        took_s.append(time.perf_counter() - began_s)
    print(f"{sorted(took_s)[10] * 1e3:.2f} ms a turn of 4,096 events")
    assert sorted(took_s)[10] < 0.003


@pytest.mark.parametrize(
    ("argument", "variable", "found"),
    [
        (None, None, None),
        (None, "0", None),
        (None, "9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:9464", "1", ("0.0.0.0", 9464)),
        ("[::1]:9464", None, ("::1", 9464)),
    ],
)
def test_the_page_is_on_loopback_unless_told(
    argument: str | None, variable: str | None, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is None:
        monkeypatch.delenv("LENDWATCH_METRICS_PORT", raising=False)
    else:
        monkeypatch.setenv("LENDWATCH_METRICS_PORT", variable)
    assert settings.metrics_address(argument) == found


def test_an_address_that_cannot_be_had_is_a_fault_with_a_cure(page: Page, metrics: Metrics) -> None:
    with pytest.raises(Fault, match="LENDWATCH_METRICS_PORT"):
        Page("127.0.0.1", page.port, metrics, dict)
    for told in ("9464", "host:99999", "a b:1"):
        with pytest.raises(Fault, match="--metrics"):
            settings.metrics_address(told)
