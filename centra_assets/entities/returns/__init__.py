"""Returns, their lines and what was refunded for them. The payments themselves come with the orders."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.returns.contracts import ReturnLines, ReturnRefunds, Returns
from centra_assets.entities.returns.transform import transform

RETURNS = Entity(
    name="returns",
    family="returns",
    description="Returns of every store with what came back and what was paid back. Centra keeps no time of change.",
    package=__name__,
    document="returns",
    operations=("ReturnConnection", "Returns"),
    axis=Axis.DAY,
    tables=(Returns, ReturnLines, ReturnRefunds),
    transform=transform,
    created_at="createdAt",
)
