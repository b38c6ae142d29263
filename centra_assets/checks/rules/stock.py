"""Rules of stock: identities between its quantities, and movements against levels. Below zero is no failure here."""

from centra_assets.checks.rules.rule import Rule

# Movements this close to the reading of a level may or may not be in it.
_DOUBT = "interval '60 seconds'"
# What moved a level that was read after the ledger may not be here yet. In so long it would be, whoever brings it.
_UNDERWAY = (
    "(v._fetched_at > (select max(_fetched_at) from core.stock_changes ) "
    "and v._fetched_at > clock_timestamp() - interval '15 minutes')"
)
_JUDGED = f"m.is_doubtful is not true and not {_UNDERWAY}"

# A size of a product that did not exist when the ledger begins had no stock before it.
_LEDGER = (
    "core.stock_levels v join core.product_sizes s on s.id = v.product_size_id "
    "join core.products p on p.id = s.product_id "
    "and p.created_at >= (select min(created_at) from core.stock_changes ) left join "
    "(select l.product_size_id, l.warehouse_id, v2._fetched_at as read_at,"
    " coalesce(sum(l.delivered_quantity) filter (where c.created_at <= v2._fetched_at), 0) as moved,"
    f" bool_or(c.created_at between v2._fetched_at - {_DOUBT} and v2._fetched_at + {_DOUBT}) as is_doubtful"
    " from core.stock_change_lines l join core.stock_changes c on c.id = l.stock_change_id"
    " join core.stock_levels v2 on v2.product_size_id = l.product_size_id and v2.warehouse_id = l.warehouse_id"
    " group by 1, 2, 3) m on m.product_size_id = v.product_size_id and m.warehouse_id = v.warehouse_id"
)

STOCK_RULES: tuple[Rule, ...] = (
    Rule(
        table="stock_levels",
        name="physical_is_free_plus_allocated",
        failures="select product_size_id || '/' || warehouse_id as key from core.stock_levels "
        "where physical_quantity <> free_to_allocate_quantity + allocated_quantity",
        meaning="Physical stock is not what is free plus what is allocated.",
        remedy="Materialize raw/stock of the warehouse again; levels may have moved between two pages.",
    ),
    Rule(
        table="stock_levels",
        name="available_is_free_less_demand",
        failures="select product_size_id || '/' || warehouse_id as key from core.stock_levels "
        "where available_now_quantity <> free_to_allocate_quantity - demand_quantity "
        "or available_quantity <> available_now_quantity + unlinked_incoming_quantity "
        "or unlinked_incoming_quantity <> incoming_quantity - linked_incoming_quantity",
        meaning="The four quantities disagree: available now is free less demand, available adds the incoming units "
        "that are promised to nobody. Negative numbers are pre-orders and back-orders, and sound.",
        remedy="Materialize raw/stock of the warehouse again; show no shop a number of these until they agree.",
        severe=False,
    ),
    Rule(
        table="stock_levels",
        name="movements_explain_the_level",
        failures="select v.product_size_id || '/' || v.warehouse_id as key "
        f"from {_LEDGER} where {_JUDGED} and v.physical_quantity <> coalesce(m.moved, 0)",
        not_judged="select (select count(*) from core.stock_levels ) - count(*) as rows "
        f"from {_LEDGER} where {_JUDGED}",
        meaning="The stock changes of a size in a warehouse do not sum to its physical stock. Judged only where the "
        "ledger is whole: for products that were made after its first loaded day, and once it was read after a level.",
        remedy="Look for a day of raw/stock_changes that is missing; then for units that moved without a stock change.",
        tables=("stock_change_lines", "stock_changes", "product_sizes", "products"),
        severe=False,
    ),
)
