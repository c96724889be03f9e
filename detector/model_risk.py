"""`model_risk`: alerts of what the models alone found, where no rule has hit (law 27c)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook
from detector.alerts import Hit, Scope
from detector.entering import Rows
from detector.events import ACCOUNT
from detector.models.wording import in_words
from detector.records import AlertWriter, Versions, number
from detector.rulebook import Rulebook
from detector.rules import Typology
from detector.subjects import Subjects

if TYPE_CHECKING:  # river is slow to import
    from detector.models.draws import Risk

TYPOLOGY: Final = "model_risk"
PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "supervised": ("Supervised model", "监督模型"), "anomaly": ("Anomaly model", "异常模型"),
}  # fmt: skip
RESULTS: Final = ("hit", "clear", "abstain", "error")


class ModelRisk:
    """Folds what the models found into alerts of accounts. A book of its own: a draw is judged by
    models once, and nothing that comes late takes it back."""

    def __init__(
        self, rulebook: Rulebook, book: AlertBook, subjects: Subjects, writer: AlertWriter,
        versions: Versions,
    ) -> None:  # fmt: skip
        self.book = book
        self._typology: Typology | None = rulebook.typologies.get(TYPOLOGY)
        self._raised_score = rulebook.parameters.get(f"{TYPOLOGY}.raised_score", 1.0)
        self._subjects, self._writer, self._versions = subjects, writer, versions
        self._alerts: list[tuple[int, dict[str, Any]]] = []
        self._results: Counter[str] = Counter()

    def judge(
        self, rows: Rows, row: int, risks: Sequence[Risk] | None, score: float, version: int
    ) -> tuple[str, dict[str, Hit]]:
        """Take what the models found of a draw: the alert's id and the hits; "" where none.

        `risks` None: nothing could be said. `score`: the decision's.
        """
        if self._typology is None:
            return "", {}
        self._results["abstain" if risks is None else "hit" if risks else "clear"] += 1
        if not risks:
            return "", {}
        subject = self._subjects.own(row)
        is_raised = score >= self._raised_score
        hits = {
            f"{TYPOLOGY}.{risk.part}": _hit(
                self._typology, risk, version, subject.currency or "", is_raised=is_raised
            )
            for risk in risks
        }  # fmt: skip
        words: NDArray[np.int64] = rows.words[row]
        account = int(words[ACCOUNT])
        scope = Scope(TYPOLOGY, "account", account, account)
        alert, revision = self.book.hit(scope, subject.account_id, subject, hits)
        if revision is not None:
            record = self._writer.record(revision, "account")
            record["versions"] = self._versions.of_models(version)
            self._alerts.append((row, record))
        return alert.alert_id, hits

    def take_alerts(self) -> list[tuple[int, dict[str, Any]]]:
        """The revisions since this was last asked, with the rows that made them."""
        alerts, self._alerts = self._alerts, []
        return alerts

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each result came, as of a rule; empty where the rulebook has no model_risk."""
        if self._typology is None:
            return {}
        return {TYPOLOGY: {name: self._results[name] for name in RESULTS}}


def _hit(
    typology: Typology, risk: Risk, version: int, currency: str, *, is_raised: bool
) -> Hit:  # fmt: skip
    told = [in_words(one, currency) for one in risk.carried]
    texts = (typology.text, typology.text_zh)
    said = [text.format(score=risk.score, threshold=risk.threshold) for text in texts]
    name, name_zh = PARTS[risk.part]
    reason = {
        "code": f"{TYPOLOGY}.{risk.part}",
        "text": f"{name}: {said[0]}; above all {'; '.join(en for en, _ in told) or 'nothing'}",
        "text_zh": f"{name_zh}：{said[1]}；主要依据：{'；'.join(zh for _, zh in told) or '无'}",
        "model": f"{risk.part}@{version}",
        "observed": number(risk.score), "normal": None, "threshold": number(risk.threshold),
    }  # fmt: skip
    severity = typology.raised_severity if is_raised else typology.severity
    actions = typology.raised_actions if is_raised else typology.actions
    return Hit(
        str(reason["code"]), version, TYPOLOGY, "account", severity or typology.severity,
        actions or typology.actions, reason, (),
    )  # fmt: skip
