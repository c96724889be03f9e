"""The compiled familiar sets: what an account knows, and which accounts an entity has seen.

Times are whole seconds, two to a word (first or earlier field high, second low). An account's entry
is (hash | kind, first | last); another entity's is (account, first | last, last failed log-in |
last successful one, fraud label | cleared label).
"""

from __future__ import annotations

from detector.jit import inlined
from detector.memory import (
    ACCOUNTS_MAX,
    DEVICES_MAX,
    EVICTED_FAMILIAR,
    FAMILIAR_MIN,
    KNOWN_MAX,
    NETWORKS_MAX,
    PAYEES_MAX,
    Memory,
    Row,
)  # fmt: skip
from detector.places import copy_row, give_back, take

KNOWN_DEVICE, KNOWN_NETWORK, KNOWN_PAYEE = 0, 1, 2
LABEL_MS = 90 * 86_400_000  # a fraud label speaks, and keeps its account in the set, so long


@inlined
def pack(high: int, low: int) -> int:
    """Two times in seconds in one word."""
    return (high << 32) | low


@inlined
def high(word: int) -> int:
    """The first time of a word."""
    return (word >> 32) & 0xFFFFFFFF


@inlined
def low(word: int) -> int:
    """The second time of a word."""
    return word & 0xFFFFFFFF


@inlined
def find_known(m: Memory, r: Row, kind: int, value: int) -> int:
    """The entry of an account's device, network or payee; -1 where it is not known."""
    wanted = (value & ~3) | kind
    for k in range(r.familiar_at, r.familiar_at + r.familiar_count):
        if m.familiar[k, 0] == wanted:
            return k
    return -1


@inlined
def find_account(m: Memory, r: Row, account: int) -> int:
    """The entry of an account at another entity, or -1."""
    for k in range(r.familiar_at, r.familiar_at + r.familiar_count):
        if m.familiar[k, 0] == account:
            return k
    return -1


@inlined
def _add(m: Memory, r: Row, size_max: int) -> int:
    """One more entry at the end of the set; the caller has checked that it may grow."""
    if r.familiar_count == r.familiar_size:
        old_at, old_size = r.familiar_at, r.familiar_size
        size = FAMILIAR_MIN if old_size == 0 else min(old_size * 2, size_max)
        new_at = take(m.familiar, m, 1, size)
        for k in range(r.familiar_count):
            copy_row(m.familiar, old_at + k, new_at + k)
        if old_size:
            give_back(m.familiar, m, 1, old_at, old_size)
        r.familiar_at = new_at
        r.familiar_size = size
    k = r.familiar_at + r.familiar_count
    r.familiar_count += 1
    return k


@inlined
def see(m: Memory, r: Row, kind: int, value: int, t: int) -> None:
    """Write that the account used this device, network or payee at t."""
    seconds = t // 1000
    k = find_known(m, r, kind, value)
    if k >= 0:
        word = m.familiar[k, 1]
        m.familiar[k, 1] = pack(min(high(word), seconds), max(low(word), seconds))
        return
    limit = DEVICES_MAX if kind == 0 else NETWORKS_MAX if kind == 1 else PAYEES_MAX
    held, longest = 0, -1
    for i in range(r.familiar_at, r.familiar_at + r.familiar_count):
        if m.familiar[i, 0] & 3 == kind:
            held += 1
            if longest < 0 or low(m.familiar[i, 1]) < low(m.familiar[longest, 1]):
                longest = i
    if held >= limit:
        k = longest
        m.used[EVICTED_FAMILIAR] += 1
    else:
        k = _add(m, r, KNOWN_MAX)
    m.familiar[k, 0] = (value & ~3) | kind
    m.familiar[k, 1] = pack(seconds, seconds)


@inlined
def _entry_of(m: Memory, r: Row, account: int) -> int:
    """The account's entry, made where it is not there; -1 where nothing may give way."""
    k = find_account(m, r, account)
    if k >= 0:
        return k
    if r.familiar_count < ACCOUNTS_MAX:
        k = _add(m, r, ACCOUNTS_MAX)
    else:
        m.used[EVICTED_FAMILIAR] += 1  # the longest unseen, or the new one itself
        since = m.clock[0] - LABEL_MS
        for i in range(r.familiar_at, r.familiar_at + r.familiar_count):
            if high(m.familiar[i, 3]) * 1000 > since and high(m.familiar[i, 3]) > 0:
                continue
            if k < 0 or low(m.familiar[i, 1]) < low(m.familiar[k, 1]):
                k = i
        if k < 0:
            return -1
    for word in range(1, 4):
        m.familiar[k, word] = 0
    m.familiar[k, 0] = account
    return k


@inlined
def see_account(m: Memory, r: Row, account: int, t: int, kind: int) -> None:
    """Write that this entity saw the account at t, by an event of this kind."""
    k = _entry_of(m, r, account)
    if k < 0:
        return
    seconds = t // 1000
    word = m.familiar[k, 1]
    first = seconds if low(word) == 0 else min(high(word), seconds)
    m.familiar[k, 1] = pack(first, max(low(word), seconds))
    logins = m.familiar[k, 2]
    if kind == 1:
        m.familiar[k, 2] = pack(max(high(logins), seconds), low(logins))
    elif kind == 0:
        m.familiar[k, 2] = pack(high(logins), max(low(logins), seconds))


@inlined
def label(m: Memory, r: Row, account: int, t: int, is_fraud: bool) -> None:
    """Write a label of the account at this entity; a newer one replaces an older one."""
    k = _entry_of(m, r, account)
    if k < 0:
        return
    seconds = t // 1000
    word = m.familiar[k, 3]
    if seconds >= max(high(word), low(word)):
        m.familiar[k, 3] = pack(seconds, 0) if is_fraud else pack(0, seconds)


@inlined
def count_seen(m: Memory, r: Row, after_ms: int) -> int:
    """How many accounts were seen after a time."""
    n = 0
    for k in range(r.familiar_at, r.familiar_at + r.familiar_count):
        if low(m.familiar[k, 1]) * 1000 > after_ms:
            n += 1
    return n


@inlined
def count_fraud(m: Memory, r: Row, after_ms: int, t: int) -> int:
    """How many accounts have a fraud label of (after_ms, t]."""
    n = 0
    for k in range(r.familiar_at, r.familiar_at + r.familiar_count):
        at_ms = high(m.familiar[k, 3]) * 1000
        if at_ms > 0 and after_ms < at_ms <= t:
            n += 1
    return n
