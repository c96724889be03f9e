"""What is told in both languages; money, times and durations as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from detector.money import in_words
from streams.explain_texts import TEXTS
from streams.explain_words import WORDS, Pair

LANGUAGES: Final = ("en", "zh")
UNITS: Final = (
    (86_400_000, "d", "天"), (3_600_000, "h", "小时"), (60_000, "min", "分钟"), (1_000, "s", "秒"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """The same in both languages."""

    en: str
    zh: str

    def of(self, language: str) -> str:
        """In one of LANGUAGES."""
        return self.zh if language == "zh" else self.en

    def told(self) -> dict[str, str]:
        """As JSON has it."""
        return {"en": self.en, "zh": self.zh}


def same(text: object) -> Told:
    """What reads alike in both languages: ids, numbers, times."""
    return Told(str(text), str(text))


def say(key: str, **parts: object) -> Told:
    """A sentence of TEXTS with its parts put in, each in its language."""
    return spoken(TEXTS[key], **parts)


def spoken(pair: Pair, **parts: object) -> Told:
    """A sentence with its parts put in, each in its language."""
    en, zh = pair
    return Told(
        en.format(**{name: _in(part, "en") for name, part in parts.items()}),
        zh.format(**{name: _in(part, "zh") for name, part in parts.items()}),
    )


def word(table: str, name: str) -> Told:
    """A word of an enumeration; as it stands where nobody has translated it."""
    pair = WORDS[table].get(name)
    return Told(*pair) if pair else same(name)


def filled(pair: Told, *parts: object) -> Told:
    """A phrase with places {0}, {1} filled."""
    return Told(*(
        pair.of(language).format(*(_in(part, language) for part in parts))
        for language in LANGUAGES
    ))  # fmt: skip


def listed(parts: Iterable[Told], key: str = "comma") -> Told:
    """Several as one phrase, joined by `or` or by commas."""
    first, *rest = parts
    for part in rest:
        first = filled(Told(*TEXTS[key]), first, part)
    return first


def _in(part: object, language: str) -> str:
    return part.of(language) if isinstance(part, Told) else str(part)


def money(minor: float, currency: str | None) -> Told:
    """An amount in major units; in minor ones where the currency is not known."""
    if currency is None:
        return Told(f"{number(minor)} (minor units)", f"{number(minor)}（最小货币单位）")
    return same(in_words(minor, currency))


def duration(ms: float) -> Told:
    """A length of time in its two largest units."""
    if ms < 0:
        return Told(f"−{duration(-ms).en}", f"−{duration(-ms).zh}")
    left, parts = round(ms / 1000) * 1000, []
    for size, en, zh in UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append((count, en, zh))
        elif parts:
            break
    parts = parts[:2]
    if not parts:
        return Told(f"{number(ms)} ms", f"{number(ms)}毫秒")
    return Told(
        " ".join(f"{count} {en}" for count, en, _ in parts),
        "".join(f"{count}{zh}" for count, _, zh in parts),
    )


def number(value: float) -> str:
    """A number without more digits than a reader needs."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.2f}"


class Clock:
    """Times of the deployment's zone."""

    def __init__(self, timezone: str) -> None:
        self.zone = timezone
        self._zone = ZoneInfo(timezone)

    def local(self, ms: int) -> datetime:
        """The instant in the zone."""
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(self._zone)

    def time(self, ms: int) -> Told:
        """Date and time to the second; the zone is said once, beside."""
        return same(f"{self.local(ms):%Y-%m-%d %H:%M:%S}")

    def optional(self, ms: int | None) -> Told | None:
        """The same, where there is one."""
        return None if ms is None else self.time(ms)


def plain(value: Any) -> Any:
    """Content as JSON has it: what is told becomes {"en", "zh"}."""
    if isinstance(value, Told):
        return value.told()
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
