"""Points that one complete order costs by Centra's published rule, against Centra's own example. Nothing is sent."""

from benchmarks.corpus import OPERATION, document_text
from benchmarks.report import Figure, Goal, Report, finish, publish
from centra_assets.centra.complexity import cost
from centra_assets.centra.documents import operation_named, parsed
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.orders import ORDERS

# Centra's guide "fetch everything about an order" weighed by the same rule: one order, nested lists at their limits.
CENTRA_EXAMPLE = 165
_FEW, _MANY = 100, 200


def per_order(text: str) -> float:
    """What one more order on a page costs: the page's own price does not grow with it."""
    operation = operation_named(parsed(text), OPERATION)
    schema = bundled_schema()
    few, many = (cost(schema, operation, {"first": first}) for first in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)


def run() -> Report:
    """Weigh our document with and without custom attributes."""
    plain, whole = per_order(document_text()), per_order(ORDERS.document_text())
    report = Report(
        benchmark="complexity",
        figures=[
            Figure("points per complete order", plain, "points", "", Goal.AT_MOST, 110),
            Figure("share of Centra's example", plain / CENTRA_EXAMPLE, "x", "Centra's fetch-everything example"),
            Figure("custom attributes, only where defined", whole - plain, "points"),
        ],
        measured={"with_attributes": whole, "without_attributes": plain, "centra_example": CENTRA_EXAMPLE},
    )
    publish(report)
    return report


if __name__ == "__main__":
    finish(run())
