"""Cases of the rules of orders and their lines: rows that keep each, and rows that break it."""

from centra_assets_tests.checks.cases.case import CURRENCIES, Case

TOTALS = {"line_values": "100", "shipping": "10", "handling": "5", "discounts": "20", "tax_added": "7"}
SUM = {**TOTALS, "tax_deducted": "2", "grand_total": "100", "status": "SHIPPED", "currency": "SEK"}
TAXED = {"status": "SHIPPED", "tax_added": "0", "tax_deducted": "0", "tax_included": "20", "currency": "SEK"}
LINE = {"counts_in_totals": True, "line_value": "100", "line_value_net": "80", "quantity": 1, "cancelled_quantity": 0}
DTC, WHOLESALE = {"store_type": "DIRECT_TO_CONSUMER"}, {"store_type": "WHOLESALE"}
PLACED = {"store_id": 1, "market_id": 1, "pricelist_id": 1}

SALES_CASES: dict[str, Case] = {
    "orders.totals_add_up": (
        {
            "currencies": CURRENCIES,
            "orders": [
                {"number": 1, **SUM},
                # A minor unit per line may be lost to rounding, and a cancelled order's totals say nothing.
                {"number": 2, **SUM, "grand_total": "100.02"},
                {"number": 3, **SUM, "grand_total": "0", "status": "CANCELLED"},
                # A yen has no parts, so a whole one may be lost.
                {"number": 4, **SUM, "grand_total": "101", "currency": "JPY"},
            ],
            "order_lines": [{"id": 21, "order_number": 2}, {"id": 22, "order_number": 2}],
        },
        {
            "orders": [
                {"number": 5, **SUM, "grand_total": "100.02"},
                {"number": 6, **SUM, "grand_total": "102", "currency": "JPY"},
                # A dinar has a thousand, so ten of them are no rounding.
                {"number": 7, **SUM, "grand_total": "100.010", "currency": "KWD"},
            ]
        },
        {"5", "6", "7"},
    ),
    "orders.tax_is_gross_less_net": (
        {
            "currencies": CURRENCIES,
            "order_lines": [],
            "orders": [
                {"number": 1, **TAXED, "grand_total": "100", "grand_total_net": "80"},
                {"number": 2, **TAXED, "grand_total": "100", "grand_total_net": "100", "tax_deducted": "20"},
                {
                    "number": 3,
                    **TAXED,
                    "grand_total": "100",
                    "grand_total_net": "80",
                    "tax_added": "20",
                    "tax_included": "0",
                },
                {"number": 4, **TAXED, "grand_total": "100", "grand_total_net": "70", "status": "CANCELLED"},
                {"number": 5, **TAXED, "grand_total": "100", "grand_total_net": None},
            ],
        },
        {"orders": [{"number": 6, **TAXED, "grand_total": "100", "grand_total_net": "100"}]},
        {"6"},
    ),
    "orders.line_values_are_the_lines": (
        {
            "currencies": CURRENCIES,
            "orders": [
                {"number": 1, **TAXED, "line_values": "200"},
                # Where tax is added, the header holds what the lines are without it.
                {"number": 2, **TAXED, "line_values": "80", "tax_added": "20", "tax_included": "0"},
                {"number": 3, **TAXED, "line_values": "9", "status": "CANCELLED"},
                {"number": 4, **TAXED, "line_values": "9"},
            ],
            "order_lines": [
                {"id": 1, "order_number": 1, **LINE},
                {"id": 2, "order_number": 1, **LINE},
                {"id": 3, "order_number": 1, **LINE, "counts_in_totals": False},
                {"id": 4, "order_number": 2, **LINE},
                {"id": 5, "order_number": 4, **LINE, "line_value": None},
            ],
        },
        {
            "orders": [
                {"number": 5, **TAXED, "line_values": "80"},
                {"number": 6, **TAXED, "line_values": "100", "tax_added": "20", "tax_included": "0"},
                {"number": 7, **TAXED, "line_values": "100"},
            ],
            "order_lines": [{"id": 6, "order_number": 5, **LINE}, {"id": 7, "order_number": 6, **LINE}],
        },
        {"5", "6", "7"},
    ),
    "orders.quantities_add_up": (
        {
            "orders": [{"number": 1, "quantity": 2, "cancelled_quantity": 3, "original_quantity": 5}],
            "order_lines": [
                {"id": 1, "order_number": 1, **LINE, "quantity": 2},
                # Fully cancelled, and a bundle whose parts are counted.
                {"id": 2, "order_number": 1, **LINE, "quantity": 0, "cancelled_quantity": 3},
                {"id": 3, "order_number": 1, **LINE, "counts_in_totals": False},
            ],
        },
        {
            "orders": [
                {"number": 2, "quantity": 1, "cancelled_quantity": 1, "original_quantity": 2},
                {"number": 3, "quantity": 1, "cancelled_quantity": 0, "original_quantity": 2},
                {"number": 4, "quantity": 2, "cancelled_quantity": 0, "original_quantity": 2},
            ],
            "order_lines": [{"id": 10 + n, "order_number": n, **LINE} for n in (2, 3, 4)],
        },
        {"2", "3", "4"},
    ),
    "orders.discounts_add_up": (
        {
            "currencies": CURRENCIES,
            "orders": [
                {"number": 1, "discounts": "30", "currency": "SEK"},
                {"number": 2, "discounts": "0", "currency": "SEK"},
            ],
            "order_discounts": [
                {"order_number": 1, "position": 1, "amount": "10"},
                {"order_number": 1, "position": 2, "amount": "20"},
            ],
        },
        {
            "orders": [{"number": 3, "discounts": "5", "currency": "SEK"}, {"number": 4, "discounts": "5"}],
            "order_discounts": [
                {"order_number": 3, "position": 1, "amount": "5"},
                {"order_number": 3, "position": 2, "amount": "5"},
            ],
        },
        {"3", "4"},
    ),
    "orders.bundles_are_worth_their_parts": (
        {
            "currencies": CURRENCIES,
            "orders": [{"number": 1, "currency": "SEK"}, {"number": 2, "currency": "SEK"}],
            "order_lines": [
                {"id": 1, "order_number": 1, "line_type": "bundle", "line_value": "30"},
                {"id": 2, "order_number": 1, "line_type": "bundle_item", "line_value": "10"},
                {"id": 3, "order_number": 1, "line_type": "bundle_item", "line_value": "20"},
                {"id": 4, "order_number": 2, "line_type": "product", "line_value": "20"},
            ],
        },
        {
            "orders": [{"number": 3, "currency": "SEK"}],
            "order_lines": [{"id": 5, "order_number": 3, "line_type": "bundle", "line_value": "30"}],
        },
        {"3"},
    ),
    "orders.amounts_fit_the_currency": (
        {
            "currencies": CURRENCIES,
            "orders": [
                {"number": 1, "grand_total": "100", "currency": "JPY"},
                {"number": 2, "grand_total": "100.25", "currency": "SEK"},
                {"number": 3, "grand_total": "100.125", "currency": "KWD"},
            ],
        },
        {
            "orders": [
                {"number": 4, "grand_total": "100.5", "currency": "JPY"},
                {"number": 5, "grand_total": "100.125", "currency": "SEK"},
            ]
        },
        {"4", "5"},
    ),
    "orders.says_who_bought_and_where": (
        {
            "orders": [
                {"number": 1, **PLACED, **DTC, "customer_id": 1},
                {"number": 2, **PLACED, **WHOLESALE, "account_id": 1},
            ]
        },
        {
            "orders": [
                {"number": 3, **PLACED, **DTC},
                {"number": 4, **PLACED, **WHOLESALE, "customer_id": 1},
                {"number": 5, **PLACED, **DTC, "customer_id": 1, "market_id": None},
            ]
        },
        {"3", "4", "5"},
    ),
    "orders.status_is_known": (
        {"orders": [{"number": 1, "status": "SHIPPED"}, {"number": 2, "status": None}]},
        {"orders": [{"number": 3, "status": "COMPLETED"}, {"number": 4, "status": "ON_HOLD"}]},
        {"3", "4"},
    ),
    "orders.hold_reason_has_its_flag": (
        {
            "orders": [
                {"number": 1, "hold_reason": "PAYMENT_MISMATCH", "is_on_hold": True, "is_waiting_for_payment": False},
                {"number": 2, "hold_reason": "WAITING", "is_on_hold": False, "is_waiting_for_payment": True},
                {"number": 3, "is_on_hold": False, "is_waiting_for_payment": False},
            ]
        },
        {"orders": [{"number": 4, "hold_reason": "X", "is_on_hold": False, "is_waiting_for_payment": False}]},
        {"4"},
    ),
    "orders.internal_accounts_order_internally": (
        {
            "accounts": [{"id": 1, "is_internal": True}, {"id": 2, "is_internal": False}],
            "orders": [
                {"number": 1, "account_id": 1, "is_internal": True},
                {"number": 2, "account_id": 2, "is_internal": False},
            ],
        },
        {"orders": [{"number": 3, "account_id": 1, "is_internal": False}]},
        {"3"},
    ),
    "order_lines.gift_certificates_bear_no_tax": (
        {
            "order_lines": [
                {"id": 1, "line_type": "gift_certificate", "tax_value": "0", "tax_percent": "0"},
                {"id": 2, "line_type": "product", "tax_value": "5", "tax_percent": "25"},
            ]
        },
        {"order_lines": [{"id": 3, "line_type": "gift_certificate", "tax_value": "5", "tax_percent": "25"}]},
        {"3"},
    ),
}
