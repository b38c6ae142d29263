"""Points that one complete order costs by Centra's published rule, against Centra's own example. Nothing is sent."""

from benchmarks.corpus import OPERATION, document_text
from benchmarks.report import Figure, Goal, Report, finish, publish
from centra_assets.centra.complexity import cost
from centra_assets.centra.documents import operation_named, parsed
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.orders import ORDERS

# "Fetching ALL the data" of Centra's guide (centra.dev/docs/integration-api/example-queries-dtc) for one order, weighed
# by the same rule. It has no taxes per line, no net values and no tax on shipping.
CENTRA_EXAMPLE = {
    "lines: 10 x (1 + product, variant, size, brand, two unit prices, value)": 10 * 8,
    "discountsApplied: 10 x (1 + value, discount)": 10 * 3,
    "paymentHistory: 10 x (1 + value)": 10 * 2,
    "deliveryWindows: 10 x 1": 10,
    "totals: 1 + five amounts": 6,
    "account: 1 + four objects": 5,
    "two addresses with their countries": 4,
    "grandTotal and its currency": 2,
    "shippingPriceGroup and its option": 2,
    "the order, store, buyer, paymentMethod, market, pricelist": 6,
}
_FEW, _MANY = 100, 200


def per_order(text: str) -> float:
    """What one more order on a page costs: the page's own price does not grow with it."""
    operation = operation_named(parsed(text), OPERATION)
    schema = bundled_schema()
    few, many = (cost(schema, operation, {"first": first}) for first in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)


def run() -> Report:
    """Weigh our document with and without custom attributes."""
    plain, whole, example = per_order(document_text()), per_order(ORDERS.document_text()), sum(CENTRA_EXAMPLE.values())
    report = Report(
        benchmark="complexity",
        figures=[
            Figure("points per complete order", plain, "points", "", Goal.AT_MOST, 110),
            Figure("share of Centra's example", plain / example, "x", "Centra's fetch-everything example"),
            Figure("custom attributes, only where defined", whole - plain, "points"),
        ],
        measured={
            "with_attributes": whole,
            "without_attributes": plain,
            "centra_example": CENTRA_EXAMPLE,
            "sum": example,
        },
    )
    publish(report)
    return report


if __name__ == "__main__":
    finish(run())
