"""Checks the books of a world by counting everything again, simply; shared by the tests of the world's data."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from centra_assets.sandbox.data.world import World

Order = Any
CAPTURES = ("CAPTURE", "CAPTURE_GIFT_CARD")
REFUNDS = ("REFUND", "REFUND_GIFT_CARD")
GRANTS = ("AUTH", "AUTH_GIFT_CARD")


def counted(order: Order) -> list[Any]:
    """The lines that carry money: all but the bundles whose parts stand beside them."""
    return [line for line in order.lines if line.typename != "BundleOrderLine"]


def own_side(order: Order, taxed: Any) -> int:
    """An amount as the pricelist has it: without tax where tax is added, else with it."""
    return int(taxed.net.minor if order.terms.mode == "added" else taxed.gross.minor)


def what_does_not_add_up(order: Order) -> Iterator[str]:
    totals = order.totals
    goods = sum(own_side(order, line.lineValue) for line in counted(order))
    if goods != totals.lineValues.minor:
        yield "lines are not the line values"
    if sum(discount.value.minor for discount in order.discountsApplied) != totals.discounts.minor:
        yield "discounts are not the total of discounts"
    yield from _header("order", order.grandTotal, totals, totals.handling.minor)
    if totals.quantity != sum(line.quantity for line in counted(order)):
        yield "units are not the quantity"
    if totals.originalQuantity != totals.quantity + sum(line.cancelledQuantity for line in counted(order)):
        yield "units and cancelled units are not the original quantity"
    if order.grandTotal.gross.minor < 0:
        yield "less than nothing to pay"
    for line in order.lines:
        if own_side(order, line.lineValue) != own_side(order, line.unitPrice) * line.quantity:
            yield "unit price times quantity is not the line's value"
    for bundle in (line for line in order.lines if line.typename == "BundleOrderLine"):
        position = list(order.lines).index(bundle)
        parts = []
        for line in order.lines[position + 1 :]:
            if line.typename != "BundleItemOrderLine":
                break
            parts.append(line)
        if sum(own_side(order, part.lineValue) for part in parts) != own_side(order, bundle.lineValue):
            yield "a bundle's parts are not its value"


def _header(what: str, grand_total: Any, totals: Any, handling: int, cost: int = 0) -> Iterator[str]:
    amount = totals.lineValues.minor + totals.shipping.minor + handling - totals.discounts.minor - cost
    if grand_total.gross.minor != amount + totals.taxAdded.minor - totals.taxDeducted.minor:
        yield f"the {what}'s parts are not its grand total"
    tax = totals.taxAdded.minor + totals.taxIncluded.minor
    if grand_total.gross.minor - grand_total.net.minor != tax:
        yield f"the {what}'s tax is not what tells gross from net"


def what_does_not_fit_the_shipments(order: Order) -> Iterator[str]:
    planned: Counter[int] = Counter()
    shipped: Counter[int] = Counter()
    returned: Counter[int] = Counter()
    for shipment in order.shipments:
        yield from _header("shipment", shipment.grandTotal, shipment.totals, shipment.totals.handling.minor)
        if sum(own_side(order, line.lineValue) for line in shipment.lines) != shipment.totals.lineValues.minor:
            yield "shipment lines are not their line values"
        for line in shipment.lines:
            planned[line.orderLine.id] += line.quantity
            shipped[line.orderLine.id] += line.quantity if shipment.isShipped else 0
            returned[line.orderLine.id] += line.returnedQuantity
            if line.returnedQuantity > line.quantity:
                yield "more came back than was sent"
    for line in counted(order):
        if (planned[line.id] > line.quantity or line.shippedQuantity != shipped[line.id]) and line.productSize:
            yield "shipped units are not the shipments'"
        if not line.returnedQuantity == returned[line.id] <= line.shippedQuantity <= line.quantity:
            yield "returned <= shipped <= ordered does not hold"
    everything = all(planned[line.id] == line.quantity for line in counted(order))
    if everything and order.shipments:
        if sum(s.grandTotal.gross.minor for s in order.shipments) != order.grandTotal.gross.minor:
            yield "the shipments are not the order"
        if sum(s.grandTotal.net.minor for s in order.shipments) != order.grandTotal.net.minor:
            yield "the shipments without tax are not the order without tax"


def what_the_status_hides(order: Order) -> Iterator[str]:
    lines = counted(order)
    done = all(line.shippedQuantity == line.quantity for line in lines) and bool(order.shipments)
    settled = done and all(s.isShipped and s.isPaid for s in order.shipments)
    if (order.status in ("SHIPPED", "ARCHIVED")) != settled:
        yield f"{order.status}, yet settled is {settled}"
    if order.status in ("PENDING", "CONFIRMED", "CANCELLED") and order.shipments:
        yield f"{order.status} with shipments"
    if order.status == "PROCESSING" and not order.shipments:
        yield "PROCESSING without a shipment"
    if order.updatedAt < order.createdAt:
        yield "updated before it was created"


def money_out_of_order(order: Order) -> Iterator[str]:
    sums: Counter[str] = Counter()
    for entry in order.paymentHistory:
        if entry.value is not None and entry.status == "SUCCESS":
            sums[entry.entryType] += entry.value.minor
        if entry.currencyBaseRate != order.currencyBaseRate:
            yield "a payment at another rate than the order's"
    granted, captured, refunded = (sum(sums[kind] for kind in kinds) for kinds in (GRANTS, CAPTURES, REFUNDS))
    if not 0 <= refunded <= captured <= granted:
        yield "refunded <= captured <= authorised does not hold"
    if captured != sum(s.capturedValue.minor for s in order.shipments if s.isCaptured):
        yield "captures are not the shipments'"


def wrong_returns(world: World) -> Iterator[str]:
    by_shipment: defaultdict[int, list[Any]] = defaultdict(list)
    for entry in world.tables["Return"]:
        totals = entry.totals
        yield from _header("return", entry.grandTotal, totals, totals.handling.minor, totals.returnCost.minor)
        by_shipment[entry.shipment.id].append(entry)
        if entry.currencyBaseRate != entry.order.currencyBaseRate:
            yield "a return at another rate than its order's"
        refunds = sum(payment.value.minor for payment in entry.refundPaymentHistory)
        if entry.refundPaymentHistory and refunds != entry.grandTotal.gross.minor:
            yield "the refund is not the return"
        if entry.grandTotal.gross.minor < 0:
            yield "a return that costs"
    for shipment_id, entries in by_shipment.items():
        shipment = world.tables["Shipment"].get(shipment_id)
        assert shipment is not None
        units: Counter[int] = Counter()
        for entry in entries:
            units.update({line.shipmentLine.id: line.quantity for line in entry.lines})
        if any(units[line.id] != line.returnedQuantity for line in shipment.lines):
            yield "returned units are not the returns'"
        if sum(e.totals.discounts.minor for e in entries) > shipment.totals.discounts.minor:
            yield "more discount came back than was given"


def wrong_stock(world: World) -> Iterator[str]:
    moved: Counter[tuple[int, int]] = Counter()
    free: Counter[tuple[int, int]] = Counter()
    for line in world.tables["StockChangeLine"]:
        moved[line.productSize.id, line.warehouse.id] += line.deliveredQuantity
        free[line.productSize.id, line.warehouse.id] += line.freeToAllocateQuantity
    allocated: Counter[tuple[int, int]] = Counter()
    demand: Counter[int] = Counter()
    for order in world.tables["Order"]:
        for line in order.lines if order.status != "CANCELLED" else ():
            for allocation in line.allocations:
                allocated[line.productSize.id, allocation.warehouse.id] += allocation.quantity
            if line.productSize and not line.product.isBundle and not line.allocations:
                demand[line.productSize.id] += line.quantity - line.shippedQuantity
    wanted: Counter[int] = Counter()
    for level in world.tables["Stock"]:
        key = (level.productSize.id, level.warehouse.id)
        wanted[level.productSize.id] += level.demandQuantity
        if level.physicalQuantity != level.freeToAllocateQuantity + level.allocatedQuantity:
            yield "physical is not free plus allocated"
        if level.physicalQuantity != moved[key]:
            yield "movements do not explain the physical stock"
        if level.freeToAllocateQuantity != free[key] or level.freeToAllocateQuantity < 0:
            yield "what is left on movements is not what is free"
        if level.allocatedQuantity != allocated[key]:
            yield "allocations of orders are not what is allocated"
        if min(level.incomingQuantity, level.linkedIncomingQuantity, level.onDeliveryQuantity) < 0:
            yield "less than nothing is on its way"
    if +wanted != +demand:
        yield "demand is not what orders wait for"


def wrong_invoices(world: World) -> Iterator[str]:
    for invoice in world.tables["Invoice"]:
        totals = invoice.totals
        amount = totals.lineValues.minor + totals.shipping.minor - totals.discounts.minor + totals.taxAdded.minor
        if amount != invoice.grandTotal.gross.minor:
            yield "an invoice's parts are not its grand total"
        if sum(line.lineValue.minor for line in invoice.lines) != totals.lineValues.minor:
            yield "an invoice's lines are not its line values"


def everything_wrong(world: World) -> Counter[str]:
    """Each way in which the books are wrong, with how often."""
    wrong: Counter[str] = Counter()
    for order in world.tables["Order"]:
        wrong.update(what_does_not_add_up(order))
        wrong.update(what_does_not_fit_the_shipments(order))
        wrong.update(what_the_status_hides(order))
        wrong.update(money_out_of_order(order))
    wrong.update(wrong_returns(world))
    wrong.update(wrong_stock(world))
    wrong.update(wrong_invoices(world))
    return wrong
