"""What of a policy the laws of detector/README.md read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from tests.reference_memory import DAY, SECOND


@dataclass(frozen=True)
class Terms:
    """What of a policy the laws read; as shipped, unless said."""

    missing_sources: frozenset[str] = frozenset()
    absent_fields: frozenset[str] = frozenset()  # "disbursement.device_id"
    allow_devices: frozenset[str] = frozenset()
    allow_networks: frozenset[str] = frozenset()
    allow_payees: frozenset[str] = frozenset()
    lateness_ms: int = DAY
    history_ms: int = 180 * DAY
    timezone: str = "Asia/Shanghai"
    campaigns: tuple[tuple[int, int], ...] = ()  # from, until
    relief: tuple[tuple[int, int, tuple[str, ...]], ...] = ()  # from, until, channels

    def allows(self, stage: str, key: str) -> bool:
        lists = {
            "device": self.allow_devices, "network": self.allow_networks,
            "payee": self.allow_payees,
        }  # fmt: skip
        return key in lists.get(stage, frozenset())

    def local_hour(self, t: int) -> int:
        """Law 20h."""
        return self.local(t).hour

    def local_date(self, t: int) -> date:
        return self.local(t).date()

    def local(self, t: int) -> datetime:
        return datetime.fromtimestamp(t // SECOND, ZoneInfo(self.timezone))

    def in_campaign(self, t: int) -> bool:
        """Law 20h: from <= t < until."""
        return any(start <= t < end for start, end in self.campaigns)
