"""The compiled look for who checks an account, and whether its newest check in reach passed; and
for whose check a complaint is about."""

from __future__ import annotations

from typing import Final

from detector.events import CODE, KIND_MASK, PROVIDER_MASK, PROVIDER_SHIFT
from detector.jit import compiled
from detector.memory import DAY_MS, Memory, Row
from detector.ring import at, find_id

REACH_MS: Final = 600_000  # back from a request; a day where only the payout is told


@compiled
def checked(m: Memory, r: Row, j: int, t: int, is_requested: bool) -> int:
    """The provider of the account's newest verification before position j, 0 for none, shifted by
    one; beside it whether one passed in reach: in 10 minutes, in a day where only the payout is
    told."""
    oldest_ms = t - (REACH_MS if is_requested else DAY_MS)
    provider: int = 0
    for k in range(j - 1, -1, -1):
        s = at(r, k)
        code = m.slots[s, CODE]
        kind = code & KIND_MASK
        if kind < 4 or kind >= 8:
            continue
        if provider == 0:
            provider = (code >> PROVIDER_SHIFT) & PROVIDER_MASK
        if m.slots[s, 0] < oldest_ms:
            break
        if kind == 4:
            return provider << 1 | 1
    return provider << 1


@compiled
def complained_of(m: Memory, r: Row, target: int) -> int:
    """The provider of the verification that a complaint is about, shifted by one; beside it 1, as
    nothing was drawn. 0: it is about none that the account's ring holds."""
    j = find_id(m, r, target)
    if j < 0:
        return 0
    code = m.slots[at(r, j), CODE]
    kind = code & KIND_MASK
    if kind < 4 or kind >= 8:
        return 0
    provider: int = (code >> PROVIDER_SHIFT) & PROVIDER_MASK
    return provider << 1 | 1
