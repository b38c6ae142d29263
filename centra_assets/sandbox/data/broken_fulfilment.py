"""Faults in shipments, returns and invoices, each breaking one promise and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial

from centra_assets.sandbox.data.breaking import Breaker, Fault, in_currency, more, new_place
from centra_assets.sandbox.data.money import Taxed
from centra_assets.sandbox.data.nodes.fulfilment import Shipment
from centra_assets.sandbox.data.reckoning import counted_lines


def extra_shipment(breaker: Breaker, shipment: Shipment) -> Shipment:
    """One more shipment like this one: neither shipped nor paid, with lines of its own."""
    twin: Shipment = replace(
        shipment,
        id=new_place(),
        lines=[replace(line, id=new_place(), returnedQuantity=0) for line in shipment.lines],
        isShipped=False,
        isPaid=False,
        isCaptured=False,
        capturedValue=None,
    )
    breaker.add("Shipment", twin)
    breaker.touch(twin)
    return twin


def _returned(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: any(line.shippedQuantity for line in counted_lines(row)))
    line = breaker.pick(counted_lines(order), lambda row: row.shippedQuantity)
    breaker.set(line, "returnedQuantity", line.shippedQuantity + 1)
    breaker.touch(order)


def _shipped_twice(breaker: Breaker) -> None:
    extra_shipment(breaker, breaker.pick(breaker.world.shipments, lambda row: row.order.status == "SHIPPED"))


def _returned_twice(breaker: Breaker) -> None:
    entry = breaker.world.returns.rows()[-1]
    line = entry.lines[0]
    breaker.set(line, "quantity", line.shipmentLine.quantity + 1)
    breaker.touch(entry)


def _preordered(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: not row.shipments and any(x.quantity for x in row.lines))
    line = breaker.pick(counted_lines(order), lambda row: row.quantity)
    breaker.set(line, "shippedQuantity", line.quantity)
    breaker.touch(order)


def _incomplete(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: row.status == "SHIPPED")
    breaker.change(order, "totals", unexpeditedQuantity=1)
    breaker.touch(order)


def _never_left(breaker: Breaker) -> None:
    """The order says of itself that all is done; no shipment of it was ever made."""
    order = breaker.pick(
        breaker.world.orders,
        lambda row: row.status == "CONFIRMED" and not row.shipments and any(x.quantity for x in counted_lines(row)),
    )
    breaker.set(order, "status", "SHIPPED")
    breaker.change(order, "totals", unexpeditedQuantity=0)
    breaker.touch(order)


def _left_behind(breaker: Breaker) -> None:
    order = breaker.pick(
        breaker.world.orders,
        lambda row: row.status == "SHIPPED" and not row.isOnHold and not row.isWaitingForPayment,
    )
    breaker.set(order, "status", "CONFIRMED")
    breaker.touch(order)


def _cancelled(breaker: Breaker) -> None:
    shipment = breaker.pick(breaker.world.shipments, lambda row: row.isShipped)
    breaker.set(shipment.order, "status", "CANCELLED")
    breaker.touch(shipment.order)


def _never_shipped(breaker: Breaker) -> None:
    shipment = breaker.pick(breaker.world.shipments, lambda row: row.isShipped)
    breaker.set(shipment, "shippedAt", None)
    breaker.touch(shipment)


def _captured(breaker: Breaker) -> None:
    shipment = breaker.pick(breaker.world.shipments, lambda row: row.isCaptured)
    breaker.set(shipment, "capturedValue", more(shipment.grandTotal.gross))
    breaker.touch(shipment)


def _shared_out(breaker: Breaker) -> None:
    """The order's shipping is on a shipment once more, and the shipment is sound in itself."""
    shipment = breaker.pick(breaker.world.shipments, lambda row: row.order.status == "SHIPPED")
    breaker.change(shipment, "totals", shipping=more(shipment.totals.shipping))
    total = shipment.grandTotal
    breaker.set(shipment, "grandTotal", Taxed(more(total.gross), more(total.net)))
    breaker.touch(shipment)


def _totals(table: str, part: str, breaker: Breaker) -> None:
    document = breaker.world.tables[table].rows()[-1]
    breaker.change(document, "totals", **{part: more(getattr(document.totals, part))})
    breaker.touch(document)


def _currency(table: str, breaker: Breaker) -> None:
    # What is right to a whole yen is wrong in cents: another currency of as many decimals breaks nothing else.
    document = [row for row in breaker.world.tables[table].rows() if row.currency.decimalDigits == 2][-1]
    own = document.currency
    other = breaker.pick(breaker.world.currencies, lambda row: row is not own and row.decimalDigits == 2)
    total = document.grandTotal
    breaker.set(document, "grandTotal", Taxed(in_currency(total.gross, other), in_currency(total.net, other)))
    breaker.touch(document)


def _rate(breaker: Breaker) -> None:
    entry = breaker.world.returns.rows()[-1]
    breaker.set(entry, "currencyBaseRate", entry.currencyBaseRate * Decimal("1.01"))
    breaker.touch(entry)


def _fault(make: Callable[..., None], *given: str) -> Fault:
    return partial(make, *given)


BROKEN_FULFILMENT: Mapping[str, Fault] = {
    "order_lines.returned_within_shipped_within_ordered": _returned,
    "shipment_lines.no_more_shipped_than_ordered": _shipped_twice,
    "return_lines.no_more_returned_than_shipped": _returned_twice,
    "order_lines.shipped_is_what_left": _preordered,
    "orders.completed_orders_have_nothing_left": _incomplete,
    "orders.completed_orders_have_left": _never_left,
    "orders.orders_that_left_are_completed": _left_behind,
    "shipments.cancelled_orders_ship_nothing": _cancelled,
    "shipments.shipped_says_when": _never_shipped,
    "shipments.captured_within_its_total": _captured,
    "orders.shipments_add_up": _shared_out,
    "shipments.totals_add_up": _fault(_totals, "Shipment", "handling"),
    "returns.totals_add_up": _fault(_totals, "Return", "handling"),
    "invoices.totals_add_up": _fault(_totals, "Invoice", "shipping"),
    "shipments.currency_is_the_orders": _fault(_currency, "Shipment"),
    "returns.currency_is_the_orders": _fault(_currency, "Return"),
    "returns.rate_is_the_orders": _rate,
}
