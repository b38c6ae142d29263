"""Suppliers, purchase orders to them and deliveries from them. The stock they end in is elsewhere."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.purchasing import contracts
from centra_assets.entities.purchasing.transform import (
    transform_deliveries,
    transform_purchase_orders,
    transform_suppliers,
)

SUPPLIERS = Entity(
    name="suppliers",
    family="purchasing",
    description="Suppliers of goods with their usual terms.",
    package=__name__,
    document="suppliers",
    operations=("SupplierList",),
    axis=Axis.NONE,
    tables=(contracts.Suppliers,),
    transform=transform_suppliers,
)

# Centra sorts purchase orders and deliveries by id only.
PURCHASE_ORDERS = Entity(
    name="purchase_orders",
    family="purchasing",
    description="Orders to suppliers with their lines.",
    package=__name__,
    document="purchase_orders",
    operations=("PurchaseOrderConnection", "PurchaseOrderList"),
    axis=Axis.MONTH,
    created_at="createdAt",
    sorted_by_creation=False,
    updated_at="updatedAt",
    tables=(contracts.PurchaseOrders, contracts.PurchaseOrderLines),
    transform=transform_purchase_orders,
)

DELIVERIES = Entity(
    name="deliveries",
    family="purchasing",
    description="Deliveries on purchase orders with their lines.",
    package=__name__,
    document="deliveries",
    operations=("DeliveryConnection", "DeliveryList"),
    axis=Axis.MONTH,
    created_at="createdAt",
    sorted_by_creation=False,
    tables=(contracts.Deliveries, contracts.DeliveryLines),
    transform=transform_deliveries,
)
