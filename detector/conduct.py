"""The lender's own conduct: debits tried too often, contacts outside the rules.

One alert an entity and local day, with how often and of what kind, told at once and updated through
the day. The counts are of one account stage's partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec

from detector.alerts import WEIGHTS
from detector.obligation_steps import ATTEMPTS, SHORT, Obligation, Step, place_of
from detector.policy import Policy
from detector.records import LASTING, Versions, case_id
from detector.rulebook import Rulebook
from detector.schema import Disposition
from detector.treatment import Calendar, Contacts

RETRY, BREACH = "excessive_retry", "contact_breach"
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    RETRY: ("beyond", "close", "by_night"),
    BREACH: ("by_night", "beyond", "to_another", "hardship"),
}
SAMPLES_MAX: Final = 32
EVERY_ONE_UP_TO: Final = 16  # each makes a revision; after that at powers of two
Records = list[dict[str, Any]]


class Watch(msgspec.Struct, array_like=True):
    """What an entity did on one local day, and what was said of it."""

    typology: str
    entity_kind: str
    entity_id: str
    day: int
    opened_at_ms: int
    count: int = 0
    kinds: dict[str, int] = msgspec.field(default_factory=dict)
    samples: list[tuple[int, str]] = msgspec.field(default_factory=list)  # account, event id
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """An event that is outside the rules, and of which kinds."""

    typology: str
    entity: tuple[str, str]  # kind, id
    account: int  # hash
    account_id: str
    at_ms: int
    event_id: str
    kinds: tuple[str, ...]
    is_hardship: bool = False


class Conduct:
    """Judges debits and contacts, and keeps the day's watches."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, calendar: Calendar, contacts: Contacts,
        versions: Versions,
    ) -> None:  # fmt: skip
        self._typologies = rulebook.typologies
        self._tells_consent = "disposition.contact_consent" not in policy.absent_fields
        numbers = rulebook.parameters
        self._attempts = int(numbers.get("excessive_retry.attempts", 0))
        self._apart_ms = int(numbers.get("excessive_retry.apart_ms", 0))
        self._night_counts = numbers.get("excessive_retry.night_retry", 0) != 0
        self._voices = int(numbers.get("contact_breach.voices_per_day", 0))
        self._calendar = calendar
        self._contacts = contacts
        self._versions = versions.record
        self._days: dict[int, dict[int, Watch]] = {}  # by local day, then by the hash of its scope
        self._touched: set[tuple[int, int]] | None = None  # None: nobody asks for changes

    def debit(self, account: int, obligation: Obligation, event_id: str) -> Records:
        """What a step of an obligation, already in its place, says of the lender."""
        if len(obligation.steps) < 2 or RETRY not in self._typologies:
            return []
        step = next((one for one in obligation.steps if one.event_id == event_id), None)
        if step is None:
            return []
        kinds = self._pressing(obligation, step)
        if not kinds:
            return []
        entity = ("channel", obligation.channel)
        return self._note(Seen(
            RETRY, entity, account, obligation.account_id, step.at_ms, event_id, kinds
        ))  # fmt: skip

    def contact(
        self, account: int, event: Disposition, *, voices: int, is_hardship: bool
    ) -> Records:
        """What a contact says of who made it. `voices`: people reached by voice that day so far,
        this contact included."""
        if BREACH not in self._typologies:
            return []
        is_voice = event.contact_channel == "voice" and bool(event.contact_reached)
        is_night = self._calendar.is_night(event.occurred_at) and not event.contact_consent
        is_night = is_night and self._tells_consent  # else nobody knows what was agreed
        found = (is_night, is_voice and voices > self._voices, event.contact_party == "other",
                 is_hardship)  # fmt: skip
        kinds = tuple(kind for kind, is_so in zip(KINDS[BREACH], found, strict=True) if is_so)
        if not kinds:
            return []
        account_id = event.account_id or ""
        entity = ("account", account_id)
        if event.agency_id is not None:
            entity = ("agency", event.agency_id)
        return self._note(Seen(
            BREACH, entity, account, account_id, event.occurred_at, event.event_id, kinds,
            is_hardship,
        ))  # fmt: skip

    def forget_before(self, at_ms: int) -> None:
        """Drop the days that no event still to be judged can ask for."""
        oldest = self._calendar.day(at_ms) - 1
        for day in [day for day in self._days if day < oldest]:
            for number in self._days.pop(day):
                self._touch(day, number)

    def drop(self, account: int) -> None:
        """Drop what an account gave: its own watches, and its samples in others'."""
        for day, watches in self._days.items():
            for number, watch in list(watches.items()):
                left = [sample for sample in watch.samples if sample[0] != account]
                if len(left) == len(watch.samples):
                    continue
                watch.samples = left
                if watch.entity_kind == "account":
                    del watches[number]
                self._touch(day, number)

    def changes(self) -> Iterator[tuple[tuple[int, int], Watch | None]]:
        """(day, number) and the watch, None where forgotten, of what changed since."""
        touched, self._touched = self._touched, set()
        for day, number in sorted(touched or ()):
            yield (day, number), self._days.get(day, {}).get(number)

    def restore(self, told: Mapping[tuple[int, int], Watch]) -> None:
        """Take the watches of an earlier run."""
        for (day, number), watch in told.items():
            self._days.setdefault(day, {})[number] = watch

    def _pressing(self, obligation: Obligation, step: Step) -> tuple[str, ...]:
        """How an attempt presses a borrower who was short of balance; nothing: it does not.

        A rail's own error reached nobody, and the attempt after one makes it good.
        """
        if step.word not in ATTEMPTS or step.word == "channel_error":
            return ()
        place = place_of(step)
        earlier = [s for s in obligation.steps if s.word in ATTEMPTS and place_of(s) < place]
        was_short = any(s.word in SHORT and s.mandate == step.mandate for s in earlier)
        if not was_short or earlier[-1].word == "channel_error":
            return ()
        reached = [s for s in earlier if s.word != "channel_error"]
        is_night = self._night_counts and self._calendar.is_night(step.at_ms)
        found = (
            len(reached) + 1 > self._attempts,
            step.at_ms - reached[-1].at_ms < self._apart_ms,
            is_night,
        )  # fmt: skip
        return tuple(kind for kind, is_so in zip(KINDS[RETRY], found, strict=True) if is_so)

    def _note(self, seen: Seen) -> Records:
        day = self._calendar.day(seen.at_ms)
        text = f"{seen.typology}|{seen.entity[0]}|{seen.entity[1]}|{day}"
        number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
        watches = self._days.setdefault(day, {})
        watch = watches.get(number)
        if watch is None:
            watch = watches[number] = Watch(seen.typology, *seen.entity, day, seen.at_ms)
        watch.count += 1
        for kind in seen.kinds:
            watch.kinds[kind] = watch.kinds.get(kind, 0) + 1
        watch.samples = [*watch.samples, (seen.account, seen.event_id)][-SAMPLES_MAX:]
        self._touch(day, number)
        if watch.count > EVERY_ONE_UP_TO and watch.count & (watch.count - 1):
            return []
        watch.revision += 1
        return [self._record(watch, seen, text, number)]

    def _record(self, watch: Watch, seen: Seen, text: str, number: int) -> dict[str, Any]:
        typology = self._typologies[watch.typology]
        is_account = watch.entity_kind == "account"
        counts = {kind: watch.kinds.get(kind, 0) for kind in KINDS[watch.typology]}
        told = {"count": watch.count, **counts}
        reason = {
            "code": watch.typology, "text": typology.text.format(**told),
            "text_zh": typology.text_zh.format(**told),
            "rule": f"{watch.typology}@{typology.version}", "contribution": 1.0,
            "observed": watch.count, "normal": 0, "threshold": 1,
        }  # fmt: skip
        actions = list(typology.actions)
        return {
            "alert_id": blake2b(
                text.encode(), digest_size=16, person=b"lendwatch.alert"
            ).hexdigest(),
            "revision": watch.revision,
            "status": "open" if watch.revision == 1 else "updated",
            "family": typology.family,
            "typology": watch.typology,
            "severity": typology.severity,
            "entity": {"kind": watch.entity_kind, "id": watch.entity_id},
            "case_id": case_id(seen.account if is_account else number, watch.day),
            "amount_minor": None,
            "currency": None,
            "act_by": None,
            "expires_at": None,
            "human_review": "required" if LASTING & set(actions) else "not_needed",
            "account_id": seen.account_id if is_account else None,
            "trigger_event_id": seen.event_id,
            "occurred_at": seen.at_ms,
            "opened_at": watch.opened_at_ms,
            "score": WEIGHTS[typology.severity],
            "reasons": [reason],
            "techniques": list(typology.techniques),
            "evidence": [event_id for _, event_id in reversed(watch.samples)],
            "actions": actions,
            "treatment": self._contacts.treatment(
                seen.account, seen.at_ms, hardship=seen.is_hardship,
                is_system_caused=watch.typology == RETRY,
            ),
            "versions": self._versions,
        }  # fmt: skip

    def _touch(self, day: int, number: int) -> None:
        if self._touched is not None:
            self._touched.add((day, number))
