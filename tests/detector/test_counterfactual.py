"""What would have cleared a rule: held against every value on a grid, and against the machine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.counterfactual import Change, clearing, value_of
from detector.expression_syntax import parse_condition
from detector.expression_tree import Node
from detector.expressions import STACK_MAX, compile_expressions, evaluate
from tests.detector.random_expressions import INDEX, SCOPE, Writer, random_rows

GRID = [half / 2 for half in range(-41, 42)]
NUMBERS = ("x", "y", "z", "sure", "may", "might")


def tree_of(sql: str) -> Node:
    return parse_condition(sql, SCOPE)


def test_a_value_is_the_compiled_machines_value() -> None:
    writer = Writer(1)
    trees = [tree_of(writer.condition(3)[0]) for _ in range(150)]
    rows = random_rows(np.random.default_rng(2), 20)
    programs = compile_expressions(trees, INDEX)
    stack = np.empty(STACK_MAX), np.empty(STACK_MAX, np.uint8)
    causes = np.zeros(rows.shape, np.uint8)
    for row, cause in zip(rows, causes, strict=True):
        values = dict(zip(INDEX, row.tolist(), strict=True))
        for place, tree in enumerate(trees):
            expected = evaluate(
                programs.ops, programs.args, programs.consts, programs.starts[place],
                programs.starts[place + 1], row, cause, *stack,
            )  # fmt: skip
            found = value_of(tree, values)
            assert found == expected or (math.isnan(found) and math.isnan(expected))


def fits(change: Change, x: float) -> bool:
    """Whether a value is one that the change speaks of."""
    if change.relation == "=":
        return x == change.bound
    way = -1 if change.relation.startswith("<") else 1
    ahead = (x - change.bound) * way
    until = change.until
    within = until is None or (until - x) * way > 0 or (x == change.bound != until)
    return within and (ahead > 0 or (ahead == 0 and change.relation.endswith("=")))


def is_between(change: Change, x: float) -> bool:
    """Whether a value lies nearer than what the change speaks of, on its side."""
    low, high = sorted((change.value, change.bound))
    return low < x < high


@pytest.mark.parametrize("seed", range(4))
def test_no_value_of_the_grid_knows_better(seed: int) -> None:
    writer, rng = Writer(seed), np.random.default_rng(seed)
    solved = 0
    for _ in range(120):
        tree = tree_of(writer.condition(2)[0])
        row = rng.choice([*GRID, math.nan], len(INDEX))
        values = dict(zip(INDEX, row.tolist(), strict=True))
        values |= {"owner": float(rng.integers(1, 4)), "covered": 1.0, "kind": 1.0}
        if value_of(tree, values) != 1.0:
            continue
        found = clearing(tree, values)
        for name in (n for n in NUMBERS if n in tree.columns() and n not in found.unsolved):
            changes = [change for change in found.changes if change.column == name]
            clears = {x: value_of(tree, {**values, name: x}) != 1.0 for x in GRID}
            if math.isnan(values[name]):
                assert changes == []
                continue
            solved += bool(changes)
            for x in GRID:
                spoken = [c for c in changes if fits(c, x)]
                if spoken and all(abs(x - c.bound) > 1e-9 for c in spoken):
                    assert clears[x], (x, spoken)
                side = [c for c in changes if (c.bound - c.value) * (x - c.value) > 0]
                if clears[x] and not any(abs(x - c.bound) < 1e-9 for c in changes):
                    assert side or any(c.bound == c.value for c in changes), (x, changes)
                    assert not any(is_between(c, x) for c in side), (x, side)
    assert solved > 10


def one(sql: str, **values: float) -> list[Change]:
    return list(clearing(tree_of(sql), values).changes)


def test_the_smallest_change_comes_first_and_says_what_bounds_it() -> None:
    first, second = one("x >= 2 * y", x=5, y=2)
    assert (first.column, first.relation, first.bound, first.until) == ("x", "<", 4.0, None)
    assert first.against is not None and first.against.columns() == ("y",)
    assert (second.column, second.relation, second.bound) == ("y", ">", 2.5)
    assert second.against is None


def test_a_column_in_two_ways_to_hit_must_leave_both() -> None:
    (change,) = one("x >= 10 OR x >= 4", x=12)
    assert (change.relation, change.bound) == ("<", 4.0)
    assert one("x >= 10 OR sure >= 4", x=12, sure=5) == []


def test_a_range_that_ends_is_told_to_its_end() -> None:
    above, below = one("x <> 3 AND NOT x BETWEEN 6 AND 8", x=5)
    assert (below.relation, below.bound) == ("=", 3.0)
    assert (above.relation, above.bound, above.until) == (">=", 6.0, 8.0)


def test_words_and_flags_change_to_others_of_their_kind() -> None:
    (change,) = one("owner = 'other'", owner=2)
    assert (change.relation, change.choices) == ("in", (1.0, 3.0))
    tree = tree_of("flag = 0 AND x > 1")
    found = clearing(tree, {"flag": 0.0, "x": 2.0}, choices={"flag": (0.0, 1.0)})
    assert {change.column: change.choices for change in found.changes} == {"flag": (1.0,), "x": ()}


def test_what_cannot_be_is_not_proposed() -> None:
    tree = tree_of("x < 4 AND x >= 0")
    above, below = clearing(tree, {"x": 3.0}).changes
    assert (above.relation, below.relation) == (">=", "<")
    assert [c.relation for c in clearing(tree, {"x": 3.0}, lows={"x": 0.0}).changes] == [">="]


def test_what_is_not_known_stays_so_and_what_cannot_be_solved_is_said() -> None:
    assert one("x > 1 OR y > 1", x=math.nan, y=2) == [
        Change("y", 2.0, "<=", 1.0, None, Node("constant", "number", value=1.0))
    ]
    found = clearing(tree_of("x > 1 AND ABS(z) > 1"), {"x": 4.0, "z": 2.0})
    assert found.unsolved == ("z",) and [change.column for change in found.changes] == ["x"]


def test_a_ratio_is_solved_to_its_poles() -> None:
    found = clearing(tree_of("x / y >= 2 * (z - x) / (10 - y)"), {"x": 4.0, "y": 2.0, "z": 6.0})
    assert found.unsolved == ()
    bounds = {(c.column, c.relation): c.bound for c in found.changes}
    assert bounds["y", ">"] == pytest.approx(5.0)  # 4 / 5 = 2 * 2 / 5
    assert bounds["y", "<="] == 0.0
    assert bounds["x", "<"] == pytest.approx(2.0)  # 2 / 2 = 2 * 4 / 8
    assert bounds["z", ">"] == pytest.approx(12.0)
