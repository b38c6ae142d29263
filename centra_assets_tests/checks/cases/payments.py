"""Cases of the rules of money that moved: rows that keep each, and rows that break it."""

from centra_assets_tests.checks.cases.case import CURRENCIES, Case

MONEY = {"status": "SUCCESS", "currency": "SEK", "direction": "none"}

PAYMENTS_CASES: dict[str, Case] = {
    "payments.sign_follows_the_direction": (
        {
            "payments": [
                {"id": 1, "direction": "in", "amount": "5", "signed_amount": "5"},
                {"id": 2, "direction": "out", "amount": "5", "signed_amount": "-5"},
                {"id": 3, "direction": "none", "amount": "5", "signed_amount": "0"},
            ]
        },
        {
            "payments": [
                {"id": 4, "direction": "out", "amount": "5", "signed_amount": "5"},
                {"id": 5, "direction": "out", "amount": "-5", "signed_amount": "5"},
            ]
        },
        {"4", "5"},
    ),
    "payments.no_more_refunded_than_captured": (
        {
            "currencies": CURRENCIES,
            "payments": [
                {"id": 1, "order_number": 1, **MONEY, "direction": "in", "amount": "10"},
                {"id": 2, "order_number": 1, **MONEY, "direction": "out", "amount": "10"},
                {"id": 3, "order_number": 2, **MONEY, "amount": "10"},
            ],
        },
        {
            "payments": [
                {"id": 4, "order_number": 1, **MONEY, "direction": "out", "amount": "1"},
                {"id": 5, "order_number": 2, **MONEY, "direction": "out", "amount": "10"},
            ]
        },
        {"1", "2"},
    ),
    "payments.no_more_captured_than_authorised": (
        {
            "currencies": CURRENCIES,
            "payments": [
                {"id": 1, "order_number": 1, **MONEY, "entry_type": "AUTH", "amount": "10"},
                {"id": 2, "order_number": 1, **MONEY, "entry_type": "CAPTURE", "amount": "10"},
                # No authorisation is known, and one that failed allows nothing and forbids nothing.
                {"id": 3, "order_number": 2, **MONEY, "entry_type": "CAPTURE", "amount": "10"},
                {"id": 4, "order_number": 2, **MONEY, "entry_type": "AUTH", "amount": "1", "status": "FAILED"},
                {"id": 5, "order_number": 3, **MONEY, "entry_type": "AUTH_GIFT_CARD", "amount": "10"},
            ],
        },
        {
            "payments": [
                {"id": 6, "order_number": 1, **MONEY, "entry_type": "CAPTURE", "amount": "1"},
                {"id": 7, "order_number": 3, **MONEY, "entry_type": "CAPTURE_GIFT_CARD", "amount": "11"},
            ]
        },
        {"1", "3"},
    ),
    "payments.refunds_use_the_orders_rate": (
        {
            "orders": [{"number": 1, "currency_base_rate": "10.5"}],
            "payments": [
                {"id": 1, "order_number": 1, "entry_type": "REFUND", "currency_base_rate": "10.5"},
                {"id": 2, "order_number": 1, "entry_type": "CAPTURE", "currency_base_rate": "10.6"},
            ],
        },
        {"payments": [{"id": 3, "order_number": 1, "entry_type": "REFUND_GIFT_CARD", "currency_base_rate": "10.6"}]},
        {"3"},
    ),
    "return_refunds.refunds_give_money_back": (
        {
            "return_refunds": [
                {"return_id": 1, "payment_id": 1, "direction": "out"},
                {"return_id": 1, "payment_id": 2, "direction": "none"},
            ]
        },
        {"return_refunds": [{"return_id": 2, "payment_id": 3, "direction": "in"}]},
        {"2/3"},
    ),
    "returns.no_more_refunded_than_returned": (
        {
            "currencies": CURRENCIES,
            "returns": [{"id": 1, "grand_total": "10", "currency": "SEK"}],
            "return_refunds": [
                {"return_id": 1, "payment_id": 1, "direction": "out", "amount": "10"},
                {"return_id": 1, "payment_id": 2, "direction": "none", "amount": "10"},
            ],
        },
        {"return_refunds": [{"return_id": 1, "payment_id": 3, "direction": "out", "amount": "1"}]},
        {"1"},
    ),
}
