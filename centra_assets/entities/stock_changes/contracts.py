"""What the tables of stock changes promise. How the rows are made from records is in transform.py."""

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import Contract, day, flag, instant, money, rate, text, whole


class StockChanges(Contract):
    """An event that moved stock: a delivery accepted, a shipment completed, a count corrected."""

    table = "stock_changes"

    id = whole("Id of the stock change.", source="id", key=True)
    created_at = instant("When it happened.", source="createdAt")
    business_date = day("Day of `created_at` in the merchant's time zone.", source="createdAt")
    type = text("Kind of change, in Centra's word; open text.", source="type")
    comment = text("Comment.", source="comment", personal_data=True)
    admin_user_id = whole("Id of the member of staff who made it.", source="adminUser.id")
    warehouse_id = whole("Warehouse, as `warehouses.id`, if it is one for all lines.", source="warehouse.id")


class StockChangeLines(Contract):
    """One size that a stock change moved."""

    table = "stock_change_lines"

    id = whole("Id of the line.", source="lines.id", key=True)
    stock_change_id = whole("Stock change, as `stock_changes.id`.", source="id", nullable=False)
    product_size_id = whole("Size, as `product_sizes.id`.", source="lines.productSize.id")
    warehouse_id = whole("Warehouse, as `warehouses.id`.", source="lines.warehouse.id")
    delivered_quantity = whole(
        "Units by which physical stock changed; negative when they went out.", source="lines.deliveredQuantity"
    )
    free_to_allocate_quantity = whole(
        "Units of the line that are free to allocate now.", source="lines.freeToAllocateQuantity"
    )
    is_available = flag("Whether the units may be sold.", source="lines.isAvailable")
    unit_cost = money("What one unit cost, in `currency`.", source="lines.unitCost.value")
    currency = text("ISO 4217 code of the unit cost.", source="lines.unitCost.currency.code")
    currency_base_rate = rate(
        "Rate of the line's currency: unit cost times this is the cost in base currency.",
        source="lines.currencyBaseRate",
    )
    shipment_line_id = whole(
        "Shipment line that took the units, as `shipment_lines.id`.", source="lines.createdFromShipmentLine.id"
    )

    @dy.rule()
    def unit_cost_is_not_negative(cls) -> pl.Expr:
        return pl.col("unit_cost") >= 0

    @dy.rule()
    def currency_has_three_letters(cls) -> pl.Expr:
        return pl.col("currency").str.len_chars() == 3
