"""Stock levels, warehouse by warehouse. What changed them is in stock_changes."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.stock import contracts
from centra_assets.entities.stock.transform import transform

STOCK = Entity(
    name="stock",
    family="stock",
    description="How many units of each size a warehouse has, promises and expects.",
    package=__name__,
    document="stock",
    operations=("StockOfWarehouse",),
    axis=Axis.WAREHOUSE,
    tables=(contracts.StockLevels,),
    transform=transform,
    # A stock level has no id of its own; within a warehouse it is its size.
    record_id="productSize.id",
    id_filter="productSizeId",
)
