"""Boosted shallow trees: fitted to a bounded memory of labelled examples, scored by compiled code.

Second-order gradient boosting on histograms with logistic loss (Friedman 2001; Chen and Guestrin
2016), trees of a fixed depth as in He et al. 2014 ("Practical lessons from predicting clicks"). An
input that is not known (NaN) counts as lower than any other. Sums run in one fixed order on one
core, so that the same examples give the same bits. Compiled code here calls only what stands in
this module: numba keeps what it compiled by a module's own file.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.jit import allocating, compiled

DEPTH: Final = 4
NODES: Final = (1 << DEPTH) - 1  # that split, level by level
LEAVES: Final = 1 << DEPTH
TREES: Final = 100
BINS: Final = 64  # 0: not known
RATE: Final = 0.1  # how much of each tree's answer is taken
RIDGE: Final = 1.0  # added to the curvature of a leaf
CURVATURE_MIN: Final = 1.0  # of a leaf
NOT_SPLIT: Final = np.float32(np.inf)


class ForestWeights(msgspec.Struct, frozen=True):
    """What a forest is: numbers. Trees one after another, the nodes of each level by level."""

    inputs: list[str]
    base: float  # log-odds before any tree
    features: list[int]  # trees x NODES
    thresholds: list[float | None]  # trees x NODES: at most this goes left; None: all goes left
    leaves: list[float]  # trees x LEAVES, log-odds
    usual: list[float | None]  # an input: its median over negatives; None: mostly not known


class Forest:
    """Trees ready to score."""

    def __init__(self, weights: ForestWeights) -> None:
        """ValueError if the weights are not of one shape."""
        trees, rest = divmod(len(weights.leaves), LEAVES)
        nodes = trees * NODES
        if rest or len(weights.features) != nodes or len(weights.thresholds) != nodes:
            raise ValueError("leaves, features, thresholds: not of as many trees; write it anew")
        if len(weights.usual) != len(weights.inputs):
            raise ValueError("usual: not one an input; write it anew")
        if nodes and not 0 <= min(weights.features) <= max(weights.features) < len(weights.inputs):
            raise ValueError("features: names an input that is not there; write it anew")
        self.weights = weights
        self._features = np.array(weights.features, np.int16)
        told = [np.inf if x is None else x for x in weights.thresholds]
        self._thresholds = np.array(told, np.float32)
        self._leaves = np.array(weights.leaves, np.float64)
        known = [np.nan if x is None else x for x in weights.usual]
        self.usual = np.array(known, np.float32)

    def lifts(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """By how much each input lifts a row's log-odds above what they were with its usual value.

        The others stay as they are, so these do not add up to anything.
        """
        rows = np.repeat(row[np.newaxis], len(row) + 1, axis=0)
        np.fill_diagonal(rows, self.usual)
        margins = self.margins(rows)
        lifts: NDArray[np.float64] = margins[-1] - margins[:-1]
        return lifts

    def margins(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """The log-odds of each row of inputs (n, inputs), each row by itself."""
        out = np.empty(len(inputs))
        _score(inputs, self._features, self._thresholds, self._leaves, self.weights.base, out)
        return out


def fit(
    names: list[str], inputs: NDArray[np.float32], labels: NDArray[np.bool_],
) -> ForestWeights:  # fmt: skip
    """The forest of some examples: inputs (n, names), labels (n), of both kinds.

    Raises:
        ValueError: there is no example of one of the two labels.
    """
    positives = int(labels.sum())
    if not 0 < positives < len(labels):
        raise ValueError("labels: examples of both kinds are needed")
    edges = bin_edges(inputs)
    base = math.log(positives / (len(labels) - positives))
    features = np.zeros(TREES * NODES, np.int16)
    cuts = np.full(TREES * NODES, BINS, np.int16)
    leaves = np.zeros(TREES * LEAVES)
    binned = _binned(inputs, edges)
    _boost(binned, labels, np.full(len(labels), base), features, cuts, leaves)
    thresholds = _thresholds(edges, features, cuts)
    told = [None if np.isposinf(x) else float(x) for x in thresholds]
    usual = _usual(inputs[~labels])
    return ForestWeights(names, base, features.tolist(), told, leaves.tolist(), usual)


def _usual(negatives: NDArray[np.float32]) -> list[float | None]:
    """The lower median of each column, what is not known being lowest."""
    ordered = np.sort(np.nan_to_num(negatives, nan=-np.inf), axis=0)
    middle = ordered[(len(ordered) - 1) // 2].tolist()
    return [None if x == -math.inf else x for x in middle]


def bin_edges(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(inputs, BINS - 1): what lies at most at edge k is in a bin up to k + 1; padded with inf."""
    edges = np.full((inputs.shape[1], BINS - 1), np.inf, np.float32)
    for column in range(inputs.shape[1]):
        known = np.sort(inputs[~np.isnan(inputs[:, column]), column])
        if len(known):
            places = (np.arange(1, BINS - 1) * len(known)) // (BINS - 1)
            cut = np.unique(known[places])
            edges[column, : len(cut)] = cut
    return edges


def _thresholds(
    edges: NDArray[np.float32], features: NDArray[np.int16], cuts: NDArray[np.int16]
) -> NDArray[np.float32]:
    """A node's cut (the last bin that goes left) as a value."""
    thresholds = np.full(len(cuts), NOT_SPLIT)
    split = cuts < BINS
    values = edges[features[split], np.maximum(cuts[split] - 1, 0)]
    lowest = np.float32(np.finfo(np.float32).min)  # bin 0 alone goes left: what is not known
    thresholds[split] = np.where(cuts[split] == 0, lowest, values)
    return thresholds


@allocating
def _binned(inputs: NDArray[np.float32], edges: NDArray[np.float32]) -> NDArray[np.uint8]:
    out = np.empty(inputs.shape, np.uint8)
    for i in range(inputs.shape[0]):
        for f in range(inputs.shape[1]):
            x = inputs[i, f]
            low, high = 0, edges.shape[1]
            while low < high:
                middle = (low + high) // 2
                if edges[f, middle] < x:
                    low = middle + 1
                else:
                    high = middle
            out[i, f] = 0 if np.isnan(x) else low + 1
    return out


@compiled
def _best_split(
    hist: NDArray[np.float64], whole_g: float, whole_h: float
) -> tuple[float, int, int]:  # fmt: skip
    """Gain, input and last bin that goes left of one node's histogram (inputs, BINS, 2)."""
    best, feature, cut = 1e-9, 0, BINS
    parent = whole_g * whole_g / (whole_h + RIDGE)
    for f in range(hist.shape[0]):
        g, h = 0.0, 0.0
        for b in range(BINS - 1):
            g += hist[f, b, 0]
            h += hist[f, b, 1]
            if h < CURVATURE_MIN:
                continue
            if whole_h - h < CURVATURE_MIN:
                break
            other = whole_g - g
            gain = g * g / (h + RIDGE) + other * other / (whole_h - h + RIDGE) - parent
            if gain > best:
                best, feature, cut = gain, f, b
    return best, feature, cut


@allocating
def _boost(
    binned: NDArray[np.uint8], labels: NDArray[np.bool_], margins: NDArray[np.float64],
    features: NDArray[np.int16], cuts: NDArray[np.int16], leaves: NDArray[np.float64],
) -> None:  # fmt: skip
    """Grow TREES trees, one after another, each level by level; margins are moved along."""
    n, inputs = binned.shape
    node = np.zeros(n, np.int64)
    gradients, curvatures = np.empty(n), np.empty(n)
    hist = np.empty((LEAVES // 2, inputs, BINS, 2))
    sums = np.empty((LEAVES, 2))
    for tree in range(TREES):
        for i in range(n):
            p = 1.0 / (1.0 + math.exp(-margins[i]))
            gradients[i] = p - (1.0 if labels[i] else 0.0)
            curvatures[i] = p * (1.0 - p)
            node[i] = 0
        for level in range(DEPTH):
            width = 1 << level
            hist[:width] = 0.0
            for i in range(n):
                own = hist[node[i]]
                for f in range(inputs):
                    own[f, binned[i, f], 0] += gradients[i]
                    own[f, binned[i, f], 1] += curvatures[i]
            for k in range(width):
                at = tree * NODES + width - 1 + k
                g, h = 0.0, 0.0
                for b in range(BINS):
                    g += hist[k, 0, b, 0]
                    h += hist[k, 0, b, 1]
                _, features[at], cuts[at] = _best_split(hist[k], g, h)
            for i in range(n):
                at = tree * NODES + width - 1 + node[i]
                node[i] = 2 * node[i] + (1 if binned[i, features[at]] > cuts[at] else 0)
        sums[:] = 0.0
        for i in range(n):
            sums[node[i], 0] += gradients[i]
            sums[node[i], 1] += curvatures[i]
        for k in range(LEAVES):
            leaves[tree * LEAVES + k] = -RATE * sums[k, 0] / (sums[k, 1] + RIDGE)
        for i in range(n):
            margins[i] += leaves[tree * LEAVES + node[i]]


@compiled
def _score(
    inputs: NDArray[np.float32], features: NDArray[np.int16], thresholds: NDArray[np.float32],
    leaves: NDArray[np.float64], base: float, out: NDArray[np.float64],
) -> None:  # fmt: skip
    for i in range(inputs.shape[0]):
        total = base
        for tree in range(len(leaves) // LEAVES):
            first, k = tree * NODES, 0
            for _ in range(DEPTH):
                x = inputs[i, features[first + k]]
                k = 2 * k + (2 if x > thresholds[first + k] else 1)  # NaN goes left
            total += leaves[tree * LEAVES + k - NODES]
        out[i] = total
