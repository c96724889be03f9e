"""The compiled counting of a batch for the control stage: by row, by minute, and by feed.

A batch of the service is some dozens of events, so that what is done once a batch, and not once an
event, is what costs: each of these is one call.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import MINUTE_MS
from detector.control_walk import ATTEMPT, BARE, ERROR, NOTHING, PASSED
from detector.entering import JUDGED, REPEAT, Rows
from detector.events import (
    AMOUNT,
    CODE,
    KIND_MASK,
    KINDS,
    KINDS_OF_TYPE,
    LIMIT,
    PROVIDER_MASK,
    PROVIDER_SHIFT,
    TYPES,
    T,
)  # fmt: skip
from detector.jit import compiled

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
FIRST_DEBIT: Final = KINDS_OF_TYPE["auto_debit"][0]
NOBODY: Final = 0
WHAT_OF: Final = np.zeros(KIND_MASK + 1, np.uint8)  # by kind of event
for _word in ("success", "partial", "insufficient_balance", "mandate_invalid", "account_frozen"):
    WHAT_OF[KINDS[f"debit_{_word}"]] = ATTEMPT
WHAT_OF[[KINDS["debit_channel_error"], KINDS["verification_error"]]] = ERROR
WHAT_OF[KINDS["verification_timeout"]] = ERROR
WHAT_OF[KINDS["verification_failed"]] = ATTEMPT
WHAT_OF[KINDS["verification_passed"]] = PASSED
FEED_OF: Final = np.zeros(KIND_MASK + 1, np.uint8)  # place in TYPES, by kind of event
for _place, _name in enumerate(TYPES):
    FEED_OF[KINDS_OF_TYPE[_name][0] : KINDS_OF_TYPE[_name][1] + 1] = _place
NO_WORD: Final = -1


def _ints(n: int) -> Ints:
    return np.empty(n, np.int64)


class Marked(NamedTuple):
    """Room for what rows count as: an entry a row, and rows of three sorts as far as `n` says."""

    minutes: Ints
    feeds: Bytes
    what: Bytes
    who: Ints  # of a debit it is to be told by the channel's name
    counts: Ints
    amounts: Ints
    debits: Ints
    answers: Ints  # with a provider
    telling: Ints  # that count against somebody
    n: Ints  # (3,): of debits, answers, telling

    @classmethod
    def room_for(cls, rows: int) -> Marked:
        """Nothing yet."""
        one, two, three, four, five, six, seven = (_ints(rows) for _ in range(7))
        small, other = np.empty(rows, np.uint8), np.empty(rows, np.uint8)
        return cls(one, small, other, two, three, four, five, six, seven, _ints(3))


@compiled
def mark_rows(
    rows: Rows, exempt_minor: int, has_debits: bool, has_checks: bool, what_of: Bytes,
    feed_of: Bytes, m: Marked,
) -> None:  # fmt: skip
    """Say of each row in which minute and for whom it counts, and as what."""
    m.n[:] = 0
    for row in range(len(rows.clock)):
        code = rows.words[row, CODE]
        kind = code & KIND_MASK
        what, who, amount = what_of[kind], NOBODY, 0
        if what != NOTHING and kind >= FIRST_DEBIT:
            amount = rows.words[row, LIMIT]
            if has_debits:
                m.debits[m.n[0]] = row
                m.n[0] += 1
            else:
                what = NOTHING
        else:
            if what != NOTHING and has_checks:
                who = (code >> PROVIDER_SHIFT) & PROVIDER_MASK
                if who != NOBODY:
                    m.answers[m.n[1]] = row
                    m.n[1] += 1
            checked = rows.checked[row]
            if checked > 0 and checked & 1 == 0 and rows.words[row, AMOUNT] >= exempt_minor:
                what, amount = BARE, rows.words[row, AMOUNT]
                who = checked >> 1 if has_checks else NOBODY
            if who == NOBODY:
                what = NOTHING
        is_counted = rows.state[row] == JUDGED
        m.minutes[row] = (min(rows.words[row, T], rows.clock[row]) - 1) // MINUTE_MS
        m.feeds[row], m.what[row], m.who[row] = feed_of[kind], what, who
        m.counts[row], m.amounts[row] = is_counted, amount
        if is_counted and what in (ERROR, BARE):
            m.telling[m.n[2]] = row
            m.n[2] += 1


class Grouped(NamedTuple):
    """Room for the groups of rows: an entry a row, or a group; an entry of `table` a bucket."""

    table: Ints  # of a group; its length is a power of two
    group_of: Ints  # by row; -1: it counts nowhere
    last: Ints  # row of each group, and so the next two
    counts: Ints
    amounts: Ints

    @classmethod
    def room_for(cls, rows: int) -> Grouped:
        """Nothing yet."""
        buckets = max(16, 1 << (2 * rows).bit_length())
        return cls(np.full(buckets, -1, np.int64), *(_ints(rows) for _ in range(4)))


@compiled
def group_rows(
    minutes: Ints, feeds: Bytes, what: Bytes, who: Ints, counts: Ints, amounts: Ints, g: Grouped
) -> int:
    """Put the rows of one minute, feed, share and somebody into one group: how many groups."""
    groups, mask = 0, len(g.table) - 1
    for row in range(len(minutes)):
        g.group_of[row] = -1
        if counts[row] == 0:
            continue
        mixed = (minutes[row] * 64 + feeds[row] * 8 + what[row]) * 0x9E3779B1 + who[row]
        bucket = (mixed ^ (mixed >> 15)) & mask
        while g.table[bucket] >= 0:
            known = g.last[g.table[bucket]]
            if (
                minutes[known] == minutes[row] and feeds[known] == feeds[row]
                and what[known] == what[row] and who[known] == who[row]
            ):  # fmt: skip
                break
            bucket = (bucket + 1) & mask
        group = g.table[bucket]
        if group < 0:
            group = g.table[bucket] = groups
            g.counts[group] = g.amounts[group] = 0
            groups += 1
        g.group_of[row], g.last[group] = group, row
        g.counts[group] += counts[row]
        g.amounts[group] += amounts[row]
    return groups


@compiled
def count_arrivals(
    rows: Rows, feed_of: Bytes, watched: Ints, minutes: Ints, counts: Ints, n: Ints
) -> None:
    """Count what came of each feed in each minute of the clock, all but repeats: a row of `counts`
    (feed, minute's place, column) each: all, none (dead letters), then those without the words that
    are `watched`."""
    n[:] = 0
    for row in range(len(rows.clock)):
        if rows.state[row] == REPEAT:
            continue
        feed = feed_of[rows.words[row, CODE] & KIND_MASK]
        minute, place = (rows.clock[row] - 1) // MINUTE_MS, n[feed] - 1
        if place < 0 or minutes[feed, place] != minute:
            place = n[feed]
            n[feed] += 1
            minutes[feed, place] = minute
            counts[feed, place, :] = 0
        counts[feed, place, 0] += 1
        for k in range(watched.shape[1]):
            word = watched[feed, k]
            if word != NO_WORD and rows.words[row, word] == 0:
                counts[feed, place, 2 + k] += 1
