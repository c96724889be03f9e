"""Rule expressions as postfix programs, and the compiled stack machine that evaluates them.

A value is a float64: 1.0 and 0.0 for true and false, a code for an enumeration, NaN for NULL. Beside
each NULL goes its cause, the bits of events.py. Logic is three-valued, as in SQL; a division by
zero, and any other arithmetic without a result, is NULL for want of history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.events import NO_HISTORY
from detector.expression_tree import Node
from detector.jit import compiled

STACK_MAX: Final = 64  # values that a program may have open at once

(
    CONST, COLUMN, NULL, AND, OR, NOT, EQ, NE, LT, LE, GT, GE, ADD, SUB, MUL, DIV, NEG, ABS,
    IS_NULL, COALESCE, GREATEST, LEAST, SELECT,
) = range(23)  # fmt: skip
_BINARY: Final = {
    "and": AND, "or": OR, "=": EQ, "<>": NE, "<": LT, "<=": LE, ">": GT, ">=": GE,
    "+": ADD, "-": SUB, "*": MUL, "/": DIV,
    "coalesce": COALESCE, "greatest": GREATEST, "least": LEAST,
}  # fmt: skip
_UNARY: Final = {"not": NOT, "negative": NEG, "abs": ABS, "is null": IS_NULL}


class Programs(NamedTuple):
    """Programs in flat arrays: program k is ops[starts[k]:starts[k + 1]] with its args."""

    ops: NDArray[np.int16]
    args: NDArray[np.int32]  # a column, an index in consts, a cause; 0 where there is none
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
            self._emit(CONST, self.consts.setdefault(node.value, len(self.consts)), 1)
        elif op == "column":
            self._emit(COLUMN, self._index[node.name], 1)
        elif op == "case":
            self._case(children)
        elif op == "in":
            self._chain([Node("=", "boolean", (children[0], word)) for word in children[1:]], OR)
        elif op == "between":
            value, low, high = children
            self._chain(
                [Node(">=", "boolean", (value, low)), Node("<=", "boolean", (value, high))], AND
            )
        elif op in _UNARY:
            self._node(children[0])
            self._emit(_UNARY[op], 0, 0)
        else:
            self._chain(children, _BINARY[op])

    def _chain(self, nodes: Sequence[Node], op: int) -> None:
        for place, node in enumerate(nodes):
            self._node(node)
            if place:
                self._emit(op, 0, -1)

    def _case(self, children: Sequence[Node]) -> None:
        """Condition, value, condition, value, ..., and the ELSE where there is one."""
        branches = len(children) // 2
        for child in children[: 2 * branches]:
            self._node(child)
        if len(children) % 2:
            self._node(children[-1])
        else:
            self._emit(NULL, NO_HISTORY, 1)
        for _ in range(branches):
            self._emit(SELECT, 0, -2)


@compiled
def evaluate(
    ops: NDArray[np.int16],
    args: NDArray[np.int32],
    consts: NDArray[np.float64],
    start: int,
    stop: int,
    values: NDArray[np.float64],
    causes: NDArray[np.uint8],
    stack_values: NDArray[np.float64],
    stack_causes: NDArray[np.uint8],
) -> float:
    """The value of program ops[start:stop] over one row; its cause is left in stack_causes[0].

    `values`, `causes`: float64[C], uint8[C], one row of columns. The stacks are float64 and uint8
    of STACK_MAX. The cause is 0 unless the value is NaN, then the OR of those of the NULLs that
    made it so.
    """
    top = -1
    for at in range(start, stop):
        op, arg = ops[at], args[at]
        if op == COLUMN:
            top += 1
            x = values[arg]
            stack_values[top] = x
            stack_causes[top] = causes[arg] if x != x else 0
            continue
        if op == CONST:
            top += 1
            stack_values[top] = consts[arg]
            stack_causes[top] = 0
            continue
        if op == NULL:
            top += 1
            stack_values[top] = np.nan
            stack_causes[top] = arg
            continue
        if op == NOT or op == NEG or op == ABS or op == IS_NULL:
            stack_values[top] = _of_one(op, stack_values[top])
            if op == IS_NULL:
                stack_causes[top] = 0
            continue
        if op == SELECT:
            top -= 2
            _select(top, stack_values, stack_causes)
            continue
        top -= 1
        x, y = stack_values[top], stack_values[top + 1]
        if op == COALESCE or op == GREATEST or op == LEAST:
            z = _known(op, x, y)
        elif op == AND or op == OR:
            z = _joined(op, x, y)
        else:
            z = _of_two(op, x, y)
        stack_values[top] = z
        if z == z:
            stack_causes[top] = 0
        else:
            cause = stack_causes[top] | stack_causes[top + 1]
            stack_causes[top] = cause if cause else NO_HISTORY
    return stack_values[0]


@compiled
def _of_one(op: int, x: float) -> float:
    if op == IS_NULL:
        return 1.0 if x != x else 0.0
    if op == NOT:
        return 1.0 - x
    return -x if op == NEG else abs(x)


@compiled
def _joined(op: int, x: float, y: float) -> float:
    """AND, OR of Kleene: what decides alone (0 for AND, 1 for OR) decides beside a NULL."""
    alone = 0.0 if op == AND else 1.0
    if x == alone or y == alone:
        return alone
    return np.nan if x != x or y != y else 1.0 - alone


@compiled
def _known(op: int, x: float, y: float) -> float:
    """COALESCE, GREATEST, LEAST: of the two, or of the one that is known."""
    if x != x:
        return y
    if y != y or op == COALESCE:
        return x
    return max(x, y) if op == GREATEST else min(x, y)


@compiled
def _of_two(op: int, x: float, y: float) -> float:
    """Comparison and arithmetic; NaN where either is, where y divides and is 0, and past 1e308."""
    if x != x or y != y:
        return np.nan
    if op >= ADD:
        if op == ADD:
            z = x + y
        elif op == SUB:
            z = x - y
        elif op == MUL:
            z = x * y
        else:
            z = x / y if y != 0.0 else np.nan
        return z if abs(z) <= 1.7976931348623157e308 else np.nan
    if op == EQ:
        truth = x == y
    elif op == NE:
        truth = x != y
    elif op == LT:
        truth = x < y
    elif op == LE:
        truth = x <= y
    elif op == GT:
        truth = x > y
    else:
        truth = x >= y
    return 1.0 if truth else 0.0


@compiled
def _select(
    top: int, stack_values: NDArray[np.float64], stack_causes: NDArray[np.uint8]
) -> None:
    """Condition, value, otherwise at top, top + 1, top + 2: leave one of the two at top."""
    condition, cause = stack_values[top], stack_causes[top]
    taken = top + 1 if condition == 1.0 else top + 2
    stack_values[top] = stack_values[taken]
    stack_causes[top] = stack_causes[taken]
    if condition != condition and stack_values[top] != stack_values[top]:
        stack_causes[top] |= cause
