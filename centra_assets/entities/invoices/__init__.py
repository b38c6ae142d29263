"""Invoices, their lines and the payments booked against them. What they bill is elsewhere."""

from centra_assets.entities.invoices.contracts import InvoiceLines, InvoicePayments, Invoices
from centra_assets.entities.invoices.transform import transform
from centra_assets.entities.model import Axis, Entity

INVOICES = Entity(
    name="invoices",
    family="invoices",
    description="Invoices of every store with their lines and payments.",
    package=__name__,
    document="invoices",
    operations=("InvoiceConnection", "Invoices"),
    axis=Axis.DAY,
    tables=(Invoices, InvoiceLines, InvoicePayments),
    transform=transform,
    created_at="createdAt",
    updated_at="updatedAt",
)
