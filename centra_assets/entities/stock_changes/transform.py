"""From stock change records to their tables. What the tables promise is in contracts.py."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.frames import business_date, children, field, instant, money, rate, rows
from centra_assets.entities.model import TransformContext


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """The changes and their lines."""
    changes = rows(
        records,
        {
            "id": field("id"),
            "created_at": instant("createdAt"),
            "business_date": business_date(instant("createdAt"), context.time_zone),
            "type": field("type"),
            "comment": field("comment"),
            "admin_user_id": field("adminUser.id"),
            "warehouse_id": field("warehouse.id"),
        },
    )
    lines = rows(
        children(records, "lines", stock_change_id=field("id")),
        {
            "id": field("id"),
            "stock_change_id": pl.col("stock_change_id"),
            "product_size_id": field("productSize.id"),
            "warehouse_id": field("warehouse.id"),
            "delivered_quantity": field("deliveredQuantity"),
            "free_to_allocate_quantity": field("freeToAllocateQuantity"),
            "is_available": field("isAvailable"),
            "unit_cost": money("unitCost"),
            "currency": field("unitCost.currency.code"),
            "currency_base_rate": rate("currencyBaseRate"),
            "shipment_line_id": field("createdFromShipmentLine.id"),
        },
    )
    return {"stock_changes": changes, "stock_change_lines": lines}
