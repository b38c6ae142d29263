"""Faults that standing checks speak of: what must not be held, taxes of no country, changes that nothing tells of."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from centra_assets.sandbox.data.breaking import Breaker, Fault

# Every provider of payments lets shops try this one; nobody owns it.
TEST_CARD = "4111 1111 1111 1111"


def _card_in_a_comment(breaker: Breaker) -> None:
    order = breaker.pick(breaker.world.orders, lambda row: row.lines)
    breaker.set(order, "otherComment", f"Please charge {TEST_CARD} 12/31, cvc 123")
    breaker.touch(order)


def _name_of_an_anonymised_customer(breaker: Breaker) -> None:
    customer = breaker.pick(breaker.world.customers, lambda row: row.isAnonymized)
    breaker.set(customer, "firstName", "Kim")
    breaker.touch(customer)


def _rate_of_no_country(breaker: Breaker) -> None:
    rule = breaker.pick(breaker.world.tax_rules, lambda row: any(country.code == "SE" for country in row.countries))
    breaker.set(rule, "rate", Decimal(33))
    breaker.touch(rule)


def _silent_change(breaker: Breaker) -> None:
    """Another store, and the order's time of change stays: no sweep sees it."""
    order = breaker.pick(breaker.world.orders, lambda row: row.store.type == "DIRECT_TO_CONSUMER")
    others = (store for store in breaker.world.stores if store.type == order.store.type and store is not order.store)
    breaker.set(order, "store", next(others))
    breaker.touch(order)


# Fault -> how it is done; each has the name of the standing check that speaks of it, and of what it is about.
BROKEN_COMPLIANCE: Mapping[str, Fault] = {
    "orders.holds_no_payment_secret": _card_in_a_comment,
    "customers.anonymised_customers_left_no_trace": _name_of_an_anonymised_customer,
    "tax_rules.vat_rate_is_plausible": _rate_of_no_country,
    "orders.agrees_with_centra": _silent_change,
}
