"""Relief that the policy grants: when, on which channels, to which accounts."""

from __future__ import annotations

from dataclasses import dataclass

from detector.policy import Policy, PolicyError, Relief


@dataclass(frozen=True, slots=True)
class _Covered:
    from_ms: int
    until_ms: int
    channels: frozenset[str]
    accounts: frozenset[str] | None  # None: not limited to accounts

    def covers(self, account_id: str, channel: str) -> bool:
        if self.accounts is not None:
            return account_id in self.accounts
        return not self.channels or channel in self.channels


class Reliefs:
    """The `[[relief]]` of a policy, with the accounts that its files name.

    Raises:
        PolicyError: a file of accounts cannot be read.
    """

    def __init__(self, policy: Policy) -> None:
        self._all = [
            _Covered(one.from_ms, one.until_ms, one.channels, _accounts(one))
            for one in policy.relief
        ]

    def of(self, account_id: str, channel: str) -> list[tuple[int, int]]:
        """From when, until when (not included) an obligation is under relief."""
        return [(r.from_ms, r.until_ms) for r in self._all if r.covers(account_id, channel)]


def _accounts(relief: Relief) -> frozenset[str] | None:
    """The accounts of a relief's file: one a line, blank lines skipped."""
    if relief.accounts_file is None:
        return None
    try:
        text = relief.accounts_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        name = relief.accounts_file.name
        raise PolicyError(name, 1, "accounts_file", f"cannot be read: {error}") from error
    return frozenset(line.strip() for line in text.splitlines() if line.strip())
