"""What ours are set beside: LightGBM trained in batch, river's models used plainly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from river import anomaly, forest, linear_model, preprocessing

from tests.quality.judged import Judged

UNKNOWN: Final = -5.0  # what river's models read where an input is not known
SUPERVISED: Final[dict[str, Callable[[], Any]]] = {
    "river logistic regression": lambda: (
        preprocessing.StandardScaler() | linear_model.LogisticRegression()
    ),
    "river adaptive random forest, 10": lambda: forest.ARFClassifier(n_models=10, seed=1),
}
ANOMALY: Final[dict[str, Callable[[], Any]]] = {
    "river half-space trees": lambda: (
        preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=25, height=8, seed=1)
    ),
    "river LODA": lambda: preprocessing.StandardScaler() | anomaly.LODA(seed=1),
}


def batch(of: Judged, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A plain LightGBM (its defaults, 300 trees of rate .05), fitted once on `train`."""
    settings = {"objective": "binary", "learning_rate": 0.05, "verbose": -1, "seed": 1,
                "num_threads": 2, "deterministic": True}  # fmt: skip
    data = lightgbm.Dataset(of.inputs[train], label=of.labels[train].astype(float))
    model = lightgbm.train(settings, data, num_boost_round=300)
    return np.asarray(model.predict(of.inputs[test]), np.float64)


def online(
    make: Callable[[], Any], of: Judged, delay_ms: int, cut_ms: int, negatives: float
) -> NDArray[np.float64]:
    """A supervised river model with labels `delay_ms` late, by its scores from `cut_ms` on.

    `negatives`: the share of them that it is taught.
    """
    model, draw = make(), np.random.default_rng(1)
    rows = [dict(zip(of.names, row, strict=True)) for row in _told(of).tolist()]
    scores, learnt = [], 0
    for k, time in enumerate(of.times_ms.tolist()):
        while of.times_ms[learnt] + delay_ms <= time:
            if of.labels[learnt] or draw.random() < negatives:
                model.learn_one(rows[learnt], bool(of.labels[learnt]))
            learnt += 1
        if time >= cut_ms:
            scores.append(model.predict_proba_one(rows[k]).get(True, 0.0))
    return np.array(scores, np.float64)


def without_labels(
    make: Callable[[], Any], of: Judged, cut_ms: int, columns: list[str]
) -> NDArray[np.float64]:
    """An anomaly model of river over some inputs, scoring each row before it learns it."""
    model, places = make(), [of.names.index(name) for name in columns]
    scores = []
    told = _told(of)[:, places].tolist()
    for row, time in zip(told, of.times_ms.tolist(), strict=True):
        x = dict(zip(columns, row, strict=True))
        if time >= cut_ms:
            scores.append(model.score_one(x))
        model.learn_one(x)
    return np.array(scores, np.float64)


def _told(of: Judged) -> NDArray[np.float64]:
    return np.nan_to_num(of.inputs.astype(np.float64), nan=UNKNOWN)
