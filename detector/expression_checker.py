"""From sqlglot's nodes to checked ones: the allow-list and the types of rule expressions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from detector.expression_tree import ExpressionError, Kind, Node, Scope
from detector.toml_file import nearest_name

_NAMED: Final[dict[type[exp.Expression], str]] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/",
    exp.Coalesce: "coalesce", exp.Greatest: "greatest", exp.Least: "least",
}  # fmt: skip
_FORBIDDEN: Final[tuple[tuple[Any, str], ...]] = (
    (exp.Window, "a window function"), (exp.Subquery, "a sub-select"), (exp.Query, "a sub-select"),
    (exp.Exists, "a sub-select"), (exp.Cast, "a cast"), (exp.Like, "LIKE"), (exp.ILike, "ILIKE"),
    (exp.Null, "NULL (write IS NULL)"), (exp.Alias, "an alias"), (exp.Mod, "%"),
)  # fmt: skip


def article(kind: str) -> str:
    return {"boolean": "true or false", "enumeration": "an enumeration"}.get(kind, f"a {kind}")


def _shown(node: exp.Expression) -> str:
    text = " ".join(node.sql().split())
    return text if len(text) <= 40 else text[:37] + "..."


def _what(node: exp.Expression) -> str:
    for kind, name in _FORBIDDEN:
        if isinstance(node, kind):
            return name
    if isinstance(node, exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        return f"the function {name.upper()}()"
    return f"{type(node).__name__.upper()} in {_shown(node)}"


class Checker:
    """Turns sqlglot's nodes into checked ones; anything that is not named here is refused."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._by_type: dict[type[exp.Expression], Callable[..., Node]] = {
            exp.Column: self._column, exp.Placeholder: self._parameter,
            exp.Literal: self._literal, exp.Boolean: self._truth, exp.Not: self._not,
            exp.Neg: self._negative, exp.Abs: self._abs, exp.Is: self._is_null, exp.In: self._in,
            exp.Between: self._between, exp.Case: self._case, exp.Coalesce: self._eater,
            exp.Greatest: self._eater, exp.Least: self._eater,
        }  # fmt: skip

    def check(self, node: exp.Expression) -> Node:
        while type(node) is exp.Paren:
            node = node.this
        kind = type(node)
        if kind in self._by_type:
            return self._by_type[kind](node)
        if kind in (exp.And, exp.Or):
            return self._joined(node)
        if kind in (exp.Add, exp.Sub, exp.Mul, exp.Div):
            return self._arithmetic(node)
        if kind in _NAMED:
            return self._comparison(node)
        raise ExpressionError(f"{_what(node)} is not allowed")

    def _of_kind(self, node: exp.Expression, kind: Kind, by: str) -> Node:
        found = self.check(node)
        if found.kind != kind:
            wanted = article(kind)
            raise ExpressionError(
                f"{by} wants {wanted}, but {_shown(node)} is {article(found.kind)}"
            )
        return found

    def _column(self, node: exp.Column) -> Node:
        name = node.name
        if len(node.parts) > 1 or node.this.args.get("quoted"):
            hint = " (a string is written 'so')" if node.this.args.get("quoted") else ""
            raise ExpressionError(f"{_shown(node)} is no column{hint}")
        column = self._scope.columns.get(name)
        if column is None:
            if name in self._scope.elsewhere:
                raise ExpressionError(f'column "{name}" {self._scope.elsewhere[name]}')
            if name in self._scope.parameters:
                raise ExpressionError(f'"{name}" is a parameter', f":{name}")
            nearest = nearest_name(name, self._scope.columns)
            raise ExpressionError(f'unknown column "{name}"', nearest)
        unknown = column.nullable and not column.optional
        return Node(
            "column", column.kind, name=name, codes=column.codes, nullable=column.nullable,
            unknown=unknown,
        )  # fmt: skip

    def _parameter(self, node: exp.Placeholder) -> Node:
        name = node.name
        if name not in self._scope.parameters:
            nearest = nearest_name(name, self._scope.parameters)
            raise ExpressionError(f'unknown parameter ":{name}"', nearest and f":{nearest}")
        return Node("constant", "number", name=name, value=self._scope.parameters[name])

    def _literal(self, node: exp.Literal) -> Node:
        if node.is_string:
            return Node("constant", "string", name=node.this)
        value = float(node.this)
        if not math.isfinite(value):
            raise ExpressionError(f"{node.this} is too large a number")
        return Node("constant", "number", value=value)

    def _truth(self, node: exp.Boolean) -> Node:
        return Node("constant", "boolean", value=1.0 if node.this else 0.0)

    def _joined(self, node: exp.Expression) -> Node:
        kind, name = type(node), "and" if type(node) is exp.And else "or"
        terms: list[exp.Expression] = []
        while type(node) is kind:  # a chain leans to the left
            terms.append(node.args["expression"])
            node = node.this
        terms.append(node)
        parts = [self._of_kind(term, "boolean", name.upper()) for term in reversed(terms)]
        return _over(name, "boolean", parts)

    def _not(self, node: exp.Not) -> Node:
        return _over("not", "boolean", [self._of_kind(node.this, "boolean", "NOT")])

    def _negative(self, node: exp.Neg) -> Node:
        return _over("negative", "number", [self._of_kind(node.this, "number", "minus")])

    def _abs(self, node: exp.Abs) -> Node:
        return _over("abs", "number", [self._of_kind(node.this, "number", "ABS")])

    def _arithmetic(self, node: exp.Expression) -> Node:
        name = _NAMED[type(node)]
        left = self._of_kind(node.this, "number", name)
        right = self._of_kind(node.args["expression"], "number", name)
        whole = _over(name, "number", [left, right])
        if name != "/" or (right.op == "constant" and right.value != 0.0):
            return whole
        return Node(name, "number", whole.children, nullable=True, unknown=True)

    def _comparison(self, node: exp.Expression) -> Node:
        name = _NAMED[type(node)]
        sides = [self.check(node.this), self.check(node.args["expression"])]
        if name not in ("=", "<>") and any(side.kind == "enumeration" for side in sides):
            raise ExpressionError(f"{_shown(node)}: an enumeration has no order, use = or <>")
        left, right = self._matched(sides, node, name)
        return _over(name, "boolean", [left, right])

    def _in(self, node: exp.In) -> Node:
        if not node.expressions or node.args.get("query") is not None:
            raise ExpressionError("IN wants a list of values; a sub-select is not allowed")
        sides = [self.check(node.this), *map(self.check, node.expressions)]
        return _over("in", "boolean", self._matched(sides, node, "IN"))

    def _matched(self, sides: list[Node], node: exp.Expression, by: str) -> list[Node]:
        """Sides that can be compared: all numbers, or one enumeration and words of it."""
        enumerations = [side for side in sides if side.kind == "enumeration"]
        if enumerations:
            return [_as_word(side, enumerations[0], node, by) for side in sides]
        for side in sides:
            if side.kind != "number":
                found = article(side.kind)
                hint = ": write it alone, or with NOT" if side.kind == "boolean" else ""
                raise ExpressionError(f"{by} compares numbers, {_shown(node)} has {found}{hint}")
        return sides

    def _between(self, node: exp.Between) -> Node:
        parts = [node.this, node.args["low"], node.args["high"]]
        checked = [self._of_kind(part, "number", "BETWEEN") for part in parts]
        return _over("between", "boolean", checked)

    def _is_null(self, node: exp.Is) -> Node:
        if type(node.args["expression"]) is not exp.Null:
            raise ExpressionError(f"{_shown(node)}: IS is allowed only with NULL")
        value = self.check(node.this)
        self._may_eat(value, node, "IS NULL")
        return Node("is null", "boolean", (value,))

    def _eater(self, node: exp.Expression) -> Node:
        name = _NAMED[type(node)]
        parts = [self.check(part) for part in (node.this, *node.expressions)]
        parts = self._matched(parts, node, name.upper())
        if name != "coalesce" and parts[0].kind != "number":
            raise ExpressionError(f"{name.upper()} wants numbers, found {_shown(node)}")
        for part in parts[:-1] if name == "coalesce" else parts:
            self._may_eat(part, node, name.upper())
        nullable = all(part.nullable for part in parts)
        unknown = nullable and any(part.unknown for part in parts)
        first = parts[0]
        return Node(
            name, first.kind, tuple(parts), codes=first.codes, nullable=nullable, unknown=unknown
        )

    def _may_eat(self, part: Node, node: exp.Expression, by: str) -> None:
        if part.unknown:
            raise ExpressionError(
                f"{by} would hide a value that is not known in {_shown(node)}; "
                "it is allowed only where the columns are declared optional"
            )

    def _case(self, node: exp.Case) -> Node:
        if node.this is not None:
            raise ExpressionError("CASE wants WHEN conditions, without a value before them")
        branches = node.args["ifs"]
        conditions = [self._of_kind(branch.this, "boolean", "WHEN") for branch in branches]
        results = [branch.args["true"] for branch in branches]
        default = node.args.get("default")
        for place, condition in enumerate(conditions):
            if default is not None or place < len(conditions) - 1:
                self._may_eat(condition, node, "CASE")
        kind: Kind = self.check(results[0]).kind
        if kind not in ("number", "boolean"):
            raise ExpressionError(f"CASE gives numbers or true and false, not {article(kind)}")
        values = [self._of_kind(result, kind, "CASE") for result in results]
        rest = [] if default is None else [self._of_kind(default, kind, "ELSE")]
        pairs = [part for pair in zip(conditions, values, strict=True) for part in pair]
        open_end = default is None
        return Node(
            "case", kind, (*pairs, *rest),
            nullable=open_end or any(part.nullable for part in (*values, *rest)),
            unknown=open_end or any(part.unknown for part in (*values, *rest)),
        )  # fmt: skip


def _over(op: str, kind: Kind, parts: list[Node]) -> Node:
    """An operator that is NULL wherever one of its parts is (or may be)."""
    nullable, unknown = any(p.nullable for p in parts), any(p.unknown for p in parts)
    return Node(op, kind, tuple(parts), nullable=nullable, unknown=unknown)


def _as_word(side: Node, of: Node, node: exp.Expression, by: str) -> Node:
    """A string as the code of an enumeration's word; a column of the same enumeration as it is."""
    if side.kind == "enumeration" and side.codes == of.codes:
        return side
    if side.kind != "string":
        raise ExpressionError(
            f"{by} compares an enumeration with its words, but {_shown(node)} has "
            f"{article(side.kind)}"
        )
    if side.name not in of.codes:
        words = ", ".join(of.codes)
        nearest = nearest_name(side.name, of.codes)
        raise ExpressionError(f"unknown word '{side.name}' (known: {words})", nearest)
    return Node("constant", "enumeration", name=side.name, value=float(of.codes[side.name]),
                codes=of.codes)  # fmt: skip
