"""Everything that goes wrong with commerce data elsewhere is in the world of the default size."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from centra_assets.sandbox.data.timeline import black_friday, day_start
from centra_assets.sandbox.data.world import World, build_world

NOW = datetime(2027, 5, 20, 13, 0, tzinfo=UTC)
STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(now=NOW)


def test_the_world_has_the_size_it_promises(world: World) -> None:
    counts = {name: len(table) for name, table in world.tables.items()}
    assert (counts["Store"], counts["Market"], counts["Pricelist"], counts["Language"], counts["Warehouse"]) == (
        3,
        8,
        6,
        5,
        4,
    )
    assert counts["Product"] == 300
    assert 800 <= counts["ProductVariant"] <= 1000
    assert 3500 <= counts["ProductSize"] <= 4500
    assert 5900 <= counts["Order"] <= 6200
    assert Counter(s.type for s in world.tables["Store"]) == {"DIRECT_TO_CONSUMER": 2, "WHOLESALE": 1}
    assert len({p.currency.code for p in world.tables["Pricelist"]}) == 6
    assert world.tables["Order"].rows()[0].createdAt >= world.timeline.start
    assert world.tables["Order"].rows()[-1].createdAt <= NOW


def test_one_second_holds_more_orders_than_a_page(world: World) -> None:
    (_, most), *_ = Counter(order.createdAt for order in world.tables["Order"]).most_common(1)
    assert most >= 250


def test_demand_has_a_peak_days_of_nothing_and_a_week_of_nothing_in_one_store(world: World) -> None:
    per_day = Counter(order.createdAt.astimezone(STOCKHOLM).date() for order in world.tables["Order"])
    second = Counter(o.createdAt.astimezone(STOCKHOLM).date() for o in world.tables["Order"] if o.store.id == 2)
    friday = black_friday(2026)
    assert sum(per_day[friday + timedelta(days=i)] for i in range(-1, 4)) > len(world.tables["Order"]) * 0.15
    days = world.timeline.days()
    assert [day for day in days if per_day[day] == 0]
    assert any(all(second[day] == 0 for day in days[i : i + 7]) for i in range(len(days) - 7))


def test_orders_fall_on_midnight_and_around_both_clock_changes(world: World) -> None:
    moments = {order.createdAt for order in world.tables["Order"]}
    assert any(moment.astimezone(STOCKHOLM).time().isoformat() == "00:00:00" for moment in moments)
    assert any(moment.astimezone(STOCKHOLM).time().isoformat() == "23:59:59" for moment in moments)
    changes = world.timeline.clock_changes()
    assert {(day_start(c.date() + timedelta(days=1)) - day_start(c.date())).total_seconds() for c in changes} == {
        23 * 3600,
        25 * 3600,
    }
    for change in changes:
        assert {change - timedelta(minutes=1), change, change + timedelta(minutes=30)} <= moments


def test_units_are_cancelled_in_part_and_whole(world: World) -> None:
    lines = [(order, line) for order in world.tables["Order"] for line in order.lines]
    assert any(line.quantity == 0 < line.cancelledQuantity for _, line in lines)
    assert any(line.quantity > 0 and line.cancelledQuantity > 0 for _, line in lines)
    cancelled = [order for order in world.tables["Order"] if order.status == "CANCELLED"]
    assert cancelled
    assert all(line.quantity > 0 for order in cancelled for line in order.lines if not line.cancelledQuantity)


def test_orders_are_shipped_in_parts_with_a_capture_each(world: World) -> None:
    in_parts = [o for o in world.tables["Order"] if sum(s.isCaptured for s in o.shipments) > 1]
    assert len(in_parts) > 50
    assert all(
        sum(e.entryType == "CAPTURE" and e.status == "SUCCESS" for e in o.paymentHistory) > 1
        for o in in_parts
        if not any("GIFT" in e.entryType for e in o.paymentHistory)
    )


def test_flags_stand_beside_statuses(world: World) -> None:
    orders = world.tables["Order"].rows()
    assert {o.status for o in orders} >= {"PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "ARCHIVED", "CANCELLED"}
    assert any(o.isOnHold for o in orders)
    assert any(o.isWaitingForPayment for o in orders)
    assert any(o.isInternal and o.grandTotal.gross.minor == 0 for o in orders)


def test_tax_is_included_added_and_deducted(world: World) -> None:
    totals = [order.totals for order in world.tables["Order"]]
    for column in ("taxIncluded", "taxAdded", "taxDeducted"):
        assert sum(getattr(t, column).minor > 0 for t in totals) > 50, column
    assert any(o.terms.rate == Decimal("25.5") for o in world.tables["Order"])


def test_discounts_are_of_every_kind_and_several_on_one_order(world: World) -> None:
    kinds = Counter(d.typename for order in world.tables["Order"] for d in order.discountsApplied)
    assert set(kinds) == {
        "AppliedVoucherDiscount",
        "AppliedVoucherCredit",
        "AppliedVoucherFreeProduct",
        "AppliedVoucherFreeShipping",
        "AdminDiscount",
        "AppliedDiscount",
    }
    assert any(len(order.discountsApplied) > 1 for order in world.tables["Order"])
    assert any(line.lineCampaign for order in world.tables["Order"] for line in order.lines)


def test_gift_certificates_are_sold_and_used(world: World) -> None:
    sold = [o for o in world.tables["Order"] if any(x.typename == "GiftCertificateOrderLine" for x in o.lines)]
    assert sold
    assert all(line.taxPercent == 0 for o in sold for line in o.lines)
    used = [d for o in world.tables["Order"] for d in o.discountsApplied if d.typename == "AppliedVoucherCredit"]
    for credit in used:
        value = credit.voucher.actions[0].result.reusableValues[0]
        spent = sum(d.value.minor for d in used if d.voucher is credit.voucher)
        assert value.remainingValue.minor == value.originalValue.minor - spent >= 0


def test_a_refund_is_at_the_orders_rate_and_rates_drift(world: World) -> None:
    refunds = [e for e in world.tables["PaymentHistoryEntry"] if e.entryType == "REFUND"]
    assert refunds
    assert all(e.currencyBaseRate == e.order.currencyBaseRate for e in refunds)
    dollars = {o.currencyBaseRate for o in world.tables["Order"] if o.currency.code == "USD"}
    assert len(dollars) > 500
    assert max(len(str(rate)) for rate in dollars) > 12
    assert {o.currencyBaseRate for o in world.tables["Order"] if o.currency.code == "SEK"} == {Decimal(1)}


def test_a_currency_without_decimals_is_in_use_and_one_with_three_as_well(world: World) -> None:
    assert any(o.currency.denominator == 1 and o.grandTotal.gross.minor for o in world.tables["Order"])
    dinar = [p for p in world.tables["PurchaseOrder"] if p.currency.denominator == 1000]
    assert dinar
    assert all(p.totalCost.value.as_tuple().exponent == -3 for p in dinar)


def test_one_mail_address_owns_two_customers(world: World) -> None:
    owners = Counter((c.store.id, c.email) for c in world.tables["Customer"])
    assert sum(count > 1 for count in owners.values()) > 10
    assert sum(c.isAnonymized for c in world.tables["Customer"]) > 10


def test_stock_is_promised_beyond_what_is_there(world: World) -> None:
    assert any(level.availableNowQuantity < 0 for level in world.tables["Stock"])
    assert any(level.incomingQuantity for level in world.tables["Stock"])
    assert any(level.allocatedQuantity for level in world.tables["Stock"])


def test_a_bar_code_may_stand_on_two_sizes(world: World) -> None:
    codes = Counter(size.EAN for size in world.tables["ProductSize"] if size.EAN)
    assert sum(count == 2 for count in codes.values()) == 2


def test_some_lists_are_longer_than_any_page(world: World) -> None:
    orders = world.tables["Order"].rows()
    assert max(len(order.lines) for order in orders) >= 60
    assert max(len(order.paymentHistory) for order in orders) >= 12
    assert max(len(change.lines) for change in world.tables["StockChange"]) == 450
    assert max(len(campaign.campaignVariants) for campaign in world.tables["Campaign"]) >= 500


def test_comments_hold_what_breaks_naive_writers(world: World) -> None:
    comments = {order.otherComment for order in world.tables["Order"]}
    assert "\\N" in comments
    assert "" in comments
    for character in ('"', "\n", "\\", "\t", ";", "🎁"):
        assert any(character in comment for comment in comments), character
    assert max(map(len, comments)) > 4000
    assert any(product.internalComment == "" for product in world.tables["Product"])


def test_a_fifth_of_what_shoppers_got_comes_back_at_least_in_part(world: World) -> None:
    shipped = [o for o in world.tables["Order"] if o.status in ("SHIPPED", "ARCHIVED") and o.store.id < 3]
    returned = {entry.order.number for entry in world.tables["Return"]}
    share = sum(order.number in returned for order in shipped) / len(shipped)
    assert 0.15 < share < 0.25


def test_bundles_are_fixed_flexible_and_sold(world: World) -> None:
    assert {bundle.type for bundle in world.tables["Bundle"]} == {"FIXED", "FLEXIBLE"}
    kinds = Counter(line.typename for order in world.tables["Order"] for line in order.lines)
    assert kinds["BundleOrderLine"] > 100
    assert kinds["BundleItemOrderLine"] >= 2 * kinds["BundleOrderLine"]


def test_attributes_are_mapped_dynamic_multiple_files_and_images(world: World) -> None:
    of_products = [a for product in world.tables["Product"] for a in product.attributes]
    kinds = {element.typename for attribute in of_products for element in attribute.elements}
    assert kinds >= {
        "AttributeStringElement",
        "AttributeImageElement",
        "AttributeFileElement",
        "AttributeChoiceElement",
    }
    assert {attribute.typename for attribute in of_products} == {"MappedAttribute", "DynamicAttribute"}
    assert any(Counter(a.type.name for a in p.attributes)["care"] > 1 for p in world.tables["Product"])
    assert any(order.attributes for order in world.tables["Order"])


def test_categories_are_three_levels_deep(world: World) -> None:
    assert any(c.parentCategory and c.parentCategory.parentCategory for c in world.tables["Category"])
