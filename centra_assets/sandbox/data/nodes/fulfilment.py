"""Nodes of shipments, returns and invoices. Orders live in orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from centra_assets.sandbox.data.nodes.base import Node

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money, Taxed
    from centra_assets.sandbox.data.nodes.catalogue import Product, ProductSize, ProductVariant
    from centra_assets.sandbox.data.nodes.customers import Account, Buyer, Customer
    from centra_assets.sandbox.data.nodes.orders import Order, OrderLine, PaymentHistoryEntry
    from centra_assets.sandbox.data.nodes.promotions import OrderDiscount
    from centra_assets.sandbox.data.nodes.reference import (
        Address,
        AdminUser,
        AppliedTaxRuleValue,
        CarrierInformation,
        Country,
        Currency,
        NumberSeries,
        Store,
        StorePlugin,
    )
    from centra_assets.sandbox.data.nodes.stock import Allocation, Warehouse
    from centra_assets.sandbox.data.terms import Terms


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Shipment(Node):
    id: int
    number: str
    createdAt: datetime
    updatedAt: datetime
    isGoodToGo: bool = False
    isPrinted: bool = False
    isShipped: bool = False
    isOnHold: bool = False
    consignationWarehouseStatus: str
    trackingNumber: str | None = None
    returnTrackingNumber: str | None = None
    numberOfPackages: int
    internalShippingCost: Money | None = None
    grandTotal: Taxed
    additionalMessage: str | None = None
    shippedAt: datetime | None = None
    isPaid: bool = False
    paidAt: datetime | None = None
    isCaptured: bool = False
    capturedAt: datetime | None = None
    capturedValue: Money | None = None
    currencyBaseRate: Decimal
    usedFallbackTax: bool = False
    adminUser: AdminUser | None = None
    carrierInformation: CarrierInformation | None = None
    discountsApplied: Sequence[OrderDiscount] = ()
    lines: Sequence[ShipmentLine] = ()
    order: Order
    shipmentPlugin: StorePlugin | None = None
    shippingAddress: Address | None = None
    store: Store
    totals: ShipmentTotals
    externalId: str | None = None
    # Not in the schema: the discount on the goods and the tax in it, in minor units, for returns to take their part.
    goodsDiscount: int
    goodsDiscountTax: int
    returnedValue: int = 0

    @property
    def currency(self) -> Currency:
        return self.grandTotal.gross.currency

    @property
    def country(self) -> Country | None:
        return self.order.country


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DirectToConsumerShipment(Shipment):
    customer: Customer | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class WholesaleShipment(Shipment):
    buyer: Buyer | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShipmentLine(Node):
    id: int
    quantity: int
    returnedQuantity: int
    invoicedQuantity: int
    lineValue: Taxed
    unitPrice: Taxed
    orderLine: OrderLine
    invoiceLines: Sequence[InvoiceLine] = ()
    allocations: Sequence[Allocation] = ()
    # Not in the schema: how tax applies.
    terms: Terms

    @property
    def appliedTaxRules(self) -> Sequence[AppliedTaxRuleValue]:
        return self.terms.applied(self.lineValue.gross.minor - self.lineValue.net.minor)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShipmentTotals(Node):
    quantity: int
    lineValues: Money
    handling: Money
    shipping: Money
    discounts: Money
    taxAdded: Money
    taxDeducted: Money
    taxIncluded: Money


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Return(Node):
    id: int
    returnStatus: str
    createdAt: datetime
    totalQuantity: int
    grandTotal: Taxed
    returnedToStock: bool = False
    comment: str | None = None
    createdFrom: str | None = None
    currencyBaseRate: Decimal
    adminUser: AdminUser | None = None
    discountsApplied: Sequence[OrderDiscount] = ()
    lines: Sequence[ReturnLine] = ()
    returnWarehouse: Warehouse | None = None
    store: Store
    totals: ReturnTotals
    refundPaymentHistory: Sequence[PaymentHistoryEntry] = ()
    usedFallbackTax: bool = False
    externalId: str | None = None
    order: Order
    shipment: Shipment

    @property
    def status(self) -> str:
        return "ACTIVE" if self.returnStatus == "COMPLETED" else "INACTIVE"

    @property
    def currency(self) -> Currency:
        return self.grandTotal.gross.currency


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DirectToConsumerReturn(Return):
    @property
    def customer(self) -> Customer | None:
        customer: Customer | None = getattr(self.order, "customer", None)
        return customer


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class WholesaleReturn(Return):
    account: Account | None = None
    buyer: Buyer | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ReturnLine(Node):
    id: int
    quantity: int
    lineValue: Taxed
    unitPrice: Taxed
    orderLine: OrderLine
    shipmentLine: ShipmentLine
    # Not in the schema: how tax applies.
    terms: Terms

    @property
    def appliedTaxRules(self) -> Sequence[AppliedTaxRuleValue]:
        return self.terms.applied(self.lineValue.gross.minor - self.lineValue.net.minor)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ReturnTotals(Node):
    quantity: int
    lineValues: Money
    handling: Money
    shipping: Money
    discounts: Money
    returnCost: Money
    taxAdded: Money
    taxDeducted: Money
    taxIncluded: Money
    shippingTaxRules: Sequence[AppliedTaxRuleValue] = ()
    handlingTaxRules: Sequence[AppliedTaxRuleValue] = ()
    discountTaxRules: Sequence[AppliedTaxRuleValue] = ()
    returnCostTaxRules: Sequence[AppliedTaxRuleValue] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Invoice(Node):
    id: int
    number: int
    type: str
    status: str
    isDraft: bool = False
    createdAt: datetime
    dueDate: date | None = None
    orderDate: date | None = None
    updatedAt: datetime
    purchaseOrderNumber: str | None = None
    ourReference: str | None = None
    additionalInformation: str | None = None
    pdfUrl: str
    isOverdue: bool = False
    grandTotal: Taxed
    companyRegistrationNumber: str | None = None
    currencyBaseRate: Decimal
    adminUser: AdminUser | None = None
    billingAddress: Address | None = None
    lines: Sequence[InvoiceLine] = ()
    numberSeries: NumberSeries | None = None
    payments: Sequence[InvoicePayment] = ()
    orders: Sequence[Order] = ()
    shipments: Sequence[Shipment] = ()
    store: Store
    totals: InvoiceTotals
    usedFallbackTax: bool = False
    externalId: str | None = None

    @property
    def currency(self) -> Currency:
        return self.grandTotal.gross.currency


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DirectToConsumerInvoice(Invoice):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class WholesaleInvoice(Invoice):
    account: Account | None = None
    commissions: ClassVar[Sequence[Node]] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class InvoiceLine(Node):
    id: int
    quantity: int
    size: str | None = None
    productNumber: str | None = None
    productName: str | None = None
    productVariantName: str | None = None
    brandName: str | None = None
    unitPrice: Taxed
    unitOriginalPrice: Taxed
    lineValue: Money
    cogs: Money | None = None
    discountPercent: Decimal
    taxPercent: Decimal
    harmonizedCommodityCode: str | None = None
    harmonizedCommodityDescription: str | None = None
    countryOfOrigin: Country | None = None
    product: Product | None = None
    productSize: ProductSize | None = None
    productVariant: ProductVariant | None = None
    invoice: Invoice
    orderLine: OrderLine | None = None
    shipmentLine: ShipmentLine | None = None
    # Not in the schema: how tax applies.
    terms: Terms
    tax: int

    @property
    def appliedTaxRules(self) -> Sequence[AppliedTaxRuleValue]:
        return self.terms.applied(self.tax)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class InvoicePayment(Node):
    id: int
    invoice: Invoice
    value: Money
    paymentDate: date | None = None
    type: str
    adminUser: AdminUser | None = None
    createdAt: datetime


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class InvoiceTotals(Node):
    lineValues: Money
    shipping: Money
    discounts: Money
    taxAdded: Money
    prePaid: Money
    commission: Money
    shippingTaxRules: ClassVar[Sequence[Node]] = ()
    discountTaxRules: ClassVar[Sequence[Node]] = ()
