"""The policy: what a deployment has, allows, budgets and forgives.

A shipped TOML file with an overlay laid over it: tables are merged key by key, lists are replaced.
Every key is checked for its name, type and range; an error names file, line, field and the nearest
right name. Whether a parameter or rule id exists is known only to the rulebook, which checks it
when it is loaded with the policy (`places` says where each was written).
"""

from __future__ import annotations

import hashlib
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from detector.costs import Costs, read_costs
from detector.events import ID_MAX_CHARS, TIME_MAX_MS, TYPES
from detector.networks import canonical_networks
from detector.policy_canonical import canonical
from detector.schema import AutoDebit, Disbursement, Disposition, IdentityVerification, Login
from detector.toml_file import ConfigError, Keys, Place, TomlFile, nearest_name
from detector.toml_section import Section, kind_of, parameter_value

SHIPPED: Final = Path(__file__).parent / "policy.toml"
STATUSES: Final = ("shadow", "live", "off")
EVENT_CLASSES: Final = (Login, IdentityVerification, Disbursement, AutoDebit, Disposition)
VERSIONS_MAX: Final = ("draw_version_max", "debit_version_max")
HISTORY_MIN_DAYS: Final = 15  # what can be judged, and the hits of a week before it
_ALWAYS: Final = frozenset({"event_id", "account_id", "occurred_at"})
# What a source may lack for good: any field but those that every event must have to be one.
FIELDS_OF_EVENTS: Final = frozenset(
    f"{event_type}.{name}"
    for event_type, record in zip(TYPES, EVENT_CLASSES, strict=True)
    for name in record.__struct_fields__
    if name not in _ALWAYS
)


class PolicyError(ConfigError):
    """A policy that is refused."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What people can bear: alerts of the models, contacts with one borrower."""

    model_risk_per_10000_disbursements: float
    contacts_per_day: int


@dataclass(frozen=True, slots=True)
class Relief:
    """A time in which nobody of these is overdue, reduced or pressed; [from_ms, until_ms).

    `channels` empty and `accounts_file` None: everybody. The file is a path only, not read here.
    """

    name: str
    from_ms: int
    until_ms: int
    channels: frozenset[str]
    accounts_file: Path | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A time in which the lender itself raises limits; [from_ms, until_ms)."""

    name: str
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What is in force. Parameters are numbers; a duration is in ms (`durations` names those)."""

    timezone: str
    lateness_hours: float  # 0 to 168
    sources: Mapping[str, bool]  # by event type
    absent_fields: frozenset[str]  # "disbursement.device_id": never carried
    allow_payees: frozenset[str]
    allow_devices: frozenset[str]
    allow_networks: frozenset[str]  # canonical: IPv4 /24, IPv6 /48
    parameters: Mapping[str, float]  # by bare (shared) name or "typology.parameter"
    durations: frozenset[str]  # the parameters that were written as durations
    rule_status: Mapping[str, str]  # by rule id: shadow, live, off
    budget: Budget
    label_delay_days: float
    draw_version_max: int | None  # the newest version of models that may score; None: any
    debit_version_max: int | None
    costs: Costs | None  # None: outcomes do not rest on expected cost
    history_days: float
    relief: tuple[Relief, ...]
    campaigns: tuple[Campaign, ...]
    places: Mapping[str, Place] = field(compare=False, repr=False)  # "parameters.x", "rules.y"

    @property
    def lateness_ms(self) -> int:
        """Lateness in milliseconds."""
        return round(self.lateness_hours * 3_600_000)

    @property
    def history_ms(self) -> int:
        """How far back anything is kept, in milliseconds."""
        return round(self.history_days * 86_400_000)

    @property
    def version(self) -> str:
        """Twelve hex digits that differ wherever the policy does."""
        told = {f.name: getattr(self, f.name) for f in fields(Policy) if f.name != "places"}
        return hashlib.sha256(canonical(told).encode()).hexdigest()[:12]


def load_policy(overlay: Path | None = None) -> Policy:
    """The shipped policy with an overlay laid over it; PolicyError where either is wrong."""
    shipped = TomlFile.read(SHIPPED, PolicyError)
    values = _read(Section(shipped, (), shipped.tree), {})
    if overlay is not None:
        file = TomlFile.read(overlay, PolicyError)
        values = _read(Section(file, (), file.tree), values)
    return Policy(**values)


def lay_over(policy: Policy, overlay: Section) -> Policy:
    """A policy with a table of overlay keys laid over it; the error of the table's own file."""
    return Policy(**_read(overlay, {f.name: getattr(policy, f.name) for f in fields(Policy)}))


Values = dict[str, Any]


def _read(top: Section, base: Values) -> Values:
    """Base values with those of a file laid over; without a base every key is compulsory."""
    top.only(["timezone", "lateness_hours", *_TABLES, "costs", "relief", "campaign"])
    empty: Values = {"durations": frozenset(), "absent_fields": frozenset(), "places": {},
                     **dict.fromkeys(VERSIONS_MAX), "costs": None}  # fmt: skip
    values = empty | base
    costs = top.section("costs")
    if costs is not None:
        values["costs"] = read_costs(costs)
    if not base or top.has("timezone"):
        values["timezone"] = _timezone(top)
    if not base or top.has("lateness_hours"):
        values["lateness_hours"] = top.number("lateness_hours", 0, 168)
    for name, read in _TABLES.items():
        section = top.section(name)
        if section is not None:
            read(section, values)
        elif not base:
            raise top.error("", f'lacks "[{name}]"')
    if not base or top.has("relief"):
        values["relief"] = tuple(_relief(section) for section in top.sections("relief"))
    if not base or top.has("campaign"):
        values["campaigns"] = tuple(_campaign(section) for section in top.sections("campaign"))
    return values


def _timezone(top: Section) -> str:
    name = top.text("timezone")
    names = zoneinfo.available_timezones()
    if name not in names:
        raise top.error("timezone", "unknown time zone", nearest_name(name, names))
    return name


def _sources(section: Section, values: Values) -> None:
    section.only([*TYPES, "fields"])
    sources = dict(values.get("sources", {}))
    for name in TYPES:
        if section.has(name) or name not in sources:
            sources[name] = section.flag(name)
    values["sources"] = sources
    absent = set(values["absent_fields"])
    given = section.section("fields")
    for name, keys, carried in given.flat() if given else ():
        if name not in FIELDS_OF_EVENTS:
            nearest = nearest_name(name, FIELDS_OF_EVENTS)
            raise section.file.error(keys, "is no field of an event", nearest)
        if not isinstance(carried, bool):
            raise _not(section, keys, "true or false", carried)
        (absent.discard if carried else absent.add)(name)
    values["absent_fields"] = frozenset(absent)


def _not(section: Section, keys: Keys, wanted: str, value: object) -> ConfigError:
    return section.file.error(keys, f"must be {wanted}, found {kind_of(value)}")


def _allow(section: Section, values: Values) -> None:
    section.only(["payees", "devices", "networks"])
    for key in ("payees", "devices"):
        if section.has(key) or f"allow_{key}" not in values:
            ids = section.texts(key)
            for index, text in enumerate(ids):
                if not 1 <= len(text) <= ID_MAX_CHARS:
                    raise section.error(key, f"entry {index + 1} is no id (1 to 128 characters)")
            values[f"allow_{key}"] = frozenset(ids)
    if section.has("networks") or "allow_networks" not in values:
        values["allow_networks"] = canonical_networks(section, "networks")


def _parameters(section: Section, values: Values) -> None:
    parameters, durations = dict(values.get("parameters", {})), set(values["durations"])
    places = dict(values["places"])
    for name, keys, given in section.flat():
        number, is_duration = parameter_value(section.file, keys, given)
        parameters[name] = number
        (durations.add if is_duration else durations.discard)(name)
        places[f"parameters.{name}"] = section.file.place(keys)
    values |= {"parameters": parameters, "durations": frozenset(durations), "places": places}


def _rules(section: Section, values: Values) -> None:
    statuses, places = dict(values.get("rule_status", {})), dict(values["places"])
    for rule_id, keys, status in section.flat():
        if not isinstance(status, str):
            raise _not(section, keys, "text", status)
        if status not in STATUSES:
            nearest = nearest_name(status, STATUSES)
            raise section.file.error(keys, f'unknown status "{status}"', nearest)
        statuses[rule_id] = status
        places[f"rules.{rule_id}"] = section.file.place(keys)
    values |= {"rule_status": statuses, "places": places}


def _budget(section: Section, values: Values) -> None:
    share, contacts = "model_risk_per_10000_disbursements", "contacts_per_day"
    section.only([share, contacts])
    old: Budget | None = values.get("budget")
    keep_share, keep_contacts = old and not section.has(share), old and not section.has(contacts)
    values["budget"] = Budget(
        old.model_risk_per_10000_disbursements
        if old and keep_share else section.number(share, 0, 10_000),
        old.contacts_per_day if old and keep_contacts else section.integer(contacts, 0, 100),
    )  # fmt: skip


def _learning(section: Section, values: Values) -> None:
    section.only(["label_delay_days", *VERSIONS_MAX])
    values |= {key: section.integer(key, 0, 10**9) for key in VERSIONS_MAX if section.has(key)}
    if section.has("label_delay_days") or "label_delay_days" not in values:
        values["label_delay_days"] = section.number("label_delay_days", 1, 365)


def _memory(section: Section, values: Values) -> None:
    section.only(["history_days"])
    if section.has("history_days") or "history_days" not in values:
        values["history_days"] = section.number("history_days", HISTORY_MIN_DAYS, 3650)


_TABLES: Final[dict[str, Callable[[Section, Values], None]]] = {
    "sources": _sources, "allow": _allow, "parameters": _parameters, "rules": _rules,
    "budget": _budget, "learning": _learning, "memory": _memory,
}  # fmt: skip


def _relief(section: Section) -> Relief:
    section.only(["name", "from", "until", "channels", "accounts_file"])
    channels = frozenset(section.texts("channels", ()))
    accounts = section.text("accounts_file", None)
    if channels and accounts is not None:
        raise section.error("accounts_file", "stands beside channels: give one of the two")
    file = Path(section.file.name).parent / accounts if accounts is not None else None
    return Relief(section.text("name"), *_interval(section), channels, file)


def _campaign(section: Section) -> Campaign:
    section.only(["name", "from", "until"])
    return Campaign(section.text("name"), *_interval(section))


def _interval(section: Section) -> tuple[int, int]:
    from_ms, until_ms = _instant(section, "from"), _instant(section, "until")
    if until_ms <= from_ms:
        raise section.error("until", "must be after from")
    return from_ms, until_ms


def _instant(section: Section, key: str) -> int:
    if not section.has(key):
        raise section.error("", f'lacks "{key}"')
    value = section.table[key]
    wanted = "a date-time with its offset, such as 2026-03-01T00:00:00+08:00"
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise section.error(key, f"must be {wanted}")
    instant_ms = int(value.timestamp()) * 1000 + value.microsecond // 1000
    if not 0 <= instant_ms <= TIME_MAX_MS:
        raise section.error(key, "must be from 1970 to 2100")
    return instant_ms
