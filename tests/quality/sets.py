"""The development sets: how each is mapped, and under which policy it is replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DevelopmentSet:
    """A public set. `option` names its file on the command line; `most` alerts a day are judged."""

    option: str
    mapping: str
    title: str
    most: int
    feeds: tuple[str, ...]  # besides dispositions
    delay_days: int = 7


SETS: Final = (
    DevelopmentSet("synccfd", "synccfd", "SynCCFD, seed 7", 100, ("disbursement",)),
    DevelopmentSet("paysim", "paysim", "PaySim 2, seed 42, balances withheld", 100,
                   ("disbursement",)),
    DevelopmentSet("finforge", "finforge", "FinForge, seed 7", 50, ("disbursement",)),
    DevelopmentSet("uci", "uci_credit_card", "UCI credit card", 100, ("auto_debit",)),
)  # fmt: skip


def policy_of(one: DevelopmentSet) -> str:
    """The overlay that says what the set knows."""
    feeds = ("login", "identity_verification", "disbursement", "auto_debit")
    told = "\n".join(f"{feed} = {str(feed in one.feeds).lower()}" for feed in feeds)
    return f"[sources]\n{told}\n[learning]\nlabel_delay_days = {one.delay_days}\n"
