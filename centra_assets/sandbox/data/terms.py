"""How tax applies to an order and what an amount is with and without it. No lines and no totals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import Mint, Taxed, tax_on, tax_within

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import TaxRule


class TaxMode(StrEnum):
    """What the pricelist's prices mean for tax."""

    INCLUDED = "included"  # prices contain the tax
    ADDED = "added"  # tax comes on top (the United States, most of wholesale)
    DEDUCTED = "deducted"  # prices contain a tax that is taken off again (export)


@dataclass(slots=True, frozen=True)
class Terms:
    """The tax terms of an order; orders of the same market and country share one object."""

    mode: TaxMode
    rate: Decimal
    rule: TaxRule | None
    mint: Mint

    def tax(self, amount: int, rate: Decimal | None = None) -> int:
        """The tax in, or on, an amount at pricelist prices."""
        rate = self.rate if rate is None else rate
        return tax_on(amount, rate) if self.mode is TaxMode.ADDED else tax_within(amount, rate)

    def taxed(self, amount: int, tax: int) -> Taxed:
        """An amount at pricelist prices, with and without `tax`."""
        if self.mode is TaxMode.ADDED:
            return self.mint.taxed(amount + tax, amount)
        return self.mint.taxed(amount, amount - tax)
