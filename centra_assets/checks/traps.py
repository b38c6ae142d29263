"""What goes wrong with commerce data elsewhere, and which checks speak of it here. No check is decided here."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trap:
    """One way in which commerce data goes wrong. `checks` are named `<table>.<check>`, as the sandbox's faults are.

    `besides` says what no check of the data can see, and what sees it instead.
    """

    number: int
    title: str
    checks: Sequence[str]
    besides: str = ""


TRAPS: tuple[Trap, ...] = (
    Trap(
        1,
        "The sign of a refund",
        ("return_refunds.refunds_give_money_back", "payments.sign_follows_the_direction"),
        "A negative value from Centra changes nothing: the sign comes from the kind of entry alone.",
    ),
    Trap(
        2,
        "Prices with and without tax taken for each other",
        ("orders.tax_is_gross_less_net", "orders.line_values_are_the_lines"),
    ),
    Trap(
        3,
        "Totals that do not add up",
        ("orders.totals_add_up", "shipments.totals_add_up", "returns.totals_add_up", "invoices.totals_add_up"),
    ),
    Trap(
        4,
        "Currencies: another rate for the refund, units that a currency does not have",
        (
            "orders.amounts_fit_the_currency",
            "orders.currency_is_known",
            "shipments.currency_is_the_orders",
            "returns.currency_is_the_orders",
            "returns.rate_is_the_orders",
            "payments.refunds_use_the_orders_rate",
        ),
    ),
    Trap(
        5,
        "The business day off by one",
        ("orders.updated_after_it_was_created", "orders.business_date_is_its_partition"),
        "Days of 23 and 25 hours are in the sandbox's data, and tests run under several time zones.",
    ),
    Trap(
        6,
        "Partial shipments: amounts shared out so that something is lost or captured twice",
        (
            "orders.shipments_add_up",
            "shipments.captured_within_its_total",
            "payments.no_more_captured_than_authorised",
            "payments.no_more_refunded_than_captured",
        ),
    ),
    Trap(
        7,
        "Cancelled units",
        (
            "orders.quantities_add_up",
            "shipment_lines.no_more_shipped_than_ordered",
            "shipments.cancelled_orders_ship_nothing",
        ),
    ),
    Trap(8, "A voucher or a sale price counted twice", ("orders.discounts_add_up",)),
    Trap(
        9,
        "Gift certificates taken for revenue",
        ("order_lines.gift_certificates_bear_no_tax",),
        "`order_discounts.is_payment_like` and the marts keep their use apart from discounts.",
    ),
    Trap(
        10,
        "Bundles counted beside their parts",
        ("orders.bundles_are_worth_their_parts", "orders.quantities_add_up", "bundles.bundles_are_complete"),
    ),
    Trap(
        11,
        "Pre-orders and back-orders taken for shipped revenue",
        ("order_lines.shipped_is_what_left", "shipments.shipped_says_when"),
        "Available stock below zero is sound, and no check fails on it.",
    ),
    Trap(
        12,
        "Hold and waiting for payment taken for statuses",
        (
            "orders.status_is_known",
            "orders.hold_reason_has_its_flag",
            "orders.completed_orders_have_nothing_left",
            "orders.completed_orders_have_left",
            "orders.orders_that_left_are_completed",
        ),
    ),
    Trap(
        13,
        "Customers: two of one e-mail, and anonymised ones",
        (
            "orders.says_who_bought_and_where",
            "orders.customer_id_is_known",
            "customers.anonymised_customers_left_no_trace",
        ),
        "One e-mail with two customers is sound, and no check fails on it.",
    ),
    Trap(
        14,
        "Four kinds of stock",
        (
            "stock_levels.physical_is_free_plus_allocated",
            "stock_levels.available_is_free_less_demand",
            "stock_levels.movements_explain_the_level",
        ),
    ),
    Trap(
        15,
        "Our own writes coming back as events",
        (),
        "Nothing in the tables can show it: a hint leads to the record as it is, and what is the same changes nothing. "
        'The sandbox doubles and reorders deliveries (`POST faults`, `{"deliveries": [{"kind": "doubled"}]}`).',
    ),
    Trap(
        16,
        "Test and internal orders counted as sales",
        ("orders.internal_accounts_order_internally",),
        "The marts leave out what is marked; their tests hold that.",
    ),
)
