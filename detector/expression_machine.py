"""The compiled stack machine that evaluates rule expressions.

A value is a float64: 1.0 and 0.0 for true and false, a code for an enumeration, NaN for NULL.
Beside each NULL goes its cause, the bits of events.py. Logic is three-valued, as in SQL; a division
by zero, and any other arithmetic without a result, is NULL for want of history.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.events import NO_HISTORY, UNREAD
from detector.jit import compiled

STACK_MAX: Final = 64  # values that a program may have open at once
COLUMN_BITS: Final = 16  # of the arg of a comparison with a constant
COLUMN_MASK: Final = (1 << COLUMN_BITS) - 1

# Operations. AND and OR go on `arg` places further where the left side alone decides; so do SKIP_0
# and SKIP_1, which look at the first term of a chain. EQ_CONST to GE_CONST compare a column with a
# constant at once: the commonest terms of rules.
(
    CONST, COLUMN, NULL, SKIP_0, SKIP_1, AND, OR, NOT, NEG, ABS, IS_NULL, COALESCE, GREATEST,
    LEAST, SELECT, EQ, NE, LT, LE, GT, GE, ADD, SUB, MUL, DIV,
    EQ_CONST, NE_CONST, LT_CONST, LE_CONST, GT_CONST, GE_CONST,
) = range(31)  # fmt: skip


@compiled
def evaluate(
    ops: NDArray[np.int16], args: NDArray[np.int32], consts: NDArray[np.float64],
    start: int, stop: int, values: NDArray[np.float64], causes: NDArray[np.uint8],
    stack_values: NDArray[np.float64], stack_causes: NDArray[np.uint8],
) -> float:  # fmt: skip
    """The value of program ops[start:stop] over one row; its cause is left in stack_causes[0].

    `values`, `causes`: float64[C], uint8[C], one row of columns. The stacks are float64 and uint8
    of STACK_MAX. The cause is 0 unless the value is NaN, then the OR of those of the NULLs that
    made it so. Where a column is met that is UNREAD, the cause is that and the value the column:
    whoever reads columns on demand reads it and evaluates again.
    """
    top, at = -1, start
    while at < stop:
        op, arg = ops[at], args[at]
        at += 1
        if op >= EQ_CONST:
            top += 1
            column = arg & COLUMN_MASK
            x = values[column]
            known = x == x
            if not known and causes[column] == UNREAD:
                stack_causes[0] = UNREAD
                return float(column)
            y = consts[arg >> COLUMN_BITS]
            stack_values[top] = _compared(op - EQ_CONST + EQ, x, y) if known else np.nan
            stack_causes[top] = 0 if known else causes[column]
        elif op == COLUMN:
            top += 1
            x = values[arg]
            if x != x and causes[arg] == UNREAD:
                stack_causes[0] = UNREAD
                return float(arg)
            stack_values[top] = x
            stack_causes[top] = 0 if x == x else causes[arg]
        elif op == CONST:
            top += 1
            stack_values[top] = consts[arg]
            stack_causes[top] = 0
        elif op in (SKIP_0, SKIP_1):
            if stack_values[top] == (0.0 if op == SKIP_0 else 1.0):
                at += arg
        elif op in (AND, OR):
            top -= 1
            alone = 0.0 if op == AND else 1.0
            z = _joined(alone, stack_values[top], stack_values[top + 1])
            _put(top, z, stack_values, stack_causes)
            if z == alone:
                at += arg
        elif op >= EQ:
            top -= 1
            z = _of_two(op, stack_values[top], stack_values[top + 1])
            _put(top, z, stack_values, stack_causes)
        else:
            top = _seldom(op, arg, top, stack_values, stack_causes)
    return float(stack_values[0])


@compiled
def _put(
    top: int, z: float, stack_values: NDArray[np.float64], stack_causes: NDArray[np.uint8]
) -> None:
    """Replace the two values at top and above by one; a NULL keeps the causes of both."""
    stack_values[top] = z
    if z == z:
        stack_causes[top] = 0
        return
    cause = stack_causes[top] | stack_causes[top + 1]
    stack_causes[top] = cause if cause else NO_HISTORY


@compiled
def _seldom(
    op: int, arg: int, top: int, stack_values: NDArray[np.float64], stack_causes: NDArray[np.uint8]
) -> int:
    """The operations that few rules use; where the top of the stack is then."""
    if op == NULL:
        stack_values[top + 1] = np.nan
        stack_causes[top + 1] = arg
        return top + 1
    if op == SELECT:
        _select(top - 2, stack_values, stack_causes)
        return top - 2
    x = stack_values[top]
    if op == NOT:
        stack_values[top] = 1.0 - x
    elif op == NEG:
        stack_values[top] = -x
    elif op == ABS:
        stack_values[top] = abs(x)
    elif op == IS_NULL:
        stack_values[top] = 1.0 if x != x else 0.0
        stack_causes[top] = 0
    else:
        z = _known(op, stack_values[top - 1], x)
        _put(top - 1, z, stack_values, stack_causes)
        return top - 1
    return top


@compiled
def _joined(alone: float, x: float, y: float) -> float:
    """AND (alone 0), OR (alone 1) of Kleene: what decides alone decides beside a NULL."""
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
    return _compared(op, x, y)


@compiled
def _compared(op: int, x: float, y: float) -> float:
    """The truth of a comparison of two known values."""
    if op == GE:
        truth = x >= y
    elif op == GT:
        truth = x > y
    elif op == LT:
        truth = x < y
    elif op == LE:
        truth = x <= y
    elif op == EQ:
        truth = x == y
    else:
        truth = x != y
    return 1.0 if truth else 0.0


@compiled
def _select(top: int, stack_values: NDArray[np.float64], stack_causes: NDArray[np.uint8]) -> None:
    """Condition, value, otherwise at top, top + 1, top + 2: leave one of the two at top."""
    condition, cause = stack_values[top], stack_causes[top]
    taken = top + 1 if condition == 1.0 else top + 2
    stack_values[top] = stack_values[taken]
    stack_causes[top] = stack_causes[taken]
    if condition != condition and stack_values[top] != stack_values[top]:
        stack_causes[top] |= cause
