"""Cases of the rules that the contracts make: references, times, and what several tables promise alike."""

from collections.abc import Iterator
from typing import Any

from centra_assets.checks.rules import RULES
from centra_assets.checks.rules.references import references
from centra_assets.entities.model import Axis
from centra_assets_tests.checks.cases.case import CURRENCIES, Case, Row
from centra_assets_tests.checks.evaluating import CONTRACTS, MOMENT, hours_later

# What an order's record gets as long as it lives, seen from records that name the order.
_GROWING = frozenset({"return_lines.order_line_id", "return_refunds.payment_id", "shipment_lines.order_line_id"})


def _families() -> Iterator[tuple[str, Case]]:
    for table in ("shipments", "returns"):
        yield (
            f"{table}.currency_is_the_orders",
            (
                {
                    "currencies": CURRENCIES,
                    "orders": [{"number": 1, "currency": "SEK"}],
                    # XTS is told by another rule.
                    table: [
                        {"id": 1, "order_number": 1, "currency": "SEK"},
                        {"id": 2, "order_number": 1, "currency": "XTS"},
                    ],
                },
                {table: [{"id": 3, "order_number": 1, "currency": "JPY"}]},
                {"3"},
            ),
        )
    for table in ("campaign_variants", "vouchers"):
        held = {"start_at": MOMENT, "stop_at": hours_later(1)}
        yield (
            f"{table}.period_is_sane",
            (
                {table: [{"id": 1, **held}, {"id": 2, "start_at": MOMENT}, {"id": 3, "stop_at": MOMENT}]},
                {table: [{"id": 4, "start_at": MOMENT, "stop_at": hours_later(-1)}]},
                {"4"},
            ),
        )
    for rule in RULES:
        (key,) = CONTRACTS[rule.table].primary_key()[:1]
        if rule.name == "updated_after_it_was_created":
            sound = [{key: 1, "created_at": MOMENT, "updated_at": MOMENT}, {key: 2, "created_at": MOMENT}]
            late = [{key: 3, "created_at": MOMENT, "updated_at": hours_later(-2)}]
            yield rule.full_name, ({rule.table: sound}, {rule.table: late}, {"3"})
        if rule.name == "business_date_is_its_partition":
            day = {"business_date": MOMENT.date()}
            sound = [{key: 1, **day, "_partition": "2026-05-01"}, {key: 2, "_partition": "2026-04-30"}]
            yield (
                rule.full_name,
                ({rule.table: sound}, {rule.table: [{key: 3, **day, "_partition": "2026-04-30"}]}, {"3"}),
            )


def _references() -> Iterator[tuple[str, Case]]:
    for reference in references():
        table, parent, column = reference.contract.table, reference.parent.table, reference.column
        keys = reference.contract.primary_key()
        texts = reference.parent_key == "code"
        known, unknown = ("AAA", "ZZZ") if texts else (500, 900)
        sound = [_row(reference.contract, keys, 501, {column: known})]
        if reference.contract.columns()[column].nullable:
            sound.append(_row(reference.contract, keys, 502, {column: None}))
        if parent != table and not reference.within_record and reference.parent_entity.axis is Axis.DAY:
            # From before the first day, which is no gap.
            sound.append(_row(reference.contract, keys, 503, {column: 400}))
        others = {parent: [{reference.parent_key: known}]} if parent != table else {}
        if f"{table}.{column}" in _GROWING:
            # A refund of today, a line added today, of an order from before the first day.
            sound.append(_row(reference.contract, keys, 505, {column: 901, "order_number": 400}))
            others["orders"] = [{"number": 500}]
        if f"{table}.{column}" == "invoice_lines.order_line_id":
            # The same by way of the shipment line: of such an order, and itself from before.
            for number, shipped in ((505, 500), (506, 400)):
                sound.append(_row(reference.contract, keys, number, {column: 901, "shipment_line_id": shipped}))
            others["orders"] = [{"number": 500}]
            others["shipment_lines"] = [{"id": 500, "order_number": 400}, {"id": 501, "order_number": 500}]
        broken = _row(reference.contract, keys, 504, {column: unknown, **_of_ours(table, column)})
        if parent == table:
            sound = [{reference.parent_key: known}, *sound]
        named = "/".join(str(broken[key]) for key in keys)
        yield f"{table}.{column}_is_known", ({**others, table: sound}, {table: [broken]}, {named})


def _of_ours(table: str, column: str) -> Row:
    """What lets a row say that it belongs to an order that core has."""
    if f"{table}.{column}" == "invoice_lines.order_line_id":
        return {"shipment_line_id": 501}
    return {"order_number": 500} if f"{table}.{column}" in _GROWING else {}


def _row(contract: Any, keys: Any, number: int, given: Row) -> dict[str, Any]:
    columns = contract.columns()
    made = {key: f"k{number}" if "String" in type(columns[key]).__name__ else number for key in keys}
    return {**made, **given}


FAMILY_CASES: dict[str, Case] = {**dict(_families()), **dict(_references())}
