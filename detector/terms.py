"""What the walk reads of a policy: allow-lists, absent fields, local time, campaigns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.jit import inlined
from detector.policy import Policy

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
WEEK_S: Final = 604_800  # no zone changes its clocks there and back again within a week


class Terms(NamedTuple):
    """What the compiled walk reads of a policy. Hashes are sorted."""

    payees: NDArray[np.int64]
    devices: NDArray[np.int64]
    networks: NDArray[np.int64]
    absent: NDArray[np.uint8]  # by field column: 1 where the policy says it is never there
    changes_ms: NDArray[np.int64]  # from when an offset holds
    offsets_ms: NDArray[np.int64]  # of the local clock from UTC
    campaigns: NDArray[np.int64]  # (n, 2): from, until


def terms_of(policy: Policy, ids: Ids, absent: NDArray[np.uint8]) -> Terms:
    """The terms of a policy, with ids hashed as events' are; `absent` flags field columns."""

    def hashes(names: frozenset[str]) -> NDArray[np.int64]:
        return np.array(sorted(ids.hash(name) for name in names), np.int64)

    changes = offset_changes(policy.timezone)
    campaigns = [(campaign.from_ms, campaign.until_ms) for campaign in policy.campaigns]
    return Terms(
        payees=hashes(policy.allow_payees),
        devices=hashes(policy.allow_devices),
        networks=hashes(policy.allow_networks),
        absent=absent,
        changes_ms=np.array([at for at, _ in changes], np.int64),
        offsets_ms=np.array([offset for _, offset in changes], np.int64),
        campaigns=np.array(campaigns, np.int64).reshape(-1, 2),
    )


def offset_changes(timezone: str) -> list[tuple[int, int]]:
    """From when (epoch ms) which offset from UTC (ms) holds, over all times of the contract."""
    zone = ZoneInfo(timezone)

    def offset_s(at_s: int) -> int:
        offset = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
        assert offset is not None
        return round(offset.total_seconds())

    changes, known = [(0, offset_s(0) * 1000)], offset_s(0)
    for week in range(WEEK_S, TIME_MAX_MS // 1000 + WEEK_S, WEEK_S):
        now = offset_s(week)
        if now != known:
            before, after = week - WEEK_S, week
            while after - before > 1:
                middle = (before + after) // 2
                before, after = (middle, after) if offset_s(middle) == known else (before, middle)
            changes.append((after * 1000, now * 1000))
            known = now
    return changes


@inlined
def local_ms(terms: Terms, t: int) -> int:
    """The local clock's reading at t, as if it were UTC."""
    k = np.searchsorted(terms.changes_ms, t, side="right") - 1
    local: int = t + terms.offsets_ms[k if k > 0 else 0]
    return local


@inlined
def in_campaign(terms: Terms, t: int) -> float:
    """1 where one of the lender's own campaigns holds at t."""
    for k in range(len(terms.campaigns)):
        if terms.campaigns[k, 0] <= t < terms.campaigns[k, 1]:
            return 1.0
    return 0.0
