"""What the stock table promises. How the rows are made from records is in transform.py."""

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import Contract, whole


class StockLevels(Contract):
    """How many units of a size a warehouse has, promises and expects, at the moment of `_fetched_at`.

    Physical = free to allocate + allocated. Available now = free to allocate - demand. Available = available now +
    unlinked incoming. What the shop shows is free to allocate less the warehouse's threshold and the variant's offset.
    """

    table = "stock_levels"

    product_size_id = whole("Size, as `product_sizes.id`.", source="productSize.id", key=True)
    warehouse_id = whole("Warehouse, as `warehouses.id`; the partition.", key=True)
    physical_quantity = whole("Units in the building.", source="physicalQuantity")
    free_to_allocate_quantity = whole("Units that no order has claimed.", source="freeToAllocateQuantity")
    allocated_quantity = whole("Units claimed by orders, not yet shipped.", source="allocatedQuantity")
    demand_quantity = whole("Units ordered that no stock could be claimed for.", source="demandQuantity")
    unshipped_quantity = whole("Units ordered and not yet shipped.", source="unshippedQuantity")
    available_quantity = whole(
        "Free to allocate, less demand, plus unlinked incoming; can be negative.", source="availableQuantity"
    )
    available_now_quantity = whole("Free to allocate, less demand; can be negative.", source="availableNowQuantity")
    incoming_quantity = whole("Units on open purchase orders and deliveries.", source="incomingQuantity")
    linked_incoming_quantity = whole("Incoming units promised to an order.", source="linkedIncomingQuantity")
    unlinked_incoming_quantity = whole("Incoming units promised to none.", source="unlinkedIncomingQuantity")
    on_delivery_quantity = whole("Incoming units that are on their way.", source="onDeliveryQuantity")

    @dy.rule()
    def claims_are_not_negative(cls) -> pl.Expr:
        return (pl.col("allocated_quantity") >= 0) & (pl.col("demand_quantity") >= 0)

    @dy.rule()
    def incoming_units_are_not_negative(cls) -> pl.Expr:
        return (pl.col("incoming_quantity") >= 0) & (pl.col("on_delivery_quantity") >= 0)
