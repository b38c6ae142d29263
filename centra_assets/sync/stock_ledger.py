"""The sweep of stock levels: Centra keeps no time of change for them, but everything that moves stock is in core."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import LiteralString

from centra_assets.entities.model import Axis
from centra_assets.storage import sync_state
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.burials import Missing
from centra_assets.sync.lookup import fetch
from centra_assets.sync.snapshots import read_partition
from centra_assets.sync.sweeping import NEVER_LOADED, Sweep, SweepError
from centra_assets.sync.updates import first_mark
from centra_assets.sync_config import Strategy

STRATEGY = Strategy.LEDGER

# Sizes that something moved, by what moved them: `size`, and `warehouse` where it is known. A status moves stock
# without changing a line, so lines are found by what they belong to as well.
_MOVES: Mapping[tuple[str, ...], LiteralString] = {
    ("stock_changes", "stock_change_lines"): """
        SELECT l.product_size_id AS size, l.warehouse_id AS warehouse
        FROM core.stock_change_lines l JOIN core.stock_changes c ON c.id = l.stock_change_id
        WHERE l._loaded_at >= %(since)s OR c._loaded_at >= %(since)s
        UNION SELECT product_size_id, warehouse_id FROM history.stock_change_lines WHERE _valid_to >= %(since)s
    """,
    ("orders", "order_lines"): """
        SELECT l.product_size_id AS size, NULL::bigint AS warehouse
        FROM core.order_lines l JOIN core.orders o ON o.number = l.order_number
        WHERE l._loaded_at >= %(since)s OR o._loaded_at >= %(since)s
        UNION SELECT product_size_id, NULL FROM history.order_lines WHERE _valid_to >= %(since)s
    """,
    ("shipments", "shipment_lines", "order_lines"): """
        SELECT o.product_size_id AS size, NULL::bigint AS warehouse
        FROM core.shipment_lines l JOIN core.shipments s ON s.id = l.shipment_id
        JOIN core.order_lines o ON o.id = l.order_line_id
        WHERE l._loaded_at >= %(since)s OR s._loaded_at >= %(since)s
        UNION SELECT o.product_size_id, NULL FROM history.shipment_lines l
        JOIN core.order_lines o ON o.id = l.order_line_id WHERE l._valid_to >= %(since)s
    """,
    ("returns", "return_lines", "order_lines"): """
        SELECT o.product_size_id AS size, NULL::bigint AS warehouse
        FROM core.return_lines l JOIN core.returns r ON r.id = l.return_id
        JOIN core.order_lines o ON o.id = l.order_line_id
        WHERE l._loaded_at >= %(since)s OR r._loaded_at >= %(since)s
        UNION SELECT o.product_size_id, NULL FROM history.return_lines l
        JOIN core.order_lines o ON o.id = l.order_line_id WHERE l._valid_to >= %(since)s
    """,
    ("deliveries", "delivery_lines"): """
        SELECT l.product_size_id AS size, NULL::bigint AS warehouse
        FROM core.delivery_lines l JOIN core.deliveries d ON d.id = l.delivery_id
        WHERE l._loaded_at >= %(since)s OR d._loaded_at >= %(since)s
        UNION SELECT product_size_id, NULL FROM history.delivery_lines WHERE _valid_to >= %(since)s
    """,
    ("purchase_orders", "purchase_order_lines"): """
        SELECT l.product_size_id AS size, NULL::bigint AS warehouse
        FROM core.purchase_order_lines l JOIN core.purchase_orders p ON p.id = l.purchase_order_id
        WHERE l._loaded_at >= %(since)s OR p._loaded_at >= %(since)s
        UNION SELECT product_size_id, NULL FROM history.purchase_order_lines WHERE _valid_to >= %(since)s
    """,
    ("product_sizes",): """
        SELECT id AS size, NULL::bigint AS warehouse FROM core.product_sizes WHERE _loaded_at >= %(since)s
    """,
}


def sweep_ledger(sweep: Sweep, since: datetime | None = None) -> None:
    """Asks again for the levels of every size that was moved since the watermark, or since `since` if that is earlier.

    The watermark is a moment of the database's clock: moves count from when core learned of them.
    """
    if sweep.entity.axis is not Axis.WAREHOUSE:
        raise SweepError(f"{sweep.entity.name} has no ledger; only stock has.")
    around, name = sweep.around, sweep.entity.name
    loaded = around.lake.partitions(name)
    held = around.state.mark(name, STRATEGY).watermark or first_mark(sweep, loaded)
    if held is None:
        sweep.note(NEVER_LOADED)
        return
    clock: datetime = around.warehouse.query("SELECT clock_timestamp() AS now")["now"][0]
    begin = min(moment for moment in (held - sweep.setting.overlap, since) if moment is not None)
    moved = moved_sizes(around.warehouse, begin)
    levels, missing = _levels(around.warehouse), Missing(sweep)
    for key in sweep.keys_to_ask():
        sizes = moved.get("", set()) | moved.get(key, set())
        if key not in loaded or 2 * len(sizes) > max(levels.get(key, 0), 100):
            # A new warehouse, or so much that reading all of it costs no more.
            read_partition(sweep, key, missing)
        elif sizes:
            _ask(sweep, key, sizes, missing, of=levels.get(key, 0))
    missing.bury()
    around.warehouse.transact(
        partial(sync_state.advance, entity=name, strategy=STRATEGY, watermark=clock, run_id=around.run_id)
    )


def moved_sizes(warehouse: Warehouse, since: datetime) -> dict[str, set[str]]:
    """Ids of sizes that were moved, by warehouse; under '' those of which it is not known in which."""
    there = set(warehouse.query("SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'core'")["name"])
    moved: dict[str, set[str]] = defaultdict(set)
    for tables, statement in _MOVES.items():
        if there.issuperset(tables):
            for size, place in warehouse.query(statement, {"since": since}).iter_rows():
                if size is not None:
                    moved["" if place is None else str(place)].add(str(size))
    return moved


def _levels(warehouse: Warehouse) -> dict[str, int]:
    rows = warehouse.query("SELECT _partition, count(*) AS levels FROM core.stock_levels GROUP BY 1")
    return dict(rows.iter_rows())


def _ask(sweep: Sweep, key: str, sizes: set[str], missing: Missing, *, of: int) -> None:
    """Asks for these sizes of one warehouse, which has `of` levels. Where all that we have of them is gone, the
    warehouse is read whole: an answer of nothing may be the answer to somebody who may see nothing."""
    around, name = sweep.around, sweep.entity.name
    found = fetch(around.client, sweep.entity, {key: sorted(sizes)}, calendar=around.calendar)
    sweep.apply_found(found.rows)
    lacked = [size for size, _ in found.missing]
    gone = around.lake.known(name, {key: lacked}) if lacked else found.rows.clear()
    if gone.height and found.rows.is_empty():
        read_partition(sweep, key, missing)
    else:
        missing.add([key], gone, max(of, gone.height))
