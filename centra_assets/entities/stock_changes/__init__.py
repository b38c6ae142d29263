"""Stock changes, day by day: what moved stock. How much there is now is in stock."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.stock_changes import contracts
from centra_assets.entities.stock_changes.transform import transform

STOCK_CHANGES = Entity(
    name="stock_changes",
    family="stock_changes",
    description="Events that moved stock, with the sizes they moved.",
    package=__name__,
    document="stock_changes",
    operations=("StockChangeConnection", "StockChangeList"),
    axis=Axis.DAY,
    created_at="createdAt",
    # Centra sorts stock changes by id only, and an import may write old ones late.
    sorted_by_creation=False,
    tables=(contracts.StockChanges, contracts.StockChangeLines),
    transform=transform,
    nested={"lines": "StockChangeLinesOfOne"},
)
