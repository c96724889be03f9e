"""Rule expressions as postfix programs for the stack machine (expression_machine.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector import expression_machine as machine
from detector.events import NO_HISTORY
from detector.expression_machine import STACK_MAX, evaluate
from detector.expression_tree import Node

__all__ = ["STACK_MAX", "Programs", "compile_expressions", "evaluate"]

_COMPARISONS: Final = {
    "=": machine.EQ, "<>": machine.NE, "<": machine.LT, "<=": machine.LE, ">": machine.GT,
    ">=": machine.GE,
}  # fmt: skip
_BINARY: Final = _COMPARISONS | {
    "+": machine.ADD, "-": machine.SUB, "*": machine.MUL, "/": machine.DIV,
    "coalesce": machine.COALESCE, "greatest": machine.GREATEST, "least": machine.LEAST,
}  # fmt: skip
_UNARY: Final = {
    "not": machine.NOT, "negative": machine.NEG, "abs": machine.ABS, "is null": machine.IS_NULL,
}  # fmt: skip
_LOGIC: Final = {"and": (machine.AND, machine.SKIP_0), "or": (machine.OR, machine.SKIP_1)}


class Programs(NamedTuple):
    """Programs in flat arrays: program k is ops[starts[k]:starts[k + 1]] with its args."""

    ops: NDArray[np.int16]
    args: NDArray[np.int32]  # a column, an index in consts, both, a cause, a distance; else 0
    consts: NDArray[np.float64]
    starts: NDArray[np.int32]  # (programs + 1)


def compile_expressions(trees: Sequence[Node], column_index: Mapping[str, int]) -> Programs:
    """The programs of expressions over rows whose columns stand at `column_index`.

    Raises:
        KeyError: a column has no place.
        ValueError: a program needs a deeper stack than STACK_MAX.
    """
    writer = _Writer(column_index)
    starts = [0]
    for tree in trees:
        writer.write(tree)
        starts.append(len(writer.ops))
    return Programs(
        np.array(writer.ops, np.int16),
        np.array(writer.args, np.int32),
        np.array(list(writer.consts), np.float64),
        np.array(starts, np.int32),
    )


class _Writer:
    """Writes trees in postfix order, and counts the stack that they need."""

    def __init__(self, column_index: Mapping[str, int]) -> None:
        self.ops: list[int] = []
        self.args: list[int] = []
        self.consts: dict[float, int] = {}
        self._index = column_index
        self._open = 0

    def write(self, tree: Node) -> None:
        self._open = 0
        self._node(tree)

    def _emit(self, op: int, arg: int, change: int) -> None:
        self.ops.append(op)
        self.args.append(arg)
        self._open += change
        if self._open > STACK_MAX:
            raise ValueError(f"an expression needs a stack deeper than {STACK_MAX}")

    def _node(self, node: Node) -> None:
        op, children = node.op, node.children
        if op == "constant":
            self._emit(machine.CONST, self._const(node.value), 1)
        elif op == "column":
            self._emit(machine.COLUMN, self._index[node.name], 1)
        elif op == "case":
            self._case(children)
        elif op == "in":
            self._logic([_comparison("=", children[0], word) for word in children[1:]], "or")
        elif op == "between":
            value, low, high = children
            self._logic([_comparison(">=", value, low), _comparison("<=", value, high)], "and")
        elif op in _UNARY:
            self._node(children[0])
            self._emit(_UNARY[op], 0, 0)
        elif op in _LOGIC:
            self._logic(children, op)
        elif not self._is_column_and_const(node):
            self._chain(children, _BINARY[op])

    def _const(self, value: float) -> int:
        return self.consts.setdefault(value, len(self.consts))

    def _is_column_and_const(self, node: Node) -> bool:
        """Write a comparison of a column with a constant as one operation, if it is one."""
        if node.op not in _COMPARISONS:
            return False
        left, right = node.children
        if left.op != "column" or right.op != "constant":
            return False
        column, const = self._index[left.name], self._const(right.value)
        if column > machine.COLUMN_MASK or const >= 1 << 15:
            return False
        op = _COMPARISONS[node.op] - machine.EQ + machine.EQ_CONST
        self._emit(op, column | const << machine.COLUMN_BITS, 1)
        return True

    def _chain(self, nodes: Sequence[Node], op: int) -> None:
        for place, node in enumerate(nodes):
            self._node(node)
            if place:
                self._emit(op, 0, -1)

    def _logic(self, nodes: Sequence[Node], name: str) -> None:
        """A chain of AND or OR that is left as soon as it is decided."""
        join, skip = _LOGIC[name]
        leaps = []
        for place, node in enumerate(nodes):
            self._node(node)
            leaps.append(len(self.ops))
            self._emit(join if place else skip, 0, -1 if place else 0)
        for at in leaps:
            self.args[at] = len(self.ops) - at - 1

    def _case(self, children: Sequence[Node]) -> None:
        """Condition, value, condition, value, ..., and the ELSE where there is one."""
        branches = len(children) // 2
        for child in children[: 2 * branches]:
            self._node(child)
        if len(children) % 2:
            self._node(children[-1])
        else:
            self._emit(machine.NULL, NO_HISTORY, 1)
        for _ in range(branches):
            self._emit(machine.SELECT, 0, -2)


def _comparison(op: str, left: Node, right: Node) -> Node:
    return Node(op, "boolean", (left, right))
