"""The catalogue of features, compiled: from what a rulebook declares to the arrays a walk reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.catalogue import FeatureSpec
from detector.events import (
    DEBIT_IDS,
    KINDS,
    KINDS_OF_TYPE,
    LOGIN_METHODS,
    PAYEE_KINDS,
    PAYEE_OWNERS,
    SIGNALS,
    TYPES,
    VERIFICATION_METHODS,
    WORDS,
)  # fmt: skip
from detector.fields import FIELD_INDEX, FIELDS, KEPT_ALLOWED, KEPT_FIELDS
from detector.memory import ACCOUNT_SLOT, ENTITY_SLOT
from detector.plan import AGE, AGGREGATES, OF_RING, Plan
from detector.policy import Policy

IDS_MAX: Final = 4  # ids that one condition of a feature may name
KNOWN_SETS: Final = {"device": 0, "network": 1, "payee": 2}
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "disbursement": ("disbursement_requested", "disbursement_paid"),
    "login": ("login_success", "login_failure"),
    "verification": (
        "verification_passed", "verification_failed", "verification_error",
        "verification_timeout",
    ),
    "debit": tuple(name for name in KINDS if name.startswith("debit_")),
    "disposition": tuple(name for name, kind in KINDS.items() if 32 <= kind < 60),
}  # fmt: skip


class FeatureError(ValueError):
    """A feature asks for what its stage's memory does not hold."""


class Columns:
    """One list of columns for all stages: an event's fields, then every feature."""

    def __init__(self, features: Sequence[FeatureSpec], standing: Iterable[str]) -> None:
        names = [*FIELDS, *(feature.name for feature in features), *standing]
        self.names: tuple[str, ...] = tuple(names)
        self.index: dict[str, int] = {name: place for place, name in enumerate(names)}
        if len(self.index) != len(names):
            raise FeatureError("two columns share a name")


def kinds_of(name: str) -> tuple[int, ...]:
    """The kinds of ring entries that an `events` word means."""
    return tuple(KINDS[kind] for kind in GROUPS.get(name, (name,)))


def methods_of(events: Iterable[str]) -> tuple[str, ...]:
    """The methods that these `events` may have; none where they are of two kinds, or of neither."""
    kinds = {kind for name in events for kind in kinds_of(name)}
    if kinds and max(kinds) < 4:
        return LOGIN_METHODS
    return VERIFICATION_METHODS if kinds and min(kinds) >= 4 and max(kinds) < 8 else ()


def compile_plan(
    stage: str, features: Sequence[FeatureSpec], columns: Columns, policy: Policy,
    exported: Collection[str], partitions: int,
) -> Plan:  # fmt: skip
    """The plan of the features of one stage; `exported` are the columns that are read after it.

    `partitions`: of the account stage, of which a memory knows the population of one.

    Raises:
        FeatureError: an id or amount that the stage's memory does not keep.
    """
    own = [feature for feature in features if feature.entity == stage]
    held = {WORDS[word] for word in (ACCOUNT_SLOT if stage == "account" else ENTITY_SLOT)}
    n = len(own)
    in_order = sorted(range(n), key=lambda f: bool(own[f].anchor))  # an anchor is read first
    by_type = [[f for f in in_order if name in own[f].on] for name in TYPES]
    asked = {*exported, *(feature.anchor for feature in own if feature.name in exported)}
    eager = [[f for f in group if own[f].name in asked] for group in by_type]
    feature_at = np.full(len(columns.names), -1, np.int64)
    for f, feature in enumerate(own):
        feature_at[columns.index[feature.name]] = f
    return Plan(
        aggregate=_ints(AGGREGATES.index(feature.aggregate) for feature in own),
        of=_ints(_of(feature, held) for feature in own),
        kinds=np.array([_kinds(feature) for feature in own], np.uint64).reshape(n),
        draws_only=_bytes("disbursement" in feature.events for feature in own),
        span_ms=_ints(-1 if f.span_ms is None else f.span_ms for f in own),
        same=_words([f.same for f in own], held),
        same_any=_words([f.same_any for f in own], held),
        agree=_words([f.agree for f in own], held),
        differ=_words([f.differ for f in own], held),
        owners=_ints(_codes(f.payee_owner, PAYEE_OWNERS) for f in own),
        payee_kinds=_ints(_codes(f.payee_kind, PAYEE_KINDS) for f in own),
        signals=_ints(_codes(f.signals, SIGNALS) for f in own),
        methods=_ints(_codes(f.methods, methods_of(f.events)) for f in own),
        amount_from=_numbers(f.amount_from for f in own),
        amount_below=_numbers(f.amount_below for f in own),
        over_km=_numbers(f.over_km for f in own),
        anchor=_ints(columns.index[f.anchor] if f.anchor else -1 for f in own),
        is_until=_bytes(bool(f.until) for f in own),
        first_to_payee=_bytes(bool(f.first_to_payee) for f in own),
        before=_bytes(f.before for f in own),
        whole=_bytes(f.whole for f in own),
        plain=_bytes(_is_plain(f) for f in own),
        absent=_numbers(f.absent for f in own),
        unsourced=_bytes(_is_unsourced(f, policy) for f in own),
        column=_ints(columns.index[f.name] for f in own),
        feature_at=feature_at,
        type_starts=_starts(by_type),
        type_features=_ints(f for group in by_type for f in group),
        eager_starts=_starts(eager),
        eager=_ints(f for group in eager for f in group),
        partitions=np.array([partitions], np.float64),
    )


def kept_columns(stage: str, features: Sequence[FeatureSpec]) -> frozenset[str]:
    """The columns that this stage can read again from its own memory (law 6)."""
    own = {feature.name for feature in features if feature.entity == stage}
    if stage == "account":
        return frozenset(own | set(FIELDS))
    return frozenset(own | KEPT_FIELDS | {KEPT_ALLOWED[stage]})


def rule_features(reads: Sequence[Sequence[str]], features: Sequence[FeatureSpec], stage: str,
                  ) -> tuple[list[int], list[int]]:  # fmt: skip
    """For each rule, by what it reads: the features whose counted events are its evidence."""
    own = [feature for feature in features if feature.entity == stage]
    place = {feature.name: f for f, feature in enumerate(own)}
    starts, named = [0], []
    for columns in reads:
        named += [
            place[name] for name in columns
            if name in place and AGGREGATES.index(own[place[name]].aggregate) < OF_RING
        ]  # fmt: skip
        starts.append(len(named))
    return starts, named


def absent_fields(policy: Policy) -> NDArray[np.uint8]:
    """A flag a field column: 1 where the policy says that the source never carries it."""
    flags = np.zeros(len(FIELDS), np.uint8)
    for name in policy.absent_fields:
        event_type, _, field = name.partition(".")
        if field in FIELD_INDEX and event_type in ("disbursement", "auto_debit"):
            flags[FIELD_INDEX[field]] = 1
    return flags


def absent_ids(policy: Policy) -> NDArray[np.uint8]:
    """Flags (3 types x device, network, session, verification) of ids that are never there."""
    flags = np.zeros(12, np.uint8)
    fields = ("device_id", "ip", "session_id", "verification_id")
    for group, event_type in enumerate(("login", "identity_verification", "disbursement")):
        for k, field in enumerate(fields):
            flags[group * 4 + k] = f"{event_type}.{field}" in policy.absent_fields
    return flags


def _of(feature: FeatureSpec, held: set[str]) -> int:
    if AGGREGATES.index(feature.aggregate) == AGE:
        return KNOWN_SETS[str(feature.of)]
    if feature.of is None:
        return -1
    return _word(feature.of, held)


def _word(name: str, held: set[str]) -> int:
    name = DEBIT_IDS.get(name, name)
    if name not in held:
        raise FeatureError(f"'{name}' is not kept at this stage")
    return WORDS.index(name)


def _words(names: Sequence[Sequence[str]], held: set[str]) -> NDArray[Any]:
    table = np.full((len(names), IDS_MAX), -1, np.int64)
    for f, group in enumerate(names):
        for k, name in enumerate(group):
            table[f, k] = _word(name, held)
    return table


def _kinds(feature: FeatureSpec) -> int:
    return sum(1 << kind for kind in {k for name in feature.events for k in kinds_of(name)})


def _codes(names: Iterable[str], table: Sequence[str]) -> int:
    return sum(1 << table.index(name) for name in names)


def _is_plain(feature: FeatureSpec) -> bool:
    """Whether an entry's kind and time alone say that it counts."""
    ids = (feature.same, feature.same_any, feature.agree, feature.differ)
    filters = (feature.payee_owner, feature.payee_kind, feature.signals, feature.methods)
    bounds = (feature.amount_from, feature.amount_below)
    return not any((*ids, *filters, feature.first_to_payee)) and bounds == (None, None)


def _is_unsourced(feature: FeatureSpec, policy: Policy) -> bool:
    """Law 20: none of the feeds that it counts is there."""
    types = {
        event_type
        for name in feature.events
        for kind in kinds_of(name)
        for event_type, (low, high) in KINDS_OF_TYPE.items()
        if low <= kind <= high
    }
    return bool(types) and not any(_has(policy.sources, name) for name in types)


def _has(sources: Mapping[str, bool], name: str) -> bool:
    return sources[name]


def _starts(groups: Sequence[Sequence[int]]) -> NDArray[Any]:
    return np.cumsum([0, *(len(group) for group in groups)]).astype(np.int64)


def _ints(values: Iterable[int]) -> NDArray[Any]:
    return np.array(list(values), np.int64)


def _numbers(values: Iterable[float | None]) -> NDArray[Any]:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _bytes(values: Iterable[bool]) -> NDArray[Any]:
    return np.array(list(values), np.uint8)
