"""From stock records to stock levels. What the table promises is in contracts.py."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.frames import field, rows
from centra_assets.entities.model import TransformContext


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """One row per size; stock is read warehouse by warehouse, so the partition names the warehouse."""
    levels = rows(
        records,
        {
            "product_size_id": field("productSize.id"),
            "warehouse_id": pl.col("_partition").cast(pl.Int64),
            "physical_quantity": field("physicalQuantity"),
            "free_to_allocate_quantity": field("freeToAllocateQuantity"),
            "allocated_quantity": field("allocatedQuantity"),
            "demand_quantity": field("demandQuantity"),
            "unshipped_quantity": field("unshippedQuantity"),
            "available_quantity": field("availableQuantity"),
            "available_now_quantity": field("availableNowQuantity"),
            "incoming_quantity": field("incomingQuantity"),
            "linked_incoming_quantity": field("linkedIncomingQuantity"),
            "unlinked_incoming_quantity": field("unlinkedIncomingQuantity"),
            "on_delivery_quantity": field("onDeliveryQuantity"),
        },
    )
    return {"stock_levels": levels}
