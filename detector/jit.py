"""The compiler of the hot loops, with its types kept.

No fast-math: a sum must give the same bits on a batch of one and of thousands. No lock is held
while compiled code runs. What was compiled is cached, in a folder named by a digest of this
package's sources: numba alone looks at the one file that a function stands in, and would go on
using what was compiled against a callee that has changed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def sources_digest(folder: Path) -> str:
    """16 hex digits over a folder's modules and the compiler's version."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


_config: Any = numba.config
_here = Path(__file__).parent
_config.CACHE_DIR = str(  # under the folder that a deployment names, or beside the modules
    Path(_config.CACHE_DIR or _here / "__pycache__") / f"compiled-{sources_digest(_here)}"
)


def was_compiled() -> bool:
    """Whether an earlier process left compiled code of these sources."""
    return Path(_config.CACHE_DIR).is_dir()


# No reference counts: nothing here makes an array, and to count who looks at one, atomically, at
# every look, took nearly half of the time.
_OPTIONS: Final[dict[str, Any]] = {
    "cache": True, "nogil": True, "error_model": "numpy", "_nrt": False,
}  # fmt: skip


def compiled(function: Function) -> Function:
    """Compile a function of scalars and arrays, which makes no array, at its first call."""
    return cast(Function, njit(**_OPTIONS)(function))


def allocating(function: Function) -> Function:
    """Compile a function that makes arrays."""
    return cast(Function, njit(**{**_OPTIONS, "_nrt": True})(function))


def inlined(function: Function) -> Function:
    """Compile a function into its callers, for them alone.

    The memory is many arrays, and to hand them on costs more than most functions do with them.
    """
    options: dict[str, Any] = {
        "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
    }  # fmt: skip
    return cast(Function, njit(**_OPTIONS, **options)(function))
