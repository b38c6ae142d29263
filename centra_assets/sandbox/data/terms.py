"""How tax applies to an order and what an amount is with and without it. No lines and no totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import Mint, Money, Taxed, tax_on, tax_within
from centra_assets.sandbox.data.nodes.reference import AppliedTaxRule, AppliedTaxRuleValue

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

    def list_price(self, amount: Taxed) -> int:
        """The pricelist's side of an amount: what the tax is in, or added to."""
        return amount.net.minor if self.mode is TaxMode.ADDED else amount.gross.minor

    def tax_of(self, amount: Taxed) -> int:
        """The tax that tells the two sides of an amount apart."""
        return amount.gross.minor - amount.net.minor

    def total(self, amount: int, tax: int) -> Taxed:
        """What is to be paid for an amount at pricelist prices: added tax comes on top, deducted tax goes off."""
        if self.mode is TaxMode.DEDUCTED:
            return self.mint.taxed(amount - tax, amount - tax)
        return self.taxed(amount, tax)

    def added(self, tax: int) -> Money:
        """The tax if it is added, else nothing."""
        return self.mint[tax if self.mode is TaxMode.ADDED else 0]

    def deducted(self, tax: int) -> Money:
        """The tax if it is deducted, else nothing."""
        return self.mint[tax if self.mode is TaxMode.DEDUCTED else 0]

    def included(self, tax: int) -> Money:
        """The tax if prices include it, else nothing."""
        return self.mint[tax if self.mode is TaxMode.INCLUDED else 0]

    def applied(self, tax: int) -> Sequence[AppliedTaxRuleValue]:
        """The rule that made a tax, with the tax; nothing where no tax applies."""
        if self.rule is None:
            return ()
        rule = AppliedTaxRule(
            taxId=self.rule.code, taxName=self.rule.displayName, taxPercent=self.rate, taxRule=self.rule
        )
        return (
            AppliedTaxRuleValue(
                rule=rule, taxAdded=self.added(tax), taxDeducted=self.deducted(tax), taxIncluded=self.included(tax)
            ),
        )

    def taxed(self, amount: int, tax: int) -> Taxed:
        """An amount at pricelist prices, with and without `tax`."""
        if self.mode is TaxMode.ADDED:
            return self.mint.taxed(amount + tax, amount)
        return self.mint.taxed(amount, amount - tax)
