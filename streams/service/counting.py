"""What a stage committed and what its memory let go of, counted for the metrics.

By turn and by batch, never by event or by entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.control_plan import TYPOLOGIES
from detector.entering import ENTERED_AS, REPEAT
from detector.events import DISPOSITIONS, KINDS, KINDS_OF_TYPE
from detector.memory import STAGES
from detector.obligation_states import STATES
from detector.stage import EVICTED
from streams.metrics import Metrics
from streams.service.partition import Held, Partition, Taken
from streams.service.work import Work
from streams.topics import LEARNER

if TYPE_CHECKING:  # river is slow to import
    from detector.models.learner import Version

DEAD_LETTER: Final = "dead_letter"  # an outcome beside ENTERED_AS
RESULTS: Final = ("hit", "clear", "abstain", "error")
VERDICTS: Final = {"fraud": KINDS["label_fraud"], "cleared": KINDS["label_cleared"]}
# A verdict that found its draw has become a label.
KINDS_OF: Final = {name: [KINDS[name]] for name in DISPOSITIONS} | {
    "confirmed_fraud": [KINDS["confirmed_fraud"], VERDICTS["fraud"]],
    "false_positive": [KINDS["false_positive"], VERDICTS["cleared"]],
}
CONTROL: Final = "control"  # the stage that tells of incidents
DECIDED_BY: Final = {"insufficient_balance": STAGES[0], "unauthorized_transfer": STAGES[-1]}
INCIDENT_KINDS: Final = ("channel", "provider", "feed")  # of entities


class Counting:
    """Of one stage. `feeds`: what each input topic is called."""

    def __init__(self, metrics: Metrics, stage: str, feeds: Mapping[str, str]) -> None:
        self.stage = stage
        self._metrics, self._feeds = metrics, feeds
        self._results: NDArray[np.int64] | None = None
        self._evicted: NDArray[np.int64] | None = None
        self._incidents: dict[str, str] = {}  # typologies of those open, by alert
        if stage == STAGES[0]:  # what is first seen at 1 is no increase, what never was no silence
            for feed in KINDS_OF_TYPE.keys() & set(feeds.values()):
                for outcome in (*ENTERED_AS, DEAD_LETTER):
                    metrics.events.labels(feed, outcome)
            for name in DISPOSITIONS:
                metrics.dispositions.labels(name)
            for verdict in VERDICTS:
                metrics.labels.labels(verdict)
        if stage == CONTROL:  # elsewhere a zero would say that somebody watches
            for typology in (*TYPOLOGIES.values(), "feed_silent"):
                metrics.incidents.labels(typology)

    def work(self, works: Iterable[Work]) -> None:
        """Work that was taken in."""
        shown = self._metrics
        for work in works:
            for (topic, reason), count in Counter(
                (one.topic, one.reason) for one in work.letters
            ).items():
                feed = self._feeds[topic]
                shown.events.labels(feed, DEAD_LETTER).inc(count)
                shown.dead_letters.labels(feed, reason).inc(count)
            if work.values:
                shown.blocks.labels(self.stage).inc(len(work.values))
            if work.erased:
                shown.erasures.labels(self.stage).inc(len(work.erased))

    def entered(self, taken: Iterable[Taken]) -> None:
        """Events that the account stage took, by feed and by what was made of them."""
        shown = self._metrics
        tables = [one.entered for one in taken if one.entered is not None]
        if not tables:
            return
        table = np.sum(tables, axis=0)
        for feed, (first, last) in KINDS_OF_TYPE.items():
            counts = table[first : last + 1].sum(axis=0).tolist()
            for outcome, count in zip(ENTERED_AS, counts, strict=True):
                if count:
                    shown.events.labels(feed, outcome).inc(count)
        told = (table.sum(axis=1) - table[:, REPEAT]).tolist()
        for name, kinds in KINDS_OF.items():
            if count := sum(told[kind] for kind in kinds):
                shown.dispositions.labels(name).inc(count)
        for verdict, kind in VERDICTS.items():
            if told[kind]:
                shown.labels.labels(verdict).inc(told[kind])

    def alerts(self, alerts: Sequence[Mapping[str, Any]], now_s: float) -> None:
        """Alerts that were written, at a time."""
        shown = self._metrics
        revisions = Counter((one["typology"], one["status"]) for one in alerts)
        for labels, count in revisions.items():
            shown.revisions.labels(*labels).inc(count)
        opened = [one for one in alerts if one["revision"] == 1]
        for labels, count in Counter((one["typology"], one["severity"]) for one in opened).items():
            shown.alerts.labels(*labels).inc(count)
        delays_s = [max(0.0, now_s - one["occurred_at"] / 1_000) for one in opened]
        shown.alert_delay.observe((self.stage,), delays_s)
        for alert in alerts:
            if alert["entity"]["kind"] in INCIDENT_KINDS:
                self._incident(alert)

    def _incident(self, alert: Mapping[str, Any]) -> None:
        self._incidents.pop(alert["alert_id"], None)
        if alert["status"] in ("open", "updated"):
            self._incidents[alert["alert_id"]] = alert["typology"]
        self._metrics.incidents.labels(alert["typology"]).set(
            sum(one == alert["typology"] for one in self._incidents.values())
        )

    def decisions(self, decisions: Sequence[Mapping[str, Any]]) -> None:
        """Decisions that were written."""
        shown = self._metrics
        scores: dict[tuple[str, str], list[float]] = {}
        degraded: Counter[str] = Counter()
        for one in decisions:
            question = one["question"]
            scores.setdefault((question, one["outcome"]), []).append(one["score"])
            degraded[question] += one["degraded"]
        for labels, values in scores.items():
            shown.decisions.labels(*labels).inc(len(values))
            shown.scores.observe(labels, values)
        for question, count in degraded.items():
            if count:
                shown.degraded.labels(question).inc(count)

    def memory(self, owned: Mapping[int, Partition]) -> None:
        """What partitions hold, what rules found, what was let go of; of some partitions."""
        self._hold([one.held for one in owned.values()])
        self._models(owned)
        if self.stage == LEARNER:
            self._lessons(owned)
        one = next(iter(owned.values()))  # these are counts of all partitions
        rules, results = one.findings
        before, self._results = self._results, results.copy()
        self._add(self._metrics.findings, list(rules), RESULTS, results, before)
        evicted = one.evicted
        before, self._evicted = self._evicted, evicted.copy()
        self._add(
            self._metrics.evictions, [self.stage], EVICTED, evicted[None, :],
            None if before is None else before[None, :],
        )  # fmt: skip

    def _models(self, owned: Mapping[int, Partition]) -> None:
        """What scores where this stage decides; a question is told of by the stage that decides."""
        oldest: dict[str, tuple[int, float]] = {}
        for one in owned.values():
            for question, (number, since_ms) in one.models.items():
                age_s = max(0.0, (one.clock_ms - since_ms) / 1_000)
                known = oldest.get(question, (number, 0.0))
                oldest[question] = min(known[0], number), max(known[1], age_s)
        for question, (number, age_s) in oldest.items():
            if DECIDED_BY[question] == self.stage:
                self._metrics.model_version.labels(question).set(number)
                self._metrics.model_age.labels(question).set(age_s)

    def _lessons(self, owned: Mapping[int, Partition]) -> None:
        """What the learner keeps, and what waits."""
        for one in owned.values():
            for labels, count in one.examples.items():
                self._metrics.model_examples.labels(*labels).set(count)
            self._metrics.lessons_waiting.set(one.held.entities)
            self._metrics.lessons_let_go.set(one.let_go)

    def versions(self, versions: Iterable[Version]) -> None:
        """Versions of models that were published."""
        for one in versions:
            self._metrics.model_versions.labels(one.question).inc()

    @staticmethod
    def _add(
        counter: Any, rows: Sequence[str], columns: Sequence[str], now: NDArray[np.int64],
        before: NDArray[np.int64] | None,
    ) -> None:  # fmt: skip
        """What was added; at first also the zeros: what never happened is to be seen."""
        added = (now if before is None else now - before).tolist()
        for row, counts in zip(rows, added, strict=True):
            for column, count in zip(columns, counts, strict=True):
                if count or before is None:
                    counter.labels(row, column).inc(count)

    def left(self) -> None:
        """Nothing is held any more: whoever has the partitions next tells of them."""
        self._hold([])
        for typology in set(self._incidents.values()):
            self._metrics.incidents.labels(typology).set(0)
        self._incidents = {}

    def _hold(self, held: Sequence[Held]) -> None:
        shown = self._metrics
        shown.entities.labels(self.stage).set(sum(one.entities for one in held))
        shown.bytes_used.labels(self.stage).set(sum(one.bytes_used for one in held))
        if self.stage != STAGES[0]:
            return
        shown.obligations.set(sum(one.obligations or 0 for one in held))
        standings: Counter[tuple[str, bool]] = Counter()
        for one in held:
            standings.update(one.standings or {})
        for state in STATES:
            for is_answered, word in ((False, "no"), (True, "yes")):
                shown.obligations_open.labels(state, word).set(standings[state, is_answered])
