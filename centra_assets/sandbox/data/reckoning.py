"""Reckons an order: the values of its lines, its discounts' parts, its totals. Nothing here decides what is ordered."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import part_of, rounded
from centra_assets.sandbox.data.nodes.catalogue import Weight
from centra_assets.sandbox.data.nodes.orders import BundleOrderLine, OrderTotals
from centra_assets.sandbox.data.nodes.promotions import (
    AppliedVoucherCredit,
    AppliedVoucherDiscount,
    AppliedVoucherFreeShipping,
)

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.orders import Order, OrderLine
    from centra_assets.sandbox.data.nodes.promotions import OrderDiscount
    from centra_assets.sandbox.data.terms import Terms

_weights: dict[Decimal, Weight] = {}


def counted_lines(order: Order) -> list[OrderLine]:
    """The lines that carry units and money: the parts of a bundle count, the bundle itself does not count again."""
    return [line for line in order.lines if not isinstance(line, BundleOrderLine)]


def value_line(line: OrderLine, terms: Terms, unit: int) -> None:
    """Set a line's price and value from its unit price at the pricelist (minor units) and its quantity."""
    line.unitPrice = terms.taxed(unit, terms.tax(unit, line.taxPercent))
    value = unit * line.quantity
    line.lineValue = terms.taxed(value, terms.tax(value, line.taxPercent))


def line_values(order: Order) -> int:
    """The value of the lines at pricelist prices, in minor units."""
    return sum(order.terms.list_price(line.lineValue) for line in counted_lines(order))


def discount_parts(order: Order, goods: int) -> tuple[int, int]:
    """What the discounts take off the goods and off the shipping, in minor units."""
    total = sum(discount.value.minor for discount in order.discountsApplied)
    on_shipping = sum(_shipping_part(discount) for discount in order.discountsApplied)
    on_goods = min(total - on_shipping, goods)
    return on_goods, total - on_goods


def _shipping_part(discount: OrderDiscount) -> int:
    if isinstance(discount, AppliedVoucherFreeShipping):
        return discount.value.minor
    if isinstance(discount, AppliedVoucherDiscount) and discount.shippingValue is not None:
        return discount.shippingValue.minor
    return 0


def discount_taxes(order: Order, goods: int, shipping: int) -> tuple[int, int]:
    """The tax within the two parts of the discounts, in minor units."""
    on_goods, on_shipping = discount_parts(order, goods)
    goods_tax = sum(order.terms.tax_of(line.lineValue) for line in counted_lines(order))
    return part_of(on_goods, goods_tax, goods), part_of(on_shipping, order.terms.tax(shipping), shipping)


def reckon(order: Order, shipping: int, handling: int) -> None:
    """Set an order's totals and grand total; `shipping` and `handling` at pricelist prices, in minor units."""
    terms, lines = order.terms, counted_lines(order)
    goods = line_values(order)
    discounts = sum(discount.value.minor for discount in order.discountsApplied)
    shipping_tax, handling_tax = terms.tax(shipping), terms.tax(handling)
    discount_tax = sum(discount_taxes(order, goods, shipping))
    tax = sum(terms.tax_of(line.lineValue) for line in lines) + shipping_tax + handling_tax - discount_tax
    quantity = sum(line.quantity for line in lines)
    cancelled = sum(line.cancelledQuantity for line in lines)
    order.grandTotal = terms.total(goods + shipping + handling - discounts, tax)
    order.totals = OrderTotals(
        quantity=quantity,
        originalQuantity=quantity + cancelled,
        cancelledQuantity=cancelled,
        unexpeditedQuantity=quantity - sum(line.shippedQuantity for line in lines),
        weight=_weight(lines),
        lineValues=terms.mint[goods],
        handling=terms.mint[handling],
        shipping=terms.mint[shipping],
        shippingTaxAdded=terms.added(shipping_tax),
        shippingTaxDeducted=terms.deducted(shipping_tax),
        shippingTaxIncluded=terms.included(shipping_tax),
        discounts=terms.mint[discounts],
        taxAdded=terms.added(tax),
        taxDeducted=terms.deducted(tax),
        taxIncluded=terms.included(tax),
        terms=terms,
        shippingTax=shipping_tax,
        handlingTax=handling_tax,
        discountTax=discount_tax,
    )


def reckon_again(order: Order, goods_before: int) -> None:
    """Reckon after the lines changed: discounts on goods follow the goods, shipping and handling stay."""
    goods = line_values(order)
    terms = order.terms
    for discount in order.discountsApplied:
        kept, before = _shipping_part(discount), discount.value.minor
        discount.value = terms.mint[kept + part_of(before - kept, goods, goods_before)]
        if isinstance(discount, AppliedVoucherCredit) and discount.voucherActionResult is not None:
            # What a certificate no longer pays for is on it again.
            certificate = discount.voucherActionResult.reusableValues[0]
            given_back = before - discount.value.minor
            certificate.remainingValue = terms.mint[certificate.remainingValue.minor + given_back]
    reckon(order, order.totals.shipping.minor, order.totals.handling.minor)


def cancel_units(order: Order, cancellations: dict[int, int]) -> None:
    """Take units off lines (by line id) and reckon the order again."""
    before = line_values(order)
    for line in order.lines:
        units = cancellations.get(line.id, 0)
        if units:
            line.quantity -= units
            line.cancelledQuantity += units
            value_line(line, order.terms, order.terms.list_price(line.unitPrice))
    reckon_again(order, before)


def _weight(lines: list[OrderLine]) -> Weight | None:
    grams = 0
    for line in lines:
        if line.product is not None and line.product.weight is not None:
            grams += rounded(line.product.weight.value * 1000) * line.quantity
    kilograms = Decimal(grams) / 1000
    if kilograms not in _weights:
        _weights[kilograms] = Weight(value=kilograms, unit="KILOGRAMS", formattedValue=f"{kilograms} kg")
    return _weights[kilograms]
