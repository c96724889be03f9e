"""The compiler of the hot loops, with its types kept.

No fast-math: a sum must give the same bits on a batch of one and of thousands. No lock is held
while compiled code runs; what was compiled is cached beside the module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile a function of scalars and arrays at its first call for those types."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))
