"""Every metric of the service, declared once: names, units, labels, bounds.

Prometheus gets symptoms and sums. A label is one of a small set that the code or the rulebook
names; no id of a person, account, event or alert ever is one. A worker's page has at most
`SERIES_MAX` series, whatever it has seen. Alerts themselves go to their topic.

What cannot be told yet: how far scores of models drift, and how much is left of the budget for what
they alone hold against somebody. Models are told of where they are used (`run --models learn`) and
learnt. Incidents are told by the control stage; a worker without it shows none. Nothing is
suppressed: what a rule in shadow finds is among the findings.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)  # fmt: skip
from prometheus_client.process_collector import ProcessCollector

from streams.batch_histogram import BatchHistogram

Metric = TypeVar("Metric", Counter, Gauge, Histogram)
SERIES_MAX: Final = 2_000
# About the promises (0.25 s and 1 s for an event, event to alert), and up to where it is a fault.
SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
SCORES: Final = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        # Else each counter and histogram has a series more, of when it began: nobody asks.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._of_process()
        self._of_pipeline()
        self._of_kafka()
        self._of_state()
        self._of_detection()
        self._of_models()

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        made = Counter(f"lendwatch_{name}", help_text, labels, registry=self.registry)
        return _remembering(made)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return _remembering(Gauge(f"lendwatch_{name}", help_text, labels, registry=self.registry))

    def _seconds(self, name: str, help_text: str, *labels: str) -> Histogram:
        made = Histogram(
            f"lendwatch_{name}_seconds", help_text, labels,
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        return _remembering(made)

    def _of_process(self) -> None:
        self.build = Info("lendwatch_build", "What runs", registry=self.registry)
        self.rulebook = Info("lendwatch_rulebook", "By what it judges", registry=self.registry)

    def _of_pipeline(self) -> None:
        self.events = self._counter(
            "events", "Records of the inputs that were committed, by what was made of them",
            "feed", "outcome",
        )  # fmt: skip
        self.blocks = self._counter("blocks", "Blocks of earlier stages committed", "stage")
        self.turns = self._counter("turns", "Transactions that were committed", "stage")
        self.turn = self._seconds("turn", "What a turn spent its time on", "stage", "step")
        self.record_commit = self._seconds(
            "record_commit", "From a record's append to its commit, one record a read", "stage"
        )
        self.alert_delay = BatchHistogram(
            "lendwatch_alert_delay_seconds", "From an event's own time to its alert's commit",
            ("stage",), SECONDS, self.registry,
        )  # fmt: skip
        self.clock_lag = self._gauge(
            "event_time_lag_seconds", "Behind now, by event time: the slowest partition", "stage"
        )

    def _of_kafka(self) -> None:
        self.lag_records = self._gauge("lag_records", "Records not committed", "stage", "topic")
        self.lag_seconds = self._gauge(
            "lag_seconds", "For how long the oldest record that is not committed waits", "stage"
        )
        self.partitions = self._gauge("partitions", "Partitions assigned", "stage")
        self.rebalances = self._counter("rebalances", "Assignments received", "stage")
        self.begun_anew = self._counter("begun_anew", "Lives ended by what Kafka said", "stage")
        self.aborted = self._counter("transactions_aborted", "Transactions undone", "stage")
        self.restoring = self._gauge(
            "restoring_seconds", "How long the restore that runs has taken; 0: none runs", "stage"
        )
        self.restored = self._gauge("restored_seconds", "What the last restore took", "stage")
        self.commit_age = self._gauge(
            "commit_age_seconds", "Since the last commit, or since partitions came", "stage"
        )
        self.turn_age = self._gauge("turn_age_seconds", "Since the loop's last turn", "stage")
        self.dead_letters = self._counter(
            "dead_letters", "Records that are no event", "feed", "reason"
        )

    def _of_state(self) -> None:
        self.entities = self._gauge("state_entities", "Entities remembered", "stage")
        self.bytes_used = self._gauge("state_bytes", "Bytes that entities hold", "stage")
        self.evictions = self._counter(
            "evictions", "What memory let go of: events of full rings, entries of full familiar"
            " sets, entities that nothing reached for long", "stage", "what",
        )  # fmt: skip
        self.obligations = self._gauge("obligations", "Obligations remembered")
        self.obligations_open = self._gauge(
            "obligations_open", "Obligations whose alert stands; answered: somebody acted since"
            " the latest failure", "state", "answered",
        )  # fmt: skip
        self.erasures = self._counter("erasures", "Accounts erased", "stage")

    def _of_detection(self) -> None:
        self.findings = self._counter("findings", "Results of rules", "rule", "result")
        self.alerts = self._counter("alerts", "Alerts opened", "typology", "severity")
        self.revisions = self._counter(
            "alert_revisions", "Revisions of alerts by what became of them", "typology", "status"
        )
        self.incidents = self._gauge(
            "incidents_open", "Incidents told of that are not over, of channels, providers, feeds",
            "typology",
        )  # fmt: skip
        self.dispositions = self._counter(
            "dispositions", "What people found or did", "disposition"
        )  # fmt: skip
        self.labels = self._counter(
            "labels", "Verdicts that found their draw, so that memory learns from them", "verdict"
        )
        self.decisions = self._counter("decisions", "Decisions", "question", "outcome")
        self.degraded = self._counter(
            "decisions_degraded", "Decisions made without all of their inputs", "question"
        )
        self.scores = BatchHistogram(
            "lendwatch_decision_score", "Scores of decisions", ("question", "outcome"), SCORES,
            self.registry,
        )  # fmt: skip

    def _of_models(self) -> None:
        self.model_version = self._gauge(
            "model_version", "Number of the newest version that scores, 0: none", "question"
        )
        self.model_age = self._gauge(
            "model_age_seconds", "Since the hour from which that may score, by event time: the"
            " oldest of the partitions", "question",
        )  # fmt: skip
        self.model_versions = self._counter(
            "model_versions", "Versions that the learner published", "question"
        )
        self.model_examples = self._gauge(
            "model_examples", "Labelled examples that the learner keeps", "question", "label"
        )
        self.lessons_waiting = self._gauge(
            "lessons_waiting", "Lessons that wait until all before them are there"
        )
        self.lessons_let_go = self._gauge(
            "lessons_let_go", "Draws of which nobody told in time what they were judged by"
        )


def _remembering(metric: Metric) -> Metric:
    """The metric, with what `labels` gave remembered: finding a child anew, under a lock, is what
    most of the counting cost."""
    metric.labels = cache(metric.labels)  # type: ignore[method-assign]
    return metric
