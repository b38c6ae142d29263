"""Writes invoices for shipments and books their payments. No shipments and no payment history of orders."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.fulfilment import (
    DirectToConsumerInvoice,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceTotals,
    WholesaleInvoice,
)
from centra_assets.sandbox.data.nodes.orders import WholesaleOrder
from centra_assets.sandbox.data.nodes.reference import NumberSeries
from centra_assets.sandbox.data.timeline import INSTANCE_ZONE

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.fulfilment import Shipment, ShipmentLine
    from centra_assets.sandbox.data.world import World

_SERIES = {1: NumberSeries(id=1), 2: NumberSeries(id=2), 3: NumberSeries(id=3)}


def write_invoice(world: World, rng: random.Random, shipment: Shipment, at: datetime) -> Invoice:
    """An invoice over a whole shipment."""
    order, totals, terms = shipment.order, shipment.totals, shipment.order.terms
    number = world.invoices.take_id()
    today = at.astimezone(INSTANCE_ZONE).date()
    kind = WholesaleInvoice if isinstance(order, WholesaleOrder) else DirectToConsumerInvoice
    invoice: Invoice = kind(
        id=number,
        number=200_000 + number,
        type="INVOICE",
        status="UNKNOWN_VALUE",
        isDraft=False,
        createdAt=at,
        dueDate=today + timedelta(days=30) if kind is WholesaleInvoice else None,
        orderDate=order.createdAt.astimezone(INSTANCE_ZONE).date(),
        updatedAt=at,
        ourReference=rng.choice((None, "", "Ebba / sälj")),
        additionalInformation=None,
        pdfUrl=f"https://ams.fjordfell.example/invoices/{number}.pdf",
        grandTotal=shipment.grandTotal,
        companyRegistrationNumber=None,
        currencyBaseRate=order.currencyBaseRate,
        adminUser=None,
        billingAddress=order.billingAddress,
        numberSeries=_SERIES[order.store.id],
        orders=[order],
        shipments=[shipment],
        store=order.store,
        totals=InvoiceTotals(
            lineValues=totals.lineValues,
            # An invoice knows no handling of its own, and what is not taxed is not shown as deducted.
            shipping=terms.mint[totals.shipping.minor + totals.handling.minor],
            discounts=terms.mint[totals.discounts.minor + totals.taxDeducted.minor],
            taxAdded=totals.taxAdded,
            prePaid=terms.mint[shipment.capturedValue.minor if shipment.capturedValue else 0],
            commission=terms.mint[0],
        ),
        usedFallbackTax=shipment.usedFallbackTax,
        externalId=None,
    )
    invoice.lines = [_line(world, invoice, line) for line in shipment.lines]
    if isinstance(invoice, WholesaleInvoice) and isinstance(order, WholesaleOrder):
        invoice.account, invoice.purchaseOrderNumber = order.account, order.purchaseOrderNumber
        if order.account is not None:
            order.account.invoices = [*order.account.invoices, invoice]
    world.emit("Invoice", "CREATED", number, order.store, at)
    return world.invoices.add(invoice)


def _line(world: World, invoice: Invoice, shipped: ShipmentLine) -> InvoiceLine:
    line, terms = shipped.orderLine, shipped.terms
    product = line.product
    shipped.invoicedQuantity = shipped.quantity
    entry = InvoiceLine(
        id=world.invoice_lines.take_id(),
        quantity=shipped.quantity,
        size=line.size,
        productNumber=line.productNumber,
        productName=line.productName,
        productVariantName=line.productVariantName,
        brandName=line.productBrand,
        unitPrice=line.unitPrice,
        unitOriginalPrice=line.unitOriginalPrice,
        lineValue=terms.mint[terms.list_price(shipped.lineValue)],
        cogs=None,
        discountPercent=line.discountPercent,
        taxPercent=line.taxPercent,
        harmonizedCommodityCode=product.harmonizedCommodityCode if product else None,
        harmonizedCommodityDescription=product.harmonizedCommodityCodeDescription if product else None,
        countryOfOrigin=product.countryOfOrigin if product else None,
        product=product,
        productSize=line.productSize,
        productVariant=line.productVariant,
        invoice=invoice,
        orderLine=line,
        shipmentLine=shipped,
        terms=terms,
        tax=terms.tax_of(shipped.lineValue),
    )
    shipped.invoiceLines = [entry]
    return world.invoice_lines.add(entry)


def pay_invoice(world: World, invoice: Invoice, at: datetime) -> None:
    """The whole amount arrived."""
    payment = InvoicePayment(
        id=invoice.id,
        invoice=invoice,
        value=invoice.grandTotal.gross,
        paymentDate=at.astimezone(INSTANCE_ZONE).date(),
        type="UNKNOWN_VALUE",
        createdAt=at,
    )
    invoice.payments = [payment]
    invoice.updatedAt = at
    world.emit("Invoice", "UPDATED", invoice.id, invoice.store, at)
