"""Random rule expressions over random rows, in the rulebook's words and in polars'."""

from __future__ import annotations

import math
import random

import numpy as np
import polars as pl

from detector.expression_tree import Column, Scope

NAN = math.nan
OWNERS = {"self": 1, "other": 2, "unknown": 3}
COLUMNS = (
    *(Column(name) for name in ("x", "y", "z")),  # may be NULL
    *(Column(name, nullable=False) for name in ("sure", "flag")),
    *(Column(name, optional=True) for name in ("may", "might")),
    Column("covered", "boolean"),
    Column("owner", "enumeration", OWNERS),
    Column("kind", "enumeration", {"person": 1, "merchant": 2}, optional=True),
)
SCOPE = Scope(
    {column.name: column for column in COLUMNS},
    {"limit": 3.0, "share": 0.5},
    {"amount": "is not read on login events"},
)
INDEX = {column.name: place for place, column in enumerate(COLUMNS)}


class Writer:
    """Random expressions, in the rulebook's words and in polars'; every operator has its turn."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def condition(self, depth: int) -> tuple[str, str]:
        return self.random.choice(
            [self.compare, self.compare, self.word, self.flag]
            if depth <= 0
            else [self.compare, self.word, self.logic, self.logic, self.negate, self.between,
                  self.within, self.case, self.null]
        )(depth - 1)  # fmt: skip

    def amount(self, depth: int) -> tuple[str, str]:
        pick = self.random.random()
        if depth <= 0 or pick < 0.3:
            return self.leaf()
        if pick < 0.5:
            return self.eater()
        if pick < 0.6:
            (a, b), (c, d), (e, f) = self.condition(0), self.amount(0), self.amount(0)
            if self.random.random() < 0.5:
                return f"CASE WHEN {a} THEN {c} END", f"CASE WHEN {b} THEN {d} END"
            sure = f"sure > {self.random.randint(0, 2)}.0"
            first, second = (f"CASE WHEN {sure} THEN {v} ELSE {w} END" for v, w in ((c, e), (d, f)))
            return first, second
        (a, b), (c, d) = self.amount(depth - 1), self.amount(depth - 1)
        op = self.random.choice("+-*/")
        if op == "/":
            return f"({a} / {c})", f"({b} / NULLIF({d}, 0.0))"
        if self.random.random() < 0.2:
            return f"ABS(-{a} {op} {c})", f"ABS((0.0 - {b}) {op} {d})"
        return f"({a} {op} {c})", f"({b} {op} {d})"

    def leaf(self) -> tuple[str, str]:
        name = self.random.choice(("x", "y", "z", "sure", "may", ":limit", ":share", ""))
        if name.startswith(":"):
            return name, str(SCOPE.parameters[name[1:]])
        number = self.random.choice(("0.0", "1.0", "2.0", "0.5", "1000.0"))
        return (name or number,) * 2

    def eater(self) -> tuple[str, str]:
        name = self.random.choice(("COALESCE", "GREATEST", "LEAST"))
        return (f"{name}({', '.join(self.random.sample(('may', 'might', 'sure', '1.0'), 3))})",) * 2

    def compare(self, depth: int) -> tuple[str, str]:
        (a, b), (c, d) = self.amount(depth), self.amount(depth)
        op = self.random.choice(("=", "<>", "<", "<=", ">", ">="))
        return f"{a} {op} {c}", f"{b} {op} {d}"

    def word(self, _: int) -> tuple[str, str]:
        first, second = self.random.sample(sorted(OWNERS), 2)
        if self.random.random() < 0.3:
            return (f"owner IN ('{first}', '{second}')",
                    f"owner IN ({OWNERS[first]}.0, {OWNERS[second]}.0)")  # fmt: skip
        op = self.random.choice(("=", "<>"))
        return f"owner {op} '{first}'", f"owner {op} {OWNERS[first]}.0"

    def flag(self, _: int) -> tuple[str, str]:
        return (self.random.choice(("covered", "TRUE", "FALSE")),) * 2

    def logic(self, depth: int) -> tuple[str, str]:
        parts = [self.condition(depth) for _ in range(self.random.randint(2, 4))]
        op = self.random.choice((" AND ", " OR "))
        ours, theirs = (op.join(f"({part[k]})" for part in parts) for k in range(2))
        return ours, theirs

    def negate(self, depth: int) -> tuple[str, str]:
        a, b = self.condition(depth)
        return f"NOT ({a})", f"NOT ({b})"

    def between(self, depth: int) -> tuple[str, str]:
        parts = [self.amount(depth) for _ in range(3)]
        word = self.random.choice(("BETWEEN", "NOT BETWEEN"))
        (a, b), (c, d), (e, f) = parts
        return f"{a} {word} {c} AND {e}", f"{b} {word} {d} AND {f}"

    def within(self, depth: int) -> tuple[str, str]:
        a, b = self.amount(depth)
        word = self.random.choice(("IN", "NOT IN"))
        return f"{a} {word} (0.0, 1.0, 3.0)", f"{b} {word} (0.0, 1.0, 3.0)"

    def case(self, depth: int) -> tuple[str, str]:
        (a, b), (c, d), (e, f) = (self.condition(depth) for _ in range(3))
        if self.random.random() < 0.5:
            return f"CASE WHEN {a} THEN {c} END", f"CASE WHEN {b} THEN {d} END"
        known = self.random.choice(("may IS NULL", "might > 1.0", "sure = 1.0 OR may < 2.0"))
        return (f"CASE WHEN {known} THEN {c} ELSE {e} END",
                f"CASE WHEN {known} THEN {d} ELSE {f} END")  # fmt: skip

    def null(self, _: int) -> tuple[str, str]:
        name = self.random.choice(("may", "might", "kind"))
        return (f"{name} IS {self.random.choice(('', 'NOT '))}NULL",) * 2


def random_rows(rng: np.random.Generator, n: int) -> np.ndarray:
    """Rows of few distinct values, so that many are equal, with NULLs where they are allowed."""
    rows = rng.choice([0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 1000.0, 1e15], (n, len(COLUMNS)))
    for column in COLUMNS:
        place = INDEX[column.name]
        if column.kind == "enumeration":
            rows[:, place] = rng.integers(1, len(column.codes) + 1, n)
        elif column.kind == "boolean":
            rows[:, place] = rng.integers(0, 2, n)
        if column.nullable:
            rows[rng.random(n) < 0.3, place] = NAN
    return rows


def frame_of(rows: np.ndarray) -> pl.DataFrame:
    frame = pl.DataFrame({c.name: rows[:, INDEX[c.name]] for c in COLUMNS}).fill_nan(None)
    return frame.with_columns(pl.col("covered") == 1.0)
