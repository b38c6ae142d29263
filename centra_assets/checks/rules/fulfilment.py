"""Rules of what follows an order: shipments, returns, invoices, against each other and the order. No money entries."""

from centra_assets.checks.rules.rule import MINOR_UNIT, Rule


def _totals(table: str, lines: str, key: str, sum_of: str, *, inferred: bool, with_what: str) -> Rule:
    off_by = f"abs({sum_of} - h.grand_total)"
    return Rule(
        table=table,
        name="totals_add_up",
        failures=f"select h.id::text as key from core.{table} h "
        f"left join (select {key}, count(*) as lines from core.{lines} group by 1) l on l.{key} = h.id "
        "left join core.currencies y on y.code = h.currency "
        f"where {off_by} > {MINOR_UNIT} * greatest(1, l.lines)",
        not_judged=f"select count(*) as rows from core.{table} h where {off_by} is null",
        meaning=f"{with_what} is not the grand total, to within one minor unit of the currency per line. Those of "
        "which a part is unknown are not judged.",
        remedy="Compare it with Centra's; do not book it before the difference is explained.",
        tables=(lines, "currencies"),
        severe=not inferred,
    )


def _currency_of_order(table: str) -> Rule:
    return Rule(
        table=table,
        name="currency_is_the_orders",
        failures=f"select h.id::text as key from core.{table} h "
        "join core.orders o on o.number = h.order_number "
        # A currency that nobody knows is told by the reference.
        "join core.currencies y on y.code = h.currency where h.currency <> o.currency",
        meaning=f"Rows of core.{table} in another currency than their order: their amounts cannot be compared with it.",
        remedy="Compare both with Centra's before anything is booked.",
        tables=("orders", "currencies"),
    )


FULFILMENT_RULES: tuple[Rule, ...] = (
    Rule(
        table="order_lines",
        name="returned_within_shipped_within_ordered",
        failures="select id::text as key from core.order_lines "
        "where counts_in_totals and (returned_quantity > shipped_quantity or shipped_quantity > quantity)",
        meaning="By the order's own words more came back than was shipped, or more was shipped than was ordered and "
        "not cancelled.",
        remedy="Look at the order's shipments and returns in Centra for one that was counted twice.",
    ),
    Rule(
        table="shipment_lines",
        name="no_more_shipped_than_ordered",
        failures="select l.id::text as key from core.order_lines l join "
        "(select order_line_id, sum(quantity) as planned from core.shipment_lines group by 1) s "
        "on s.order_line_id = l.id where s.planned > l.quantity",
        meaning="The shipments of an order line hold more units than were ordered and not cancelled. The key is the "
        "order line's.",
        remedy="Look for a shipment that was made twice, and stop it while it has not left. Where the order is newer "
        "in Centra than here, its next sweep mends it.",
        tables=("order_lines",),
        severe=False,
    ),
    Rule(
        table="return_lines",
        name="no_more_returned_than_shipped",
        failures="select l.id::text as key from core.shipment_lines l join "
        "(select shipment_line_id, sum(quantity) as returned from core.return_lines group by 1) r "
        "on r.shipment_line_id = l.id where r.returned > l.quantity",
        meaning="More units of a shipment line came back than it held. The key is the shipment line's.",
        remedy="Look for a return that was made twice before it is refunded twice. Where the shipment is newer in "
        "Centra than here, its next sweep mends it.",
        tables=("shipment_lines",),
        severe=False,
    ),
    Rule(
        table="order_lines",
        name="shipped_is_what_left",
        failures="select l.id::text as key from core.order_lines l left join "
        "(select s.order_line_id, sum(s.quantity) as shipped from core.shipment_lines s "
        "join core.shipments h on h.id = s.shipment_id where h.is_shipped group by 1) s on s.order_line_id = l.id "
        "where l.counts_in_totals and l.shipped_quantity <> coalesce(s.shipped, 0) "
        "and exists (select from core.shipment_lines )",
        meaning="The units that an order line calls shipped are not those of the shipments that left: a pre-order or "
        "back-order counts as shipped revenue, or a shipment is missing.",
        remedy="Materialize shipments and orders of the same days; the two may have been read at different times.",
        tables=("shipment_lines", "shipments"),
        severe=False,
    ),
    Rule(
        table="orders",
        name="completed_orders_have_nothing_left",
        failures="select number::text as key from core.orders where status = 'SHIPPED' and unexpedited_quantity <> 0",
        meaning="An order counts as completed (SHIPPED) although units of it are still to be shipped.",
        remedy="Look at the order in Centra: ship or cancel what is left.",
        severe=False,
    ),
    Rule(
        table="orders",
        name="completed_orders_have_left",
        # An archived order may have come from another system, without shipments; all cancelled, it needs none.
        failures="select o.number::text as key from core.orders o join "
        "(select l.order_number from core.order_lines l left join "
        "(select s.order_line_id, sum(s.quantity) as units from core.shipment_lines s "
        "join core.shipments h on h.id = s.shipment_id where h.is_shipped group by 1) gone"
        " on gone.order_line_id = l.id where l.counts_in_totals group by 1"
        " having bool_or(l.quantity > coalesce(gone.units, 0))) waiting on waiting.order_number = o.number "
        "where o.status = 'SHIPPED' and exists (select from core.shipments ) "
        "and exists (select from core.shipment_lines )",
        meaning="An order counts as completed (SHIPPED) although no shipment, or none with all of its units, left: it "
        "is revenue without a parcel. Gift certificates have a shipment as well.",
        remedy="Materialize shipments of the days since the order; if it stays, look in Centra for the shipment, and "
        "ship or cancel what never left.",
        tables=("order_lines", "shipments", "shipment_lines"),
        severe=False,
    ),
    Rule(
        table="orders",
        name="orders_that_left_are_completed",
        # Centra completes an order when all of it is shipped or cancelled and every shipment is paid; whether it does
        # so while the order is held, nobody says. Before it is confirmed an order cannot have a shipment at all.
        failures="select o.number::text as key from core.orders o join "
        "(select order_number, bool_and(coalesce(is_shipped, false)) as all_left,"
        " bool_and(coalesce(is_paid, false)) as all_paid from core.shipments group by 1) h"
        " on h.order_number = o.number "
        "where o.quantity > 0 and o.unexpedited_quantity = 0 and h.all_left"
        " and not coalesce(o.is_on_hold, false) and not coalesce(o.is_waiting_for_payment, false)"
        " and (o.status in ('INCOMPLETE', 'PENDING') or (o.status in ('CONFIRMED', 'PROCESSING') and h.all_paid))",
        meaning="All of an order left the warehouse and nothing is open that would keep it from being completed, yet "
        "its status says that it is still to be shipped: figures of completed orders lack it, and somebody may ship it "
        "again.",
        remedy="Look at the order in Centra. Where it is newer there than here, its next sweep mends it.",
        tables=("shipments",),
        severe=False,
    ),
    Rule(
        table="shipments",
        name="cancelled_orders_ship_nothing",
        failures="select h.id::text as key from core.shipments h "
        "join core.orders o on o.number = h.order_number where h.is_shipped and o.status = 'CANCELLED'",
        meaning="A shipment of a cancelled order left the warehouse.",
        remedy="Stop the parcel or book a return; then find out which system shipped without asking for the state. "
        "Where the order is newer in Centra than here, its next sweep mends it.",
        tables=("orders",),
        severe=False,
    ),
    Rule(
        table="shipments",
        name="shipped_says_when",
        failures="select id::text as key from core.shipments where is_shipped and shipped_at is null "
        "and exists (select from core.shipments where shipped_at is not null)",
        meaning="A shipment left the warehouse at no time: it is on no day of shipped revenue.",
        remedy="Look the shipment up in Centra; figures by shipping day lack it until then.",
        severe=False,
    ),
    Rule(
        table="shipments",
        name="captured_within_its_total",
        failures="select h.id::text as key from core.shipments h left join core.currencies y on y.code = h.currency "
        f"where h.is_captured and h.captured_value > h.grand_total + {MINOR_UNIT}",
        meaning="More was captured for a shipment than it is worth.",
        remedy="Compare with the payment provider; give back what was taken too much.",
        tables=("currencies",),
    ),
    Rule(
        table="orders",
        name="shipments_add_up",
        failures="select o.number::text as key from core.orders o join "
        "(select order_number, count(*) as lines, sum(grand_total) as shipped,"
        " bool_or(grand_total is null) as is_unknown from core.shipments where is_shipped group by 1) l"
        " on l.order_number = o.number left join core.currencies y on y.code = o.currency "
        "where o.status in ('SHIPPED', 'ARCHIVED') and not l.is_unknown "
        f"and abs(l.shipped - o.grand_total) > {MINOR_UNIT} * l.lines",
        meaning="The shipments of a completed order are not worth what the order is: shipping, handling or discounts "
        "were shared out over them so that something is lost or counted twice.",
        remedy="Compare order and shipments in Centra; a shipment may be missing, or the order was edited afterwards.",
        tables=("shipments", "currencies"),
        severe=False,
    ),
    _totals(
        "shipments",
        "shipment_lines",
        "shipment_id",
        "(h.line_values + h.shipping + h.handling - h.discounts + h.tax_added - h.tax_deducted)",
        inferred=True,
        with_what="A shipment's lines + shipping + handling - discounts + added tax - deducted tax",
    ),
    _totals(
        "returns",
        "return_lines",
        "return_id",
        "(h.line_values + h.shipping + h.handling - h.discounts - h.return_cost + h.tax_added - h.tax_deducted)",
        inferred=False,
        with_what="A return's lines + shipping + handling - discounts - cost of returning + added tax - deducted tax",
    ),
    _totals(
        "invoices",
        "invoice_lines",
        "invoice_id",
        "(h.line_values + h.shipping - h.discounts + h.tax_added)",
        inferred=True,
        with_what="An invoice's lines + shipping - discounts + added tax",
    ),
    _currency_of_order("shipments"),
    _currency_of_order("returns"),
    Rule(
        table="returns",
        name="rate_is_the_orders",
        failures="select h.id::text as key from core.returns h "
        "join core.orders o on o.number = h.order_number where h.currency_base_rate <> o.currency_base_rate",
        meaning="A return is in the base currency by another rate than its order: a whole return of a whole order "
        "would leave a profit or a loss.",
        remedy="Use the order's rate for figures in the base currency, and tell Centra's support.",
        tables=("orders",),
        severe=False,
    ),
)
