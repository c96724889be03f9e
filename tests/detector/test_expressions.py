"""Rule expressions: what is refused and how, three-valued logic, causes; polars is the judge."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from detector.events import INPUT_MISSING, NO_HISTORY, SOURCE_MISSING
from detector.expression_syntax import parse_amount, parse_condition
from detector.expression_tree import ExpressionError, Node
from detector.expressions import STACK_MAX, compile_expressions, evaluate
from tests.detector.random_expressions import (
    COLUMNS,
    INDEX,
    SCOPE,
    Writer,
    frame_of,
    random_rows,
)

NAN = math.nan


def judged(trees: Sequence[Node], rows: np.ndarray, causes: np.ndarray) -> np.ndarray:
    """(rows, trees, 2): value and cause of every tree over every row."""
    programs = compile_expressions(trees, INDEX)
    stack = np.full(STACK_MAX, 7.0), np.full(STACK_MAX, 99, np.uint8)
    found = np.empty((len(rows), len(trees), 2))
    for r in range(len(rows)):
        for k in range(len(trees)):
            value = evaluate(
                programs.ops, programs.args, programs.consts, programs.starts[k],
                programs.starts[k + 1], rows[r], causes[r], *stack,
            )  # fmt: skip
            found[r, k] = value, stack[1][0]
    return found


def one(sql: str, causes: dict[str, int] | None = None, **values: float) -> tuple[float, int]:
    """Value and cause of a condition over one row; a column that is not given is 0."""
    row = np.zeros((1, len(COLUMNS)))
    cause = np.zeros((1, len(COLUMNS)), np.uint8)
    for name, value in values.items():
        row[0, INDEX[name]] = value
    for name, bits in (causes or {}).items():
        row[0, INDEX[name]] = NAN
        cause[0, INDEX[name]] = bits
    value, bits = judged([parse_condition(sql, SCOPE)], row, cause)[0, 0]
    return float(value), int(bits)


def told(sql: str, causes: dict[str, int] | None = None, **values: float) -> bool | None:
    value, _ = one(sql, causes, **values)
    return None if math.isnan(value) else value == 1.0


# What is refused: the message, and the nearest right name.
NESTED = "(" * 1000 + "x > 1" + ")" * 1000
REFUSED = {
    "NOW() > 1": "the function NOW() is not allowed",
    "CURRENT_TIMESTAMP > 1": "the function CURRENT_TIMESTAMP() is not allowed",
    "RANDOM() > 1": "the function RAND() is not allowed",
    "MAX(x) > 1": "the function MAX() is not allowed",
    "MAX(x) OVER () > 1": "a window function is not allowed",
    "x > (SELECT 1)": "a sub-select is not allowed",
    "x IN (SELECT 1)": "IN wants a list of values; a sub-select is not allowed",
    "EXISTS (SELECT 1)": "a sub-select is not allowed",
    "SELECT 1": "a sub-select is not allowed",
    "owner LIKE 's%'": "LIKE is not allowed",
    "CAST(x AS INT) > 1": "a cast is not allowed",
    "x::int > 1": "a cast is not allowed",
    "x > 1; y > 2": 'must be one expression, found ";"',
    "x > 1;": 'must be one expression, found ";"',
    "x > 1 -- always": "must hold no comment; write it beside the rule",
    "x > 1 /*+ hint */": "must hold no comment; write it beside the rule",
    "": "must not be empty",
    "x >": "is no SQL expression near line 1, column 3",
    "x > 1 AND": "is no SQL expression near line 1, column 9",
    "x > 'a": "is no SQL expression",
    NESTED: "has 2003 words, more than 400",
    "(" * 17 + "x > 1" + ")" * 17: "is nested more than 16 deep",
    "NOT " * 17 + "x > 1": "is nested more than 16 deep",
    "x > 1 OR " * 600 + "x > 1": "has 5405 characters, more than 4000",
    " + ".join(["x"] * 17) + " > 1": "is nested 18 deep, more than 16",
    " OR ".join(["x > 1"] * 33): "has 100 terms, more than 96",
    "x % 2 = 1": "% is not allowed",
    "x || y = 1": "DPIPE in x || y is not allowed",
    "x = NULL": "NULL (write IS NULL) is not allowed",
    "x = ANY(1)": "ANY in ANY(1) is not allowed",
    "t.x > 1": "t.x is no column",
    '"x" > 1': "\"x\" is no column (a string is written 'so')",
    "x > ?": 'unknown parameter ":?"',
    "x": "must be true or false, found a number",
    "owner": "must be true or false, found an enumeration",
    "x AND y > 1": "AND wants true or false, but x is a number",
    "NOT x": "NOT wants true or false, but x is a number",
    "covered + 1 > 1": "+ wants a number, but covered is true or false",
    "covered = 1": "= compares numbers, covered = 1 has true or false: write it alone, or with NOT",
    "x = '1'": "= compares numbers, x = '1' has a string",
    "owner > 3": "owner > 3: an enumeration has no order, use = or <>",
    "owner > 'self'": "owner > 'self': an enumeration has no order, use = or <>",
    "owner = 1": "= compares an enumeration with its words, but owner = 1 has a number",
    "owner = kind": "= compares an enumeration with its words, but owner = kind has an enumeration",
    "CASE x WHEN 1 THEN 2 END > 1": "CASE wants WHEN conditions, without a value before them",
    "CASE WHEN sure > 1 THEN y ELSE TRUE END": "ELSE wants a number, but TRUE is true or false",
    "x IS TRUE": "x IS TRUE: IS is allowed only with NULL",
    "x > 1e400": "1e400 is too large a number",
    'amount > 1': 'column "amount" is not read on login events',
}  # fmt: skip
NEAREST = {
    "shure > 1": ('unknown column "shure"', "sure"),
    "x > :limits": ('unknown parameter ":limits"', ":limit"),
    "x > limit": ('"limit" is a parameter', ":limit"),
    "owner = 'slef'": ("unknown word 'slef' (known: self, other, unknown)", "self"),
    "owner IN ('self', 'others')": (
        "unknown word 'others' (known: self, other, unknown)", "other",
    ),
    "X > 1": ('unknown column "X"', None),
}  # fmt: skip
HIDING = (
    "x IS NULL",
    "x IS NOT NULL",
    "COALESCE(x, 0) > 1",
    "GREATEST(x, may) > 1",
    "LEAST(sure, x) > 1",
    "COALESCE(may / sure, 0) > 1",
    "CASE WHEN x > 1 THEN TRUE ELSE FALSE END",
    "CASE WHEN x > 1 THEN TRUE WHEN sure > 1 THEN FALSE END",
)


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:30])
def test_a_forbidden_expression_is_refused_with_what_was_found(sql: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(sql, SCOPE)
    assert caught.value.message == REFUSED[sql]


@pytest.mark.parametrize("sql", NEAREST)
def test_a_wrong_name_is_refused_with_the_nearest_right_one(sql: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(sql, SCOPE)
    assert (caught.value.message, caught.value.nearest) == NEAREST[sql]


@pytest.mark.parametrize("sql", HIDING)
def test_what_eats_a_null_is_refused_over_columns_that_are_not_optional(sql: str) -> None:
    with pytest.raises(ExpressionError, match="would hide a value that is not known"):
        parse_condition(sql, SCOPE)


def test_what_eats_a_null_is_allowed_over_optional_and_certain_columns() -> None:
    assert told("may IS NULL", {"may": SOURCE_MISSING}) is True
    assert told("kind IS NULL OR kind = 'person'", {"kind": SOURCE_MISSING}) is True
    assert told("COALESCE(kind, 'merchant') = 'merchant'", {"kind": SOURCE_MISSING}) is True
    assert told("COALESCE(may, 5) > 4", {"may": SOURCE_MISSING}) is True
    assert told("GREATEST(may, sure) = 2", {"may": SOURCE_MISSING}, sure=2) is True
    assert told("CASE WHEN may > 1 THEN FALSE ELSE TRUE END", {"may": SOURCE_MISSING}) is True
    assert told("LEAST(sure, flag) = 1", sure=2, flag=1) is True


def test_only_a_condition_is_a_condition_and_only_a_number_an_amount() -> None:
    assert parse_amount(":share * x", SCOPE).kind == "number"
    assert parse_amount("1", SCOPE).value == 1.0
    with pytest.raises(ExpressionError, match="must be a number, found true or false"):
        parse_amount("x > 1", SCOPE)
    with pytest.raises(ExpressionError, match="must be a number, found an enumeration"):
        parse_amount("owner", SCOPE)


def test_parameters_are_put_in_as_numbers_and_columns_are_named_in_order() -> None:
    tree = parse_condition("y > :limit AND (x > 1 OR y < 2) AND sure = 1", SCOPE)
    assert tree.columns() == ("y", "x", "sure")
    assert told("x >= :limit", x=3) is True
    assert told("x >= :limit", x=2.9) is False


def test_unknown_decides_nothing_and_a_known_side_decides_alone() -> None:
    null = {"x": NO_HISTORY}
    assert told("x > 1 OR y > 1", null, y=2) is True
    assert told("y > 1 OR x > 1", null, y=2) is True
    assert told("x > 1 AND y > 1", null, y=0) is False
    assert told("y > 1 AND x > 1", null, y=0) is False
    assert told("x > 1 OR y > 1", null, y=0) is None
    assert told("x > 1 AND y > 1", null, y=2) is None
    assert told("NOT x > 1", null) is None
    assert told("x = x", null) is None
    assert told("x BETWEEN 1 AND 2", null) is None
    assert told("y BETWEEN x AND 2", null, y=3) is False
    assert told("x NOT IN (1, 2)", null) is None


def test_division_by_zero_is_null_for_want_of_history() -> None:
    assert one("x / y > 1", x=1, y=0)[1] == NO_HISTORY
    assert told("x / y > 1", x=1, y=0) is None
    assert told("0 / y = 0", y=0) is None
    assert told("x / y = 0.5", x=1, y=2) is True
    assert told("x * x > 1", x=1e300) is None


def test_the_cause_of_a_null_is_that_of_the_nulls_that_made_it_so() -> None:
    both = {"x": NO_HISTORY, "y": INPUT_MISSING}
    assert one("x > 1 AND y > 1", both)[1] == NO_HISTORY | INPUT_MISSING
    assert one("x > y", both)[1] == NO_HISTORY | INPUT_MISSING
    assert one("x + y > z", both)[1] == NO_HISTORY | INPUT_MISSING
    assert one("x > 1 AND sure = 0", both)[1] == NO_HISTORY
    assert one("NOT (y > 1)", both)[1] == INPUT_MISSING
    assert one("ABS(-y) > 1", both)[1] == INPUT_MISSING
    assert one("x > 1 AND sure = 1 AND y > 1", both)[1] == 0
    assert one("x > 1 OR sure = 0 OR y > 1", both) == (1.0, 0)
    assert one("COALESCE(may, might) > 1", {"may": 1, "might": 2})[1] == 3
    assert one("owner = 'self'", {"owner": SOURCE_MISSING})[1] == SOURCE_MISSING
    assert one("covered", {"covered": NO_HISTORY})[1] == NO_HISTORY


def test_a_case_that_falls_through_is_null_for_want_of_history() -> None:
    sql = "CASE WHEN covered THEN TRUE END"
    assert one(sql, covered=1) == (1.0, 0)
    assert one(sql, covered=0)[1] == NO_HISTORY
    assert told(sql, covered=0) is None
    assert one(sql, {"covered": INPUT_MISSING})[1] == NO_HISTORY | INPUT_MISSING
    assert one("CASE WHEN sure = 0 THEN x > 1 END", {"x": INPUT_MISSING})[1] == INPUT_MISSING


def test_a_tree_knows_whether_it_can_be_null() -> None:
    for sql in ("sure > 1", "sure > 1 AND flag = 1", "COALESCE(may, 1) > 0", "sure / 2 > 1",
                "CASE WHEN sure > 1 THEN TRUE ELSE FALSE END", "may IS NULL"):  # fmt: skip
        assert not parse_condition(sql, SCOPE).nullable, sql
    for sql in ("x > 1", "may > 1", "sure / flag > 1", "sure / 0 > 1", "covered",
                "CASE WHEN sure > 1 THEN TRUE END"):  # fmt: skip
        assert parse_condition(sql, SCOPE).nullable, sql


def test_programs_of_many_rules_share_arrays_and_stay_apart() -> None:
    trees = [parse_condition(sql, SCOPE) for sql in ("x > 1", "x > 2 AND y > 1", "NOT x > 1")]
    rows = np.zeros((3, len(COLUMNS)))
    rows[:, INDEX["x"]] = (1, 2, 3)
    rows[:, INDEX["y"]] = 2
    together = judged(trees, rows, np.zeros(rows.shape, np.uint8))
    assert together[:, :, 0].tolist() == [[0, 0, 1], [1, 0, 0], [1, 1, 0]]


def test_a_column_without_a_place_is_an_error() -> None:
    with pytest.raises(KeyError):
        compile_expressions([parse_condition("x > y", SCOPE)], {"x": 0})


@pytest.mark.parametrize("seed", range(8))
def test_random_expressions_over_random_rows_equal_polars_in_all_three_values(seed: int) -> None:
    print(f"seed {seed}")
    writer, rng = Writer(seed), np.random.default_rng(seed)
    rows = random_rows(rng, 60)
    frame = frame_of(rows)
    trees: list[Node] = []
    theirs: list[tuple[str, str]] = []
    while len(trees) < 60:
        ours, other = writer.condition(3)
        try:
            trees.append(parse_condition(ours, SCOPE))
        except ExpressionError as error:
            assert "more than" in error.message or "hide" in error.message, ours
            continue
        theirs.append((ours, other))
    causes = np.where(np.isnan(rows), INPUT_MISSING, 0).astype(np.uint8)
    found = judged(trees, rows, causes)
    seen = set()
    for k, (ours, other) in enumerate(theirs):
        wanted = frame.with_columns(pl.sql_expr(other).alias("r"))["r"]
        got = [None if math.isnan(v) else v == 1.0 for v in found[:, k, 0].tolist()]
        assert got == wanted.to_list(), (seed, ours)
        seen.update(got)
        if not trees[k].nullable:
            assert None not in got, (seed, ours)
    assert seen == {True, False, None}
    is_null = np.isnan(found[:, :, 0])
    assert ((found[:, :, 1] != 0) == is_null).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_row_alone_gives_the_bits_that_it_gives_in_a_batch(seed: int) -> None:
    print(f"seed {seed}")
    writer, rng = Writer(100 + seed), np.random.default_rng(seed)
    rows = random_rows(rng, 40)
    causes = rng.integers(1, 8, rows.shape).astype(np.uint8)
    trees: list[Node] = []
    while len(trees) < 30:
        try:
            trees.append(parse_condition(writer.condition(3)[0], SCOPE))
        except ExpressionError:
            continue
    batch = judged(trees, rows, causes)
    order = rng.permutation(len(rows))
    assert judged(trees, rows[order], causes[order]).tobytes() == batch[order].tobytes()
    alone = [judged([trees[k]], rows[r : r + 1], causes[r : r + 1])[0, 0]
             for r in range(0, len(rows), 7) for k in range(len(trees))]  # fmt: skip
    assert np.array(alone).tobytes() == batch[::7].reshape(-1, 2).tobytes()
