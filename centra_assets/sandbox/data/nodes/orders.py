"""Nodes of orders, their lines and payments. What happens after the order lives in fulfilment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from centra_assets.sandbox.data.nodes.base import Node

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money, Taxed
    from centra_assets.sandbox.data.nodes.catalogue import (
        Brand,
        Category,
        Collection,
        Display,
        Product,
        ProductSize,
        ProductVariant,
        Weight,
    )
    from centra_assets.sandbox.data.nodes.customers import Account, Buyer, Customer
    from centra_assets.sandbox.data.nodes.descriptions import Attribute
    from centra_assets.sandbox.data.nodes.fulfilment import Return, Shipment
    from centra_assets.sandbox.data.nodes.promotions import OrderDiscount, OrderLineCampaign
    from centra_assets.sandbox.data.nodes.reference import (
        Address,
        AdminUser,
        AppliedTaxRuleValue,
        Country,
        Currency,
        Market,
        Pricelist,
        ShippingPriceGroup,
        Store,
        StorePlugin,
    )
    from centra_assets.sandbox.data.nodes.stock import Allocation, AllocationRule, DeliveryWindow
    from centra_assets.sandbox.data.terms import Terms


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Order(Node):
    id: str
    number: int
    status: str
    grandTotal: Taxed
    createdAt: datetime
    updatedAt: datetime
    orderDate: datetime
    userIP: str | None = None
    internalComment: str | None = None
    otherComment: str
    currencyBaseRate: Decimal
    attributes: Sequence[Attribute] = ()
    billingAddress: Address | None = None
    country: Country | None = None
    discountsApplied: Sequence[OrderDiscount] = ()
    emailHistory: ClassVar[Sequence[Node]] = ()
    history: ClassVar[Sequence[Node]] = ()
    lines: Sequence[OrderLine] = ()
    market: Market | None = None
    paymentHistory: Sequence[PaymentHistoryEntry] = ()
    paymentMethod: StorePlugin | None = None
    pricelist: Pricelist | None = None
    shipments: Sequence[Shipment] = ()
    shippingAddress: Address | None = None
    shippingPriceGroup: ShippingPriceGroup | None = None
    store: Store
    totals: OrderTotals
    allocationRule: AllocationRule | None = None
    isLocked: bool = False
    isOnHold: bool = False
    isWaitingForPayment: bool = False
    isInternal: bool = False
    externalId: str | None = None
    # Not in the schema: how tax applies, and which amounts the totals are reckoned from.
    terms: Terms

    @property
    def currency(self) -> Currency:
        return self.grandTotal.gross.currency


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DirectToConsumerOrder(Order):
    customer: Customer | None = None
    orderHoldReason: str | None = None
    deliveryGroups: Sequence[DeliveryGroup] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class WholesaleOrder(Order):
    account: Account | None = None
    buyer: Buyer | None = None
    deliveryWindows: Sequence[DeliveryWindow] = ()
    purchaseOrderNumber: str | None = None
    preferredShippingDate: date | None = None
    estimatedDeliveryDate: date | None = None
    cancelDate: date | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class OrderLine(Node):
    id: int
    size: str
    productNumber: str
    hasAnyDiscount: bool = False
    comment: str | None = None
    productName: str | None = None
    productBrand: str | None = None
    productVariantName: str | None = None
    folderName: str | None = None
    productExternalUrl: str | None = None
    frontendItemId: str | None = None
    quantity: int
    cancelledQuantity: int
    returnedQuantity: int
    unitOriginalPrice: Taxed
    unitPrice: Taxed
    discountPercent: Decimal
    taxPercent: Decimal
    lineValue: Taxed
    lineCampaign: OrderLineCampaign | None = None
    brand: Brand | None = None
    category: Category | None = None
    collection: Collection | None = None
    deliveryWindow: DeliveryWindow | None = None
    display: Display | None = None
    allocations: Sequence[Allocation] = ()
    product: Product | None = None
    productVariant: ProductVariant | None = None
    productSize: ProductSize | None = None
    shippedQuantity: int


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ProductOrderLine(OrderLine):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class BundleOrderLine(OrderLine):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class BundleItemOrderLine(OrderLine):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class GiftCertificateOrderLine(OrderLine):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class OrderTotals(Node):
    quantity: int
    originalQuantity: int
    cancelledQuantity: int
    unexpeditedQuantity: int
    weight: Weight | None = None
    lineValues: Money
    handling: Money
    shipping: Money
    shippingTaxAdded: Money | None = None
    shippingTaxDeducted: Money | None = None
    shippingTaxIncluded: Money | None = None
    discounts: Money
    taxAdded: Money
    taxDeducted: Money
    taxIncluded: Money
    # Not in the schema: what the tax rules below are made from, in minor units.
    terms: Terms
    shippingTax: int
    handlingTax: int
    discountTax: int

    @property
    def shippingTaxRules(self) -> Sequence[AppliedTaxRuleValue]:
        return self.terms.applied(self.shippingTax)

    @property
    def handlingTaxRules(self) -> Sequence[AppliedTaxRuleValue]:
        return self.terms.applied(self.handlingTax)

    @property
    def discountTaxRules(self) -> Sequence[AppliedTaxRuleValue]:
        return self.terms.applied(self.discountTax)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PaymentHistoryEntry(Node):
    id: int
    createdAt: datetime
    status: str
    entryType: str
    externalReference: str | None = None
    paramsJSON: str | None = None
    value: Money | None = None
    paymentMethod: str | None = None
    source: str | None = None
    currencyBaseRate: Decimal
    order: Order
    return_: Return | None = None
    adminUser: AdminUser | None = None
    storePlugin: StorePlugin | None = None
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DeliveryGroup(Node):
    id: int
    externalDeliveryGroupId: str
    order: Order
    name: str
    shippingPriceGroup: ShippingPriceGroup | None = None
    shippingPrice: Money
    lines: Sequence[DeliveryGroupLine] = ()
    attributes: Sequence[Attribute] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DeliveryGroupLine(Node):
    quantity: int
    cancelledQuantity: int
    orderLine: OrderLine


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class EmailHistoryEntry(Node):
    id: int
    recipient: str
    subject: str
    content: str
    createdAt: datetime
    status: str
    adminUser: AdminUser | None = None
    order: Order | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DirectToConsumerEmailHistoryEntry(EmailHistoryEntry):
    customer: Customer


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class OrderHistoryEntry(Node):
    id: int
    createdAt: datetime
    type: str
    dataJSON: str | None = None
    adminUser: AdminUser | None = None
    organizationUserEmail: str | None = None
    order: Order


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DirectToConsumerOrderHistoryEntry(OrderHistoryEntry):
    customer: Customer | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class WholesaleOrderHistoryEntry(OrderHistoryEntry):
    buyer: Buyer | None = None


# The schema's word is a keyword of Python.
setattr(PaymentHistoryEntry, "return", property(lambda entry: entry.return_))
