"""Faults in orders and in the money that moved for them, each breaking one promise and no other."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.breaking import A_LOT, Breaker, Fault, more, new_place
from centra_assets.sandbox.data.money import Money, Taxed
from centra_assets.sandbox.data.nodes.orders import (
    BundleItemOrderLine,
    BundleOrderLine,
    DirectToConsumerOrder,
    GiftCertificateOrderLine,
    Order,
    PaymentHistoryEntry,
)

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.orders import OrderLine


def _is_sold(order: Order) -> bool:
    """Not cancelled, taxed inside its prices, and without bundles."""
    bundled = any(isinstance(line, BundleOrderLine | BundleItemOrderLine) for line in order.lines)
    return order.status != "CANCELLED" and order.totals.taxIncluded.minor > 0 and not bundled


def _totals(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, _is_sold)
    breaker.change(order, "totals", shipping=more(order.totals.shipping))
    breaker.touch(order)


def _tax(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, _is_sold)
    breaker.change(order, "totals", taxIncluded=more(order.totals.taxIncluded))
    breaker.touch(order)


def _line_values(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, _is_sold)
    line = breaker.pick(order.lines, lambda row: row.quantity)
    breaker.set(line, "lineValue", Taxed(more(line.lineValue.gross), more(line.lineValue.net)))
    breaker.touch(order)


def _quantities(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, _is_sold)
    totals = order.totals
    breaker.change(
        order, "totals", cancelledQuantity=totals.cancelledQuantity + 1, originalQuantity=totals.originalQuantity + 1
    )
    breaker.touch(order)


def _discounts(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: any(d.value.minor > 100 for d in row.discountsApplied))
    discount = breaker.pick(order.discountsApplied, lambda row: row.value.minor > 100)
    breaker.set(order, "discountsApplied", [*order.discountsApplied, discount])
    breaker.touch(order)


def _bundles(breaker: Breaker) -> None:
    def bundle_of(order: Order) -> OrderLine | None:
        return next((line for line in order.lines if isinstance(line, BundleOrderLine)), None)

    order = breaker.pick(breaker.world.orders, bundle_of)
    line = bundle_of(order)
    assert line is not None
    breaker.set(line, "lineValue", Taxed(more(line.lineValue.gross), more(line.lineValue.net)))
    breaker.touch(order)


def _decimals(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, _is_sold)
    finer = copy.copy(order.currency)
    finer.decimalDigits += 1
    gross = order.grandTotal.gross
    breaker.set(order, "grandTotal", Taxed(Money(gross.minor * 10 + 5, finer), order.grandTotal.net))
    breaker.touch(order)


def _buyer(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: getattr(row, "customer", None))
    breaker.set(order, "customer", None)
    breaker.touch(order)


def _status(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: not row.shipments)
    breaker.set(order, "status", "ON_HOLD")
    breaker.touch(order)


def _hold(breaker: Breaker) -> None:
    order = breaker.pick(
        breaker.world.orders,
        lambda row: isinstance(row, DirectToConsumerOrder) and not row.isOnHold and not row.isWaitingForPayment,
    )
    breaker.set(order, "orderHoldReason", "WAITING_FOR_FRAUD_CHECK")
    breaker.touch(order)


def _internal(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: getattr(row, "account", None) and not row.isInternal)
    account = getattr(order, "account")  # noqa: B009 - only wholesale orders have one
    breaker.set(account, "isInternal", True)
    breaker.touch(account)


def _certificate(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, _is_sold)
    breaker.become(order.lines[0], GiftCertificateOrderLine)
    breaker.touch(order)


def _moved(order: Order, kinds: tuple[str, ...]) -> list[PaymentHistoryEntry]:
    entries = [entry for entry in order.paymentHistory if entry.status == "SUCCESS" and entry.value is not None]
    return [entry for entry in entries if entry.entryType in kinds]


_TAKEN = ("CAPTURE", "CAPTURE_GIFT_CARD", "MARKED_AS_PAID", "PREPAID", "ADDITIONAL_ORDER_PAYMENT")
_GIVEN = ("REFUND", "REFUND_GIFT_CARD")


def _sum(order: Order, kinds: tuple[str, ...]) -> int:
    return sum(entry.value.minor for entry in _moved(order, kinds) if entry.value is not None)


def _add_entry(breaker: Breaker, order: Order, like: PaymentHistoryEntry, **values: object) -> None:
    # The table is not told: a payment is reached by its order, and this one goes again.
    entry = replace(like, id=new_place(), **values)  # type: ignore[arg-type]
    breaker.set(order, "paymentHistory", [*order.paymentHistory, entry])
    breaker.touch(order)


def _refunded(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: _moved(row, ("CAPTURE",)))
    capture = _moved(order, ("CAPTURE",))[0]
    amount = order.terms.mint[_sum(order, _TAKEN) + A_LOT]
    _add_entry(breaker, order, capture, entryType="REFUND", value=amount, currencyBaseRate=order.currencyBaseRate)


def _captured(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: _moved(row, ("AUTH",)) and _moved(row, ("CAPTURE",)))
    amount = order.terms.mint[_sum(order, ("AUTH",)) + A_LOT]
    _add_entry(breaker, order, _moved(order, ("CAPTURE",))[0], value=amount)


def _refund_rate(breaker: Breaker) -> None:
    entry = breaker.pick(breaker.world.returns, lambda row: row.refundPaymentHistory)
    refund = entry.refundPaymentHistory[0]
    breaker.set(refund, "currencyBaseRate", refund.currencyBaseRate * Decimal("1.01"))
    breaker.touch(entry.order)
    breaker.touch(entry)


def _refund_sign(breaker: Breaker) -> None:
    entry = breaker.pick(breaker.world.returns, lambda row: row.refundPaymentHistory)
    breaker.set(entry.refundPaymentHistory[0], "entryType", "MARKED_AS_PAID")
    breaker.touch(entry.order)
    breaker.touch(entry)


def _refund_amount(breaker: Breaker) -> None:
    entry = breaker.pick(
        breaker.world.returns,
        lambda row: row.refundPaymentHistory and _sum(row.order, _TAKEN) > _sum(row.order, _GIVEN) + A_LOT,
    )
    refund = entry.refundPaymentHistory[0]
    assert refund.value is not None
    breaker.set(refund, "value", more(refund.value))
    breaker.touch(entry.order)
    breaker.touch(entry)


BROKEN_SALES: Mapping[str, Fault] = {
    "orders.totals_add_up": _totals,
    "orders.tax_is_gross_less_net": _tax,
    "orders.line_values_are_the_lines": _line_values,
    "orders.quantities_add_up": _quantities,
    "orders.discounts_add_up": _discounts,
    "orders.bundles_are_worth_their_parts": _bundles,
    "orders.amounts_fit_the_currency": _decimals,
    "orders.says_who_bought_and_where": _buyer,
    "orders.status_is_known": _status,
    "orders.hold_reason_has_its_flag": _hold,
    "orders.internal_accounts_order_internally": _internal,
    "order_lines.gift_certificates_bear_no_tax": _certificate,
    "payments.no_more_refunded_than_captured": _refunded,
    "payments.no_more_captured_than_authorised": _captured,
    "payments.refunds_use_the_orders_rate": _refund_rate,
    "return_refunds.refunds_give_money_back": _refund_sign,
    "returns.no_more_refunded_than_returned": _refund_amount,
}
