"""Nodes of stock and purchasing: warehouses, levels, movements, allocation, deliveries. No orders of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.base import Node

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money
    from centra_assets.sandbox.data.nodes.catalogue import Product, ProductSize, ProductVariant
    from centra_assets.sandbox.data.nodes.customers import Account
    from centra_assets.sandbox.data.nodes.fulfilment import ShipmentLine
    from centra_assets.sandbox.data.nodes.orders import OrderLine
    from centra_assets.sandbox.data.nodes.promotions import Campaign
    from centra_assets.sandbox.data.nodes.reference import (
        Address,
        AdminUser,
        BrickAndMortar,
        Country,
        CountryState,
        Currency,
        Location,
        Market,
        PaymentTerms,
        ShippingTerms,
        Store,
    )


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Warehouse(Node):
    id: int
    name: str
    status: str
    stockOwnership: str
    allocationPolicy: str
    stockMaster: str
    isHiddenFromStockView: bool = False
    isConsignation: bool = False
    threshold: int | None = None
    brickAndMortar: BrickAndMortar | None = None
    country: Country | None = None
    state: CountryState | None = None
    zipCode: str | None = None
    allocationRules: Sequence[AllocationRule] = ()
    stockChanges: Sequence[StockChange] = ()
    stock: Sequence[Stock] = ()
    externalId: str | None = None

    @property
    def stockTotals(self) -> StockTotals:
        return total_of(self.stock)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AllocationRule(Node):
    id: int
    name: str
    isDefault: bool = False
    fallbackRule: AllocationRule | None = None
    allocationType: str
    accounts: Sequence[Account] = ()
    deliveryWindows: Sequence[DeliveryWindow] = ()
    markets: Sequence[Market] = ()
    stores: Sequence[Store] = ()
    geographyAllocationPrioritySets: Sequence[GeographyAllocationPrioritySet] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class GeographyAllocationPrioritySet(Node):
    id: int
    demandVisibleInWarehouse: Warehouse | None = None
    locations: Sequence[Location] = ()
    priorities: Sequence[WarehouseAllocationPriority] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class WarehouseAllocationPriority(Node):
    priorityNumber: int
    warehouse: Warehouse
    stockOwnership: str
    allocationPolicy: str
    timeoutInHours: Decimal


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Stock(Node):
    """A size's level in a warehouse. Six counts are kept, the others follow from them."""

    physicalQuantity: int = 0
    allocatedQuantity: int = 0
    demandQuantity: int = 0
    incomingQuantity: int = 0
    linkedIncomingQuantity: int = 0
    onDeliveryQuantity: int = 0
    productSize: ProductSize
    warehouse: Warehouse

    @property
    def freeToAllocateQuantity(self) -> int:
        return self.physicalQuantity - self.allocatedQuantity

    @property
    def unshippedQuantity(self) -> int:
        return self.allocatedQuantity + self.demandQuantity

    @property
    def unlinkedIncomingQuantity(self) -> int:
        return self.incomingQuantity - self.linkedIncomingQuantity

    @property
    def availableNowQuantity(self) -> int:
        return self.freeToAllocateQuantity - self.demandQuantity

    @property
    def availableQuantity(self) -> int:
        return self.availableNowQuantity + self.unlinkedIncomingQuantity

    @property
    def productVariant(self) -> ProductVariant:
        return self.productSize.productVariant

    @property
    def product(self) -> Product:
        return self.productSize.product


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class StockTotals(Node):
    physicalQuantity: int
    freeToAllocateQuantity: int
    allocatedQuantity: int
    demandQuantity: int
    unshippedQuantity: int
    availableQuantity: int
    availableNowQuantity: int
    incomingQuantity: int
    linkedIncomingQuantity: int
    unlinkedIncomingQuantity: int
    onDeliveryQuantity: int


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class StockChange(Node):
    id: int
    createdAt: datetime
    comment: str
    type: str
    adminUser: AdminUser | None = None
    lines: Sequence[StockChangeLine] = ()
    warehouse: Warehouse | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class StockChangeLine(Node):
    id: int
    deliveredQuantity: int
    freeToAllocateQuantity: int
    isAvailable: bool = False
    unitCost: Money | None = None
    currencyBaseRate: Decimal
    productSize: ProductSize | None = None
    createdFromShipmentLine: ShipmentLine | None = None
    warehouse: Warehouse | None = None
    stockChange: StockChange


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Allocation(Node):
    id: int
    quantity: int
    orderLine: OrderLine
    warehouse: Warehouse
    stockChangeLine: StockChangeLine
    isWaitingForConfirmation: bool = False


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Supplier(Node):
    id: int
    name: str
    status: str
    address: Address | None = None
    comment: str | None = None
    currency: Currency | None = None
    paymentTerms: PaymentTerms | None = None
    preferredWarehouse: Warehouse | None = None
    purchaseOrderDeliveries: Sequence[PurchaseOrderDelivery] = ()
    purchaseOrders: Sequence[PurchaseOrder] = ()
    shippingTerms: ShippingTerms | None = None
    supply: Sequence[ProductVariantSupply] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ProductVariantSupply(Node):
    unitCost: Money | None = None
    customsType: str
    customsPercent: Decimal
    customsValue: Money
    productVariant: ProductVariant
    purchaseOrderDeliveries: Sequence[PurchaseOrderDelivery] = ()
    purchaseOrders: Sequence[PurchaseOrder] = ()
    supplier: Supplier


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PurchaseOrder(Node):
    id: int
    status: str
    createdAt: datetime
    updatedAt: datetime
    ETA: datetime | None = None
    requestedETD: datetime | None = None
    confirmedETD: datetime | None = None
    internalComment: str | None = None
    externalComment: str | None = None
    ourReference: str | None = None
    totalQuantity: int
    totalCost: Money
    currency: Currency
    lines: Sequence[PurchaseOrderLine] = ()
    paymentTerms: PaymentTerms | None = None
    preferredWarehouse: Warehouse | None = None
    deliveries: Sequence[PurchaseOrderDelivery] = ()
    shippingAddress: Address | None = None
    shippingTerms: ShippingTerms | None = None
    supplier: Supplier
    supplierAddress: Address | None = None
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PurchaseOrderLine(Node):
    quantity: int
    linkedQuantity: int
    unlinkedQuantity: int
    unitCost: Money
    customsType: str
    customsPercent: Decimal
    customsValue: Money
    linkedToOrderLines: Sequence[OrderLine] = ()
    product: Product | None = None
    productVariant: ProductVariant | None = None
    productSize: ProductSize | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PurchaseOrderDelivery(Node):
    id: int
    number: str
    status: str
    createdAt: datetime
    exFactoryDate: datetime | None = None
    ETA: datetime | None = None
    comment: str | None = None
    shippingCost: Money
    otherCosts: Money
    shippingDistributionMethod: str
    adminUser: AdminUser | None = None
    currency: Currency
    lines: Sequence[PurchaseOrderDeliveryLine] = ()
    supplier: Supplier
    purchaseOrder: PurchaseOrder
    warehouse: Warehouse | None = None
    stockChange: StockChange | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PurchaseOrderDeliveryLine(Node):
    quantity: int
    linkedQuantity: int
    unlinkedQuantity: int
    unitCost: Money
    customsType: str
    customsPercent: Decimal
    customsValue: Money
    landedCost: Money
    linkedToOrderLines: Sequence[OrderLine] = ()
    product: Product | None = None
    productVariant: ProductVariant | None = None
    productSize: ProductSize | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DeliveryWindow(Node):
    id: int
    name: str
    status: str
    customOrder: int
    deliveryDatesVisible: bool = False
    selectableByBuyers: bool = False
    selectedByDefault: bool = False
    defaultVariantDeliveryType: str
    allocationRule: AllocationRule | None = None
    campaigns: Sequence[Campaign] = ()
    deliveryWindowVariants: Sequence[DeliveryWindowVariant] = ()
    markets: Sequence[Market] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AtOnceDeliveryWindow(DeliveryWindow):
    deliveryWindowGroup: DeliveryWindowGroup | None = None
    daysFromNow: int | None = None
    selectableDate: bool | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PreorderDeliveryWindow(DeliveryWindow):
    deliveryStartDate: date | None = None
    deliveryEndDate: date | None = None
    deliveryWindowGroup: DeliveryWindowGroup | None = None
    allocationOrder: str | None = None
    salesStartDate: date | None = None
    salesEndDate: date | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DeliveryWindowGroup(Node):
    id: int
    name: str
    customOrder: int
    deliveryWindows: Sequence[DeliveryWindow] = ()
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DeliveryWindowVariant(Node):
    type: str
    deliveryWindow: DeliveryWindow
    limit: DeliveryWindowVariantLimit | None = None
    product: Product
    productVariant: ProductVariant


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DeliveryWindowVariantLimit(Node):
    type: str
    value: int
    on: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DeliveryWindowDiscount(Node):
    deliveryWindow: DeliveryWindow
    discountPercent: Decimal


QUANTITIES = (
    "physicalQuantity",
    "freeToAllocateQuantity",
    "allocatedQuantity",
    "demandQuantity",
    "unshippedQuantity",
    "availableQuantity",
    "availableNowQuantity",
    "incomingQuantity",
    "linkedIncomingQuantity",
    "unlinkedIncomingQuantity",
    "onDeliveryQuantity",
)


def total_of(levels: Sequence[Stock]) -> StockTotals:
    """The levels of several sizes or warehouses, added up."""
    return StockTotals(**{name: sum(getattr(level, name) for level in levels) for name in QUANTITIES})
