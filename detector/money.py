"""Amounts before people: minor units in the currency's own digits (ISO 4217)."""

from __future__ import annotations

from typing import Final

# Currencies whose minor unit is the unit itself, or a thousandth of it; of all others a hundredth.
WHOLE: Final = frozenset((
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF", "XPF",
))  # fmt: skip
THOUSANDTHS: Final = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
MONEY: Final = "money"  # the format of an amount in a text
UNKNOWN: Final = "–"


def in_words(minor: float, currency: str) -> str:
    """An amount as "1,234.50 CNY"."""
    digits = 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2
    return f"{minor / 10**digits:,.{digits}f} {currency}"


class Told(float):
    """A number in a text: a dash where it is not known (NaN), an amount under the format `money`.

    `currency` is that of the event; "" where it tells none, and the amount stays in minor units.
    """

    currency: str

    def __new__(cls, value: float, currency: str = "") -> Told:
        told = super().__new__(cls, value)
        told.currency = currency
        return told

    def __format__(self, spec: str) -> str:
        if self != self:
            return UNKNOWN
        if spec != MONEY:
            return super().__format__(spec)
        return in_words(float(self), self.currency) if self.currency else f"{float(self):,.0f}"
