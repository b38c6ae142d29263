"""Promises that hold across rows and tables, each a query whose rows are the failures. How they run is in `build`."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A promise of `core.<table>`.

    `failures` selects the keys of failing rows as one text column `key`: keys only, never personal data. `meaning`
    says what a failure means, `remedy` what to do. `tables` are all that the query reads. `not_judged`, where a row
    may know too little to be judged, counts such rows as `rows`.
    """

    table: str
    name: str
    failures: str
    meaning: str
    remedy: str
    tables: Sequence[str] = ()
    severe: bool = True
    not_judged: str | None = None


def _reference(table: str, column: str, parent: str, parent_key: str, key: str) -> Rule:
    return Rule(
        table=table,
        name=f"{column}_is_known",
        failures=(
            f"select child.{key}::text as key from core.{table} child "  # noqa: S608 - names from this file only
            f"left join core.{parent} parent on parent.{parent_key} = child.{column} "
            f"where child.{column} is not null and parent.{parent_key} is null"
        ),
        meaning=f"Rows of core.{table} whose {column} is not in core.{parent}.",
        remedy=f"Materialize raw and core of {parent} for the period that the rows name.",
        tables=(parent,),
        # A parent outside of the materialized period is a gap in coverage, not wrong data.
        severe=False,
    )


def _order_of(table: str) -> Rule:
    return Rule(
        table=table,
        name="order_number_is_known",
        # Numbers rise: a smaller one than all we have belongs to an order from before the first partition.
        failures=(
            f"select child.id::text as key from core.{table} child "  # noqa: S608 - names from this file only
            "left join core.orders o on o.number = child.order_number "
            "where o.number is null and child.order_number >= (select min(number) from core.orders)"
        ),
        meaning=f"Rows of core.{table} whose order is not in core.orders although orders of its time are.",
        remedy="Materialize raw and core of orders for the period that the rows name.",
        tables=("orders",),
        severe=False,
    )


# What a token may not read is null, and so is any sum it is part of: such an order cannot be judged.
_TOTALS_OFF_BY = (
    "abs(o.line_values + o.shipping + o.handling - o.discounts + o.tax_added - o.tax_deducted - o.grand_total)"
)

RULES: tuple[Rule, ...] = (
    Rule(
        table="order_lines",
        name="every_line_has_its_order",
        failures="select l.id::text as key from core.order_lines l "
        "left join core.orders o on o.number = l.order_number where o.number is null",
        meaning="Lines without their order: a load was torn apart, which a transaction should make impossible.",
        remedy="Materialize core/orders and core/order_lines of the partitions named by the failing lines again.",
        tables=("orders",),
    ),
    Rule(
        table="orders",
        name="totals_add_up",
        failures="select o.number::text as key from core.orders o "  # noqa: S608 - text from this file only
        "left join (select order_number, count(*) as lines from core.order_lines group by 1) l"
        " on l.order_number = o.number "
        f"where o.status <> 'CANCELLED' and {_TOTALS_OFF_BY} > 0.01 * greatest(1, l.lines)",
        not_judged="select count(*) as rows from core.orders o "  # noqa: S608 - text from this file only
        f"where o.status is null or (o.status <> 'CANCELLED' and {_TOTALS_OFF_BY} is null)",
        meaning="Lines + shipping + handling - discounts + added tax - deducted tax is not the grand total. "
        "CANCELLED orders are left out; orders of which a part is unknown are not judged.",
        remedy="Compare the order with Centra's; do not book it before the difference is explained.",
        tables=("order_lines",),
    ),
    Rule(
        table="return_lines",
        name="no_more_returned_than_ordered",
        failures="select l.id::text as key from core.order_lines l join "
        "(select order_line_id, sum(quantity) as returned from core.return_lines group by 1) r "
        "on r.order_line_id = l.id where r.returned > l.quantity + coalesce(l.cancelled_quantity, 0)",
        meaning="More units came back than were ever ordered.",
        remedy="Look for a return that was counted twice.",
        tables=("order_lines",),
    ),
    Rule(
        table="stock_levels",
        name="physical_is_free_plus_allocated",
        failures="select product_size_id::text || '@' || warehouse_id::text as key from core.stock_levels "
        "where physical_quantity <> free_to_allocate_quantity + allocated_quantity",
        meaning="Physical stock is not what is free plus what is allocated.",
        remedy="Materialize raw/stock of the warehouse again; levels may have moved between two pages.",
    ),
    _order_of("shipments"),
    _order_of("returns"),
    _reference("orders", "market_id", "markets", "id", "number"),
    _reference("orders", "store_id", "stores", "id", "number"),
    _reference("orders", "pricelist_id", "pricelists", "id", "number"),
    _reference("product_variants", "product_id", "products", "id", "id"),
    _reference("product_sizes", "product_variant_id", "product_variants", "id", "id"),
    _reference("prices", "pricelist_id", "pricelists", "id", "id"),
    _reference("stock_levels", "product_size_id", "product_sizes", "id", "product_size_id"),
    _reference("display_items", "display_id", "displays", "id", "id"),
)
