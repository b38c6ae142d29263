"""Shipments and their lines. The orders that they ship and the returns that come back are elsewhere."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.shipments.contracts import ShipmentLines, Shipments
from centra_assets.entities.shipments.transform import transform

SHIPMENTS = Entity(
    name="shipments",
    family="shipments",
    description="Shipments of every store with what is in them.",
    package=__name__,
    document="shipments",
    operations=("ShipmentConnection", "Shipments"),
    axis=Axis.DAY,
    tables=(Shipments, ShipmentLines),
    transform=transform,
    created_at="createdAt",
    updated_at="updatedAt",
)
