"""Checked expressions of rules: a tree of typed nodes, and what an expression may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add, mul, sub, truediv
from typing import Literal

Kind = Literal["number", "boolean", "enumeration", "string"]


class ExpressionError(ValueError):
    """An expression that is refused: `message`, and the `nearest` right name or None."""

    def __init__(self, message: str, nearest: str | None = None) -> None:
        super().__init__(message)
        self.message, self.nearest = message, nearest


@dataclass(frozen=True, slots=True)
class Column:
    """What an expression may read: a name, a kind, and whether its value may be NULL.

    `codes` of an enumeration: the words and the numbers that stand for them. `optional`: its
    absence is a fact that a rule may speak of, not a want of knowledge.
    """

    name: str
    kind: Kind = "number"
    codes: Mapping[str, int] = field(default_factory=dict)
    nullable: bool = True
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A checked part of an expression.

    `op`: "column" (`name`), "constant" (`value`), or an operator over `children`: and, or, not,
    =, <>, <, <=, >, >=, +, -, *, /, negative, abs, is null, coalesce, greatest, least, in, between,
    case (condition, value, ..., and the ELSE where their number is odd). `nullable`: may be NULL;
    `unknown`: may be NULL for another reason than the absence of something optional.
    """

    op: str
    kind: Kind
    children: tuple[Node, ...] = ()
    name: str = ""
    value: float = 0.0
    codes: Mapping[str, int] = field(default_factory=dict, hash=False)
    nullable: bool = False
    unknown: bool = False

    def walk(self) -> Iterator[Node]:
        """This node and all below it, from left to right."""
        yield self
        for child in self.children:
            yield from child.walk()

    def columns(self) -> tuple[str, ...]:
        """The columns read, in order of appearance."""
        return tuple(dict.fromkeys(node.name for node in self.walk() if node.op == "column"))

    def depth(self) -> int:
        """Levels, a leaf being one."""
        return 1 + max((child.depth() for child in self.children), default=0)


def constant(tree: Node) -> float:
    """The number of an expression that reads no column.

    Raises:
        ExpressionError: it is not made of numbers, + - * / alone, or divides by zero.
    """
    numbers = [constant(child) for child in tree.children]
    if tree.op == "constant":
        return tree.value
    if tree.op == "negative":
        return -numbers[0]
    operations = {"+": add, "-": sub, "*": mul, "/": truediv}
    if tree.op not in operations or (tree.op == "/" and 0.0 in numbers[1:]):
        raise ExpressionError("must be a number, or + - * / of numbers and parameters")
    return float(reduce(operations[tree.op], numbers))


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may name. `elsewhere`: names that exist but not here, and why not."""

    columns: Mapping[str, Column]
    parameters: Mapping[str, float]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
