"""Rules of orders and their lines: amounts, taxes, discounts, quantities, states. No shipments and no payments."""

from centra_assets.checks.rules.rule import MINOR_UNIT, Rule

# What a token may not read is null, and so is any sum it is part of: such an order cannot be judged.
_TOTALS_OFF_BY = (
    "abs(o.line_values + o.shipping + o.handling - o.discounts + o.tax_added - o.tax_deducted - o.grand_total)"
)
_LINES_BY_ORDER = (
    "(select order_number, count(*) as lines,"
    " coalesce(sum(line_value) filter (where counts_in_totals), 0) as gross,"
    " coalesce(sum(line_value_net) filter (where counts_in_totals), 0) as net,"
    " bool_or(line_value is null or line_value_net is null) as is_unknown,"
    " coalesce(sum(quantity) filter (where counts_in_totals), 0) as units,"
    " coalesce(sum(cancelled_quantity) filter (where counts_in_totals), 0) as cancelled"
    " from core.order_lines group by 1) l on l.order_number = o.number"
)
_OF_CURRENCY = "left join core.currencies y on y.code = o.currency"
_PER_LINE = f"{MINOR_UNIT} * greatest(1, l.lines)"

SALES_RULES: tuple[Rule, ...] = (
    Rule(
        table="orders",
        name="totals_add_up",
        failures="select o.number::text as key from core.orders o "
        "left join (select order_number, count(*) as lines from core.order_lines group by 1) l"
        f" on l.order_number = o.number {_OF_CURRENCY} "
        f"where o.status <> 'CANCELLED' and {_TOTALS_OFF_BY} > {_PER_LINE}",
        not_judged="select count(*) as rows from core.orders o "
        f"where o.status is null or (o.status <> 'CANCELLED' and {_TOTALS_OFF_BY} is null)",
        meaning="Lines + shipping + handling - discounts + added tax - deducted tax is not the grand total, to within "
        "one minor unit of the currency per line. CANCELLED orders are left out; orders of which a part is unknown are "
        "not judged.",
        remedy="Compare the order with Centra's; do not book it before the difference is explained.",
        tables=("order_lines", "currencies"),
    ),
    Rule(
        table="orders",
        name="tax_is_gross_less_net",
        failures="select o.number::text as key from core.orders o "
        "left join (select order_number, count(*) as lines from core.order_lines group by 1) l"
        f" on l.order_number = o.number {_OF_CURRENCY} "
        "where o.status <> 'CANCELLED' and o.tax_deducted = 0 "
        f"and abs(o.grand_total - o.grand_total_net - o.tax_added - o.tax_included) > {_PER_LINE}",
        not_judged="select count(*) as rows from core.orders where status is null or (status <> 'CANCELLED'"
        " and grand_total - grand_total_net - tax_added - tax_included + tax_deducted is null)",
        meaning="The grand total with tax less the one without is not the order's tax, added or included: a gross "
        "amount was taken for a net one, or the other way round. Orders whose tax was deducted owe none.",
        remedy="Compare the order with Centra's in both tax modes; do not book it before the difference is explained.",
        tables=("order_lines", "currencies"),
    ),
    Rule(
        table="orders",
        name="line_values_are_the_lines",
        # Prices are with tax unless tax is added; an order without any tax may be of either kind.
        failures="select o.number::text as key from core.orders o "
        f"left join {_LINES_BY_ORDER} {_OF_CURRENCY} "
        "where o.status <> 'CANCELLED' and l.is_unknown is not true and exists (select from core.order_lines ) "
        "and least("
        "case when o.tax_added <> 0 or (o.tax_included = 0 and o.tax_deducted = 0)"
        " then abs(o.line_values - coalesce(l.net, 0)) end, "
        "case when o.tax_added = 0 then abs(o.line_values - coalesce(l.gross, 0)) end"
        f") > {_PER_LINE}",
        not_judged="select count(distinct o.number) as rows from core.orders o"
        " left join core.order_lines l on l.order_number = o.number"
        " where o.line_values is null or o.tax_added is null"
        " or (l.id is not null and l.line_value + l.line_value_net is null)",
        meaning="The sum of an order's lines, bundle parents left out where their parts count, is not the value of "
        "lines in its header: lines are missing, doubled, or in the other tax mode.",
        remedy="Materialize the order's day again; if it stays, compare the lines with Centra's one by one.",
        tables=("order_lines", "currencies"),
    ),
    Rule(
        table="orders",
        name="quantities_add_up",
        failures="select o.number::text as key from core.orders o "
        f"join {_LINES_BY_ORDER} "
        "where o.quantity <> l.units or o.cancelled_quantity <> l.cancelled "
        "or o.original_quantity <> o.quantity + o.cancelled_quantity",
        meaning="Units or cancelled units in an order's header are not those of its lines: a cancelled line was left "
        "out, or a bundle was counted together with its parts.",
        remedy="Compare the lines with Centra's, fully cancelled ones included.",
        tables=("order_lines",),
        severe=False,
    ),
    Rule(
        table="orders",
        name="discounts_add_up",
        failures="select o.number::text as key from core.orders o "
        "left join (select order_number, count(*) as lines, sum(amount) as amount from core.order_discounts "
        f"group by 1) l on l.order_number = o.number {_OF_CURRENCY} "
        "where exists (select from core.order_discounts ) "
        f"and abs(o.discounts - coalesce(l.amount, 0)) > {_PER_LINE}",
        meaning="The discounts listed on an order are not what its header took off: a voucher is counted twice, or a "
        "sale price, which is inside the lines' values, was counted once more as a discount.",
        remedy="Compare the order's discounts with Centra's; use the header's amount for figures until it is mended.",
        tables=("order_discounts", "currencies"),
        severe=False,
    ),
    Rule(
        table="orders",
        name="bundles_are_worth_their_parts",
        failures="select o.number::text as key from core.orders o "
        "join (select order_number, count(*) as lines,"
        " coalesce(sum(line_value) filter (where line_type = 'bundle'), 0) as bundles,"
        " coalesce(sum(line_value) filter (where line_type = 'bundle_item'), 0) as parts"
        " from core.order_lines where line_type in ('bundle', 'bundle_item') group by 1) l"
        f" on l.order_number = o.number {_OF_CURRENCY} where abs(l.bundles - l.parts) > {_PER_LINE}",
        meaning="An order's bundles are not worth what their parts are, or one stands there without the other: units "
        "and money of the bundle would be counted twice, or not at all.",
        remedy="Compare the order's lines with Centra's; `counts_in_totals` rests on both being there.",
        tables=("order_lines", "currencies"),
        severe=False,
    ),
    Rule(
        table="orders",
        name="amounts_fit_the_currency",
        failures="select o.number::text as key from core.orders o "
        "join core.currencies y on y.code = o.currency "
        "where mod(o.grand_total * y.denominator, 1) <> 0",
        meaning="A grand total has more decimals than its currency has: half a yen, a tenth of a cent.",
        remedy="Look at the denominator in core.currencies; an amount may have been read in another currency's units.",
        tables=("currencies",),
        severe=False,
    ),
    Rule(
        table="orders",
        name="says_who_bought_and_where",
        # A column of nulls is one that the token may not read, which is no order's fault.
        failures="select o.number::text as key from core.orders o cross join ("
        "select count(store_id) as stores, count(market_id) as markets, count(pricelist_id) as pricelists,"
        " count(customer_id) as customers, count(account_id) as accounts from core.orders ) seen "
        "where (o.store_id is null and seen.stores > 0) or (o.market_id is null and seen.markets > 0) "
        "or (o.pricelist_id is null and seen.pricelists > 0) "
        "or (o.customer_id is null and seen.customers > 0 and o.store_type = 'DIRECT_TO_CONSUMER') "
        "or (o.account_id is null and seen.accounts > 0 and o.store_type = 'WHOLESALE')",
        meaning="An order without its store, market, pricelist, or without its customer (direct to consumer) or "
        "account (wholesale): it falls out of every figure by these. An anonymised customer stays the customer.",
        remedy="Look the order up in Centra. If many fail at once, the token lost a permission; see `doctor`.",
        severe=False,
    ),
    Rule(
        table="orders",
        name="status_is_known",
        failures="select number::text as key from core.orders where status not in "
        "('INCOMPLETE', 'PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED', 'ARCHIVED', 'CANCELLED')",
        meaning="An order has a status that no figure knows of. Held and waiting for payment are flags beside the "
        "status, and completed is spelled SHIPPED.",
        remedy="Read Centra's release notes for the new status and decide in the marts whether it counts as a sale.",
        severe=False,
    ),
    Rule(
        table="orders",
        name="hold_reason_has_its_flag",
        failures="select number::text as key from core.orders "
        "where hold_reason is not null and not is_on_hold and not is_waiting_for_payment",
        meaning="An order gives a reason for being held while neither flag, held or waiting for payment, is set: it "
        "would be shipped although somebody wants it stopped.",
        remedy="Look at the order in Centra before it is shipped.",
        severe=False,
    ),
    Rule(
        table="orders",
        name="internal_accounts_order_internally",
        failures="select o.number::text as key from core.orders o "
        "join core.accounts a on a.id = o.account_id where a.is_internal and not o.is_internal",
        meaning="An internal account's order is not marked as internal, so a test or a sample counts as a sale.",
        remedy="Mark the order as internal in Centra, or the account as what it is.",
        tables=("accounts",),
        severe=False,
    ),
    Rule(
        table="order_lines",
        name="gift_certificates_bear_no_tax",
        failures="select id::text as key from core.order_lines "
        "where line_type = 'gift_certificate' and (tax_value <> 0 or tax_percent <> 0)",
        meaning="A gift certificate was sold with tax. Its sale is a liability and no revenue; tax is due when it pays "
        "for goods.",
        remedy="Ask accounting: only certificates for goods of one rate in one country are taxed when sold.",
        severe=False,
    ),
)
