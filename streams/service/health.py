"""Whether a worker is ready, and whether it is stuck: judged by what its loops last told.

Not ready is no fault: partitions come, or their state is read back. Stuck is one that a restart may
mend; a broker that is away is not, for then a restart mends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streams.service.meters import Vitals

# A call to Kafka is tried for a minute (faulty.py), and a turn makes three.
STUCK_S: Final = 240.0
TOLD_S: Final = 15.0  # the broker answers: it has told where inputs end within this time


def not_ready(stages: Mapping[str, Vitals]) -> list[str]:
    """What is still awaited, a line for each stage; nothing: it is ready."""
    lines = []
    for name, one in stages.items():
        if one.is_restoring:
            lines.append(f"{name}: state is being read back")
        elif not one.is_assigned:
            lines.append(f"{name}: no partitions assigned")
    return lines


def stuck(stages: Mapping[str, Vitals]) -> list[str]:
    """What does not go on although it could, a line for each stage; nothing: all is well."""
    lines = []
    for name, one in stages.items():
        if one.is_restoring or not one.is_assigned:
            continue
        if one.turn_age_s > STUCK_S:
            lines.append(f"{name}: its loop has ended no turn for {one.turn_age_s:.0f} s")
        elif one.lag and one.commit_age_s > STUCK_S and one.ends_age_s < TOLD_S:
            lines.append(
                f"{name}: {one.lag} records wait, and nothing was committed for"
                f" {one.commit_age_s:.0f} s"
            )
    return lines
