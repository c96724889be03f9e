"""What would have cleared a rule: the smallest changes of one column after which it does not hit.

All other columns stay as they were. Where both sides of every comparison are made of + - * / alone,
their difference is a fraction of two polynomials in the column, and the condition is constant
between neighbouring roots of these: asking once at each root and once between any two tells all
there is to know. A column inside anything else (ABS, GREATEST, a CASE that is a number) is not
solved, and said to be so. Changes of several columns at once are not looked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

import numpy as np

from detector.expression_tree import Node

Values = Mapping[str, float]  # a column that is not there is NULL, as is NaN
Polynomial = tuple[float, ...]  # coefficients, that of the constant first
NULL: Final = math.nan
ONE: Final[Polynomial] = (1.0,)
_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda x, y: x == y, "<>": lambda x, y: x != y, "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y, ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
}  # fmt: skip
_RECKONED: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y,
    "/": lambda x, y: x / y if y else NULL,
}  # fmt: skip
_OF_KNOWN: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "coalesce": lambda known: known[0], "greatest": max, "least": min,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A column that, changed alone, makes the condition not TRUE.

    Of a number: `relation` ("<", "<=", ">", ">=", "=") to `bound`, the nearest that does; `until`
    is where it would be TRUE again further on, None if nowhere. `against` is what the bound was
    compared with, where the column stands alone on its side. Of a word or a flag: `relation` is
    "in", and `choices` are those that do.
    """

    column: str
    value: float
    relation: str
    bound: float = NULL
    until: float | None = None
    against: Node | None = None
    choices: tuple[float, ...] = ()

    @property
    def size(self) -> float:
        """How far it is, as a share of the value; a word or a flag has no measure: the farthest."""
        if self.relation == "in":
            return math.inf
        return abs(self.bound - self.value) / max(1.0, abs(self.value))


@dataclass(frozen=True, slots=True)
class Clearing:
    """All single changes, the smallest first; and the columns that could not be solved for."""

    changes: tuple[Change, ...]
    unsolved: tuple[str, ...]


def clearing(
    tree: Node,
    values: Values,
    choices: Mapping[str, Sequence[float]] | None = None,
    lows: Mapping[str, float] | None = None,
) -> Clearing:
    """What would have cleared a condition that is TRUE over these values.

    `choices`: the values that a flag can have (the words of an enumeration are known). `lows`: the
    least that a number can be. NULLs and conditions of their own (`covered`) stay as they are.
    """
    changes: list[Change] = []
    unsolved: list[str] = []
    columns = {node.name: node for node in tree.walk() if node.op == "column"}
    for name, node in columns.items():
        if node.kind == "boolean" or math.isnan(values.get(name, NULL)):
            continue
        known = (choices or {}).get(name) or tuple(float(code) for code in node.codes.values())
        if known:
            changes += _chosen(tree, values, name, known)
            continue
        found = _moved(tree, values, name, (lows or {}).get(name, -math.inf))
        if found is None:
            unsolved.append(name)
        else:
            changes += found
    return Clearing(tuple(sorted(changes, key=lambda change: change.size)), tuple(unsolved))


def value_of(node: Node, values: Values) -> float:
    """The value of an expression over one row, as the compiled machine has it; NaN for NULL."""
    op, children = node.op, node.children
    if op == "column":
        return values.get(node.name, NULL)
    if op == "constant":
        return node.value
    if op == "case":
        return _case(children, values)
    if op in ("and", "or"):
        return _joined(op, [value_of(child, values) for child in children])
    if op in ("in", "between"):
        return _joined("or" if op == "in" else "and", [value_of(n, values) for n in atoms(node)])
    parts = [value_of(child, values) for child in children]
    if op in _OF_KNOWN:
        known = [part for part in parts if not math.isnan(part)]
        return _OF_KNOWN[op](known) if known else NULL
    if op == "is null":
        return 1.0 if math.isnan(parts[0]) else 0.0
    if any(math.isnan(part) for part in parts):
        return NULL
    if op in _COMPARED:
        return 1.0 if _COMPARED[op](*parts) else 0.0
    if op in _RECKONED:
        found = _RECKONED[op](*parts)
        return found if math.isfinite(found) else NULL
    return {"not": 1.0 - parts[0], "negative": -parts[0], "abs": abs(parts[0])}[op]


def atoms(node: Node) -> list[Node]:
    """The comparisons that a node is or, as IN and BETWEEN, stands for; none of other nodes."""
    first, rest = node.children[:1], node.children[1:]
    if node.op == "in":
        return [Node("=", "boolean", (*first, word)) for word in rest]
    if node.op == "between":
        ends = zip((">=", "<="), rest, strict=True)
        return [Node(op, "boolean", (*first, end)) for op, end in ends]
    return [node] if node.op in _COMPARED else []


def _case(children: Sequence[Node], values: Values) -> float:
    for at in range(0, len(children) - 1, 2):
        if value_of(children[at], values) == 1.0:
            return value_of(children[at + 1], values)
    return value_of(children[-1], values) if len(children) % 2 else NULL


def _joined(op: str, parts: Sequence[float]) -> float:
    alone = 0.0 if op == "and" else 1.0
    if alone in parts:
        return alone
    return NULL if any(math.isnan(part) for part in parts) else 1.0 - alone


def _chosen(tree: Node, values: Values, name: str, known: Sequence[float]) -> list[Change]:
    cleared = tuple(
        choice for choice in known
        if choice != values[name] and value_of(tree, {**values, name: choice}) != 1.0
    )  # fmt: skip
    return [Change(name, values[name], "in", choices=cleared)] if cleared else []


def _moved(tree: Node, values: Values, name: str, low: float) -> list[Change] | None:
    """The nearest clearing range below and above; None where a comparison is no fraction."""
    roots: dict[float, Node | None] = {}
    for atom in (atom for node in tree.walk() for atom in atoms(node)):
        edges = _edges(atom, name, values)
        if edges is None:
            return None
        roots |= dict.fromkeys(edges, _other_side(atom, name))
    at, found = values[name], []
    for way, beyond in ((-1, "<"), (1, ">")):
        edges = sorted((r for r in roots if r >= low and (r - at) * way >= 0), reverse=way < 0)
        pieces = [
            (edge, is_point, value_of(tree, {**values, name: x}) != 1.0)
            for edge, is_point, x in _probes(edges, at, way, low)
        ]
        start = next((place for place, piece in enumerate(pieces) if piece[2]), None)
        if start is None:
            continue
        bound, is_point, _ = pieces[start]
        end = next((place for place in range(start, len(pieces)) if not pieces[place][2]), None)
        relation = beyond + "=" if is_point else beyond
        if is_point and end == start + 1:
            relation = "="
        until = None if end is None or relation == "=" else pieces[end][0]
        found.append(Change(name, at, relation, bound, until, roots[bound]))
    return found


def _probes(
    edges: Sequence[float], at: float, way: int, low: float
) -> Iterator[tuple[float, bool, float]]:
    """Each edge, and each gap beyond one: the edge, whether it is the edge itself, where to ask."""
    for place, edge in enumerate(edges):
        if edge != at:
            yield edge, True, edge
        last = low if way < 0 else math.inf
        after = edges[place + 1] if place + 1 < len(edges) else last
        if edge != after:
            yield edge, False, _middle(edge, after)


def _middle(one: float, other: float) -> float:
    if math.isinf(other):
        return one + math.copysign(max(1.0, abs(one)), other)
    return (one + other) / 2


def _edges(atom: Node, name: str, values: Values) -> list[float] | None:
    """Where the truth of a comparison may change along one column; None if it is no fraction."""
    if name not in atom.columns():
        return []
    sides = [_fraction(side, name, values) for side in atom.children]
    if sides[0] is None or sides[1] is None:
        return None
    (a, b), (c, d) = sides[0], sides[1]
    return [*_roots(_sum(_product(a, d), _product(c, b), -1.0)), *_roots(_product(b, d))]


def _fraction(node: Node, name: str, values: Values) -> tuple[Polynomial, Polynomial] | None:
    """A number as numerator and denominator over one column; None where it is none."""
    if node.op == "column" and node.name == name:
        return (0.0, 1.0), ONE
    if name not in node.columns():
        return (value_of(node, values),), ONE
    if node.op != "negative" and node.op not in _RECKONED:
        return None
    parts = [_fraction(child, name, values) for child in node.children]
    if parts[0] is None or parts[-1] is None:
        return None
    (a, b), (c, d) = parts[0], parts[-1]
    if node.op == "negative":
        return _product(a, (-1.0,)), b
    if node.op == "*":
        return _product(a, c), _product(b, d)
    if node.op == "/":
        return _product(a, d), _product(b, c)
    sign = 1.0 if node.op == "+" else -1.0
    return _sum(_product(a, d), _product(c, b), sign), _product(b, d)


def _sum(one: Polynomial, other: Polynomial, sign: float) -> Polynomial:
    return tuple(x + sign * y for x, y in zip_longest(one, other, fillvalue=0.0))


def _product(one: Polynomial, other: Polynomial) -> Polynomial:
    found = [0.0] * (len(one) + len(other) - 1)
    for i, x in enumerate(one):
        for j, y in enumerate(other):
            found[i + j] += x * y
    return tuple(found)


def _roots(polynomial: Polynomial) -> list[float]:
    """The real roots; those of a line, which most are, to the last digit."""
    if not all(map(math.isfinite, polynomial)):
        return []  # something in it is not known, wherever the column moves
    while polynomial and polynomial[-1] == 0.0:
        polynomial = polynomial[:-1]
    if len(polynomial) == 2:
        return [-polynomial[0] / polynomial[1]]
    if len(polynomial) < 2:
        return []
    return [float(root.real) for root in np.roots(polynomial[::-1]) if abs(root.imag) < 1e-9]


def _other_side(atom: Node, name: str) -> Node | None:
    left, right = atom.children
    for own, other in ((left, right), (right, left)):
        if own.op == "column" and own.name == name and name not in other.columns():
            return other
    return None
