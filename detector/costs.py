"""What a decision costs: the ladder by expected cost, where a policy has one (law 27d).

A step is worth its price when the loss that is to be expected without it is greater: chance times
amount (Elkan 2001, "The foundations of cost-sensitive learning"). It reaches as far as `challenge`:
nobody is declined for a number alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from detector.toml_section import Section

COST_MAX_MINOR = 10**15


@dataclass(frozen=True, slots=True)
class Costs:
    """Prices of the steps, minor units of one currency."""

    currency: str
    review_minor: int  # of a person's look
    challenge_minor: int  # of asking an honest borrower once more

    def outcome(self, chance: float, amount_minor: int, currency: str | None) -> str:
        """What the expected loss of a draw is worth; `approve` for an amount in another currency.

        `chance`: 0 to 1, that it is unauthorized.
        """
        if currency != self.currency:
            return "approve"
        loss_minor = chance * amount_minor
        if loss_minor > (1.0 - chance) * self.challenge_minor + self.review_minor:
            return "challenge"
        return "review" if loss_minor > self.review_minor else "approve"


def read_costs(section: Section) -> Costs:
    """A policy's [costs]; all of it, or the section's error."""
    section.only(["currency", "review_minor", "challenge_minor"])
    currency = section.text("currency")
    if len(currency) != 3 or not currency.isupper() or not currency.isascii():
        raise section.error("currency", "must be an ISO 4217 code, such as CNY")
    return Costs(
        currency,
        section.integer("review_minor", 0, COST_MAX_MINOR),
        section.integer("challenge_minor", 0, COST_MAX_MINOR),
    )
