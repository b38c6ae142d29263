"""Orders with their lines, discounts, taxes, addresses and payments. What happens to them afterwards is elsewhere."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.orders.contracts import (
    OrderAddresses,
    OrderAttributes,
    OrderDiscounts,
    OrderLines,
    Orders,
    OrderTaxes,
    Payments,
)
from centra_assets.entities.orders.transform import transform

ORDERS = Entity(
    name="orders",
    family="orders",
    description="Orders of every store, direct to consumer and wholesale, each with all that belongs to it.",
    package=__name__,
    document="orders",
    operations=("OrderConnection", "Orders"),
    axis=Axis.DAY,
    tables=(Orders, OrderLines, OrderDiscounts, OrderTaxes, OrderAddresses, Payments, OrderAttributes),
    transform=transform,
    record_id="number",
    id_filter="number",
    created_at="createdAt",
    updated_at="updatedAt",
    nested={"paymentHistory": "OrderPayments"},
    attributes_of=("Order",),
    attribute_paths=("attributes",),
)
