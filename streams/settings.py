"""The environment, read in this one place and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

POLICY_VARIABLE = "LENDWATCH_POLICY"


def policy_path(argument: str | None) -> Path | None:
    """The policy overlay to lay over the shipped policy: the argument, else the environment."""
    told = argument or os.environ.get(POLICY_VARIABLE)
    return Path(told) if told else None
