"""What users of a cluster must be allowed, and no more: service, learner, a source of events.

This is data, as the plan of topics is. `deploy/kafka/strimzi.py` writes it for an operator; the
doctor looks whether a user has it; a test takes each right away and sees the failure that names it.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.topics import CONTROL, LEARNER, ONWARD, STATES, TopicNames, planned


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
    reads = [*names.inputs, inner("erasures"), inner("weights")]
    writes = [names.alert, names.decision, names.dead_letter, inner("features")]
    writes.append(inner("probe"))  # the doctor's
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


def learner_rights(names: TopicNames, app_id: str) -> tuple[Right, ...]:
    """Of `lendwatch learn`, which looks at its start whether all topics are there."""
    inner, group = names.internal, f"{app_id}-{LEARNER}"
    rights = {
        inner("features"): ("Read",),
        inner("weights"): ("Write",),
        inner(f"{LEARNER}-state"): ("Read", "Write"),
    }
    looked_at = [one.name for one in planned(names, 1, 1) if one.name not in rights]
    return (
        *(Right("topic", name, operations) for name, operations in rights.items()),
        *(Right("topic", name, ("Describe",)) for name in looked_at),
        Right("group", group, ("Read",), is_prefix=True),
        Right("transactionalId", group, ("Write",), is_prefix=True),
    )


def source_rights(names: TopicNames) -> tuple[Right, ...]:
    """Of whoever sends events: `lendwatch send`, or a lender's own producers."""
    return tuple(Right("topic", name, ("Write",)) for name in names.inputs)
