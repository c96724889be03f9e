"""Three-valued logic of the slow engine: what is not known stays not known, with its causes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unknown:
    """A value that is not known, and why: no_history, source_missing, input_missing."""

    causes: frozenset[str]


NO_HISTORY = Unknown(frozenset({"no_history"}))
SOURCE_MISSING = Unknown(frozenset({"source_missing"}))
INPUT_MISSING = Unknown(frozenset({"input_missing"}))

Truth = bool | Unknown
Number = int | float | Unknown


def known(value: Any, otherwise: Unknown = NO_HISTORY) -> Any:
    """A value that may be None, with the cause that its absence has."""
    return otherwise if value is None else value


def unknowns(values: tuple[Any, ...]) -> Unknown | None:
    """The causes of all unknown ones among the values together; None if all are known."""
    found = [value.causes for value in values if isinstance(value, Unknown)]
    return Unknown(frozenset().union(*found)) if found else None


def lift(compute: Callable[..., Any]) -> Callable[..., Any]:
    """A function over known values, made one over values that may be unknown."""

    def lifted(*values: Any) -> Any:
        unknown = unknowns(values)
        if unknown is not None:
            return unknown
        try:
            return compute(*values)
        except ZeroDivisionError:
            return NO_HISTORY

    return lifted


def k_and(*values: Truth) -> Truth:
    if any(value is False for value in values):
        return False
    unknown = unknowns(values)
    return True if unknown is None else unknown


def k_or(*values: Truth) -> Truth:
    if any(value is True for value in values):
        return True
    unknown = unknowns(values)
    return False if unknown is None else unknown


k_not = lift(operator.not_)
eq, ne = lift(operator.eq), lift(operator.ne)
lt, le = lift(operator.lt), lift(operator.le)
gt, ge = lift(operator.gt), lift(operator.ge)
plus, minus = lift(operator.add), lift(operator.sub)
times, over = lift(operator.mul), lift(operator.truediv)
