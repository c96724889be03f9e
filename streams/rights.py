"""What users of a cluster must be allowed, and no more: the service, and a source of events.

This is data, as the plan of topics is. `deploy/kafka/strimzi.py` writes it for an operator; the
doctor looks whether a user has it; a test takes each right away and sees the failure that names it.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.topics import CONTROL, ONWARD, STATES, TopicNames, planned


@dataclass(frozen=True, slots=True)
class Right:
    """Operations on a resource; `is_prefix`: on all whose name begins so."""

    kind: str  # "topic", "group", "transactionalId", as Strimzi calls them
    name: str
    operations: tuple[str, ...]
    is_prefix: bool = False


def service_rights(names: TopicNames, app_id: str) -> tuple[Right, ...]:
    """Of `lendwatch run`. To read or to write brings Describe with it; it looks at its start
    whether all topics are there."""
    inner = names.internal
    reads = [*names.inputs, inner("erasures")]
    writes = [names.alert, names.decision, names.dead_letter, inner("probe")]  # the doctor's
    own = (*(f"{one}-in" for one in (*ONWARD, CONTROL)), "facts")
    both = [inner(one) for one in (*own, *(f"{one}-state" for one in (*STATES, CONTROL)))]
    used = {*reads, *writes, *both}
    looked_at = [one.name for one in planned(names, 1, 1) if one.name not in used]
    return (
        *(Right("topic", name, ("Read",)) for name in reads),
        *(Right("topic", name, ("Write",)) for name in writes),
        *(Right("topic", name, ("Read", "Write")) for name in both),
        *(Right("topic", name, ("Describe",)) for name in looked_at),
        Right("group", f"{app_id}-", ("Read",), is_prefix=True),
        Right("transactionalId", f"{app_id}-", ("Write",), is_prefix=True),
    )


def source_rights(names: TopicNames) -> tuple[Right, ...]:
    """Of whoever sends events: `lendwatch send`, or a lender's own producers."""
    return tuple(Right("topic", name, ("Write",)) for name in names.inputs)
