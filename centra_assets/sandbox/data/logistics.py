"""Builds how goods are taxed, kept and sent: tax rules, warehouses, allocation, shipping options, delivery windows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.reference import (
    BrickAndMortar,
    Location,
    OrderTotalPriceRange,
    Pricelist,
    ShippingOption,
    ShippingPriceGroup,
    TaxClass,
    TaxGroup,
    TaxRule,
)
from centra_assets.sandbox.data.nodes.stock import (
    AllocationRule,
    AtOnceDeliveryWindow,
    DeliveryWindowGroup,
    GeographyAllocationPrioritySet,
    PreorderDeliveryWindow,
    Warehouse,
    WarehouseAllocationPriority,
)
from centra_assets.sandbox.data.reference import country_of
from centra_assets.sandbox.data.terms import TaxMode, Terms
from centra_assets.sandbox.data.timeline import INSTANCE_ZONE

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.reference import Country, CountryState
    from centra_assets.sandbox.data.world import World

_RATES = {
    "SE": "25",
    "NO": "25",
    "DK": "25",
    "FI": "25.5",
    "DE": "19",
    "FR": "20",
    "NL": "21",
    "GB": "20",
    "CH": "8.1",
    "JP": "10",
}
_STATE_RATES = {"NY": "8.875", "CA": "7.25", "CT": "6.35", "TX": "6.25", "WA": "6.5", "MA": "6.25", "IL": "6.25"}
# name, country, ownership, policy, master, consignation, threshold
_WAREHOUSES = (
    ("Borås", "SE", "OWN", "DIRECT", "CENTRA", False, 2),
    ("Rotterdam 3PL", "NL", "THIRD_PARTY", "DIRECT_THEN_CONFIRM", "EXTERNAL", False, None),
    ("New Jersey", "US", "THIRD_PARTY", "DIRECT", "EXTERNAL", False, None),
    ("Tokyo shop", "JP", "OWN", "CHECK_FIRST", "CENTRA", True, 1),
)
# name, warehouses by priority
_RULES = (
    ("Default", (1, 2, 3, 4)),
    ("Nordics first", (1, 2)),
    ("Americas", (3, 1)),
    ("Asia", (4, 2)),
    ("Wholesale", (2, 1)),
)
_RULE_OF_MARKET = {1: 2, 2: 2, 3: 1, 4: 1, 5: 3, 6: 4, 7: 5, 8: 5}
# currency -> shipping price and the order total from which it is free, in minor units
SHIPPING_PRICES = {
    "SEK": (4_900, 99_900),
    "NOK": (7_900, 129_900),
    "GBP": (495, 8_000),
    "USD": (1_295, 20_000),
    "JPY": (1_200, 18_000),
    "EUR": (2_500, 150_000),
}


def build_logistics(world: World) -> None:
    """Fill the tables of tax, warehouses, allocation, shipping and delivery windows."""
    _build_taxes(world)
    _build_warehouses(world)
    _build_rules(world)
    _build_shipping(world)
    _build_windows(world)


def _build_taxes(world: World) -> None:
    for number, (name, code) in enumerate((("Standard", "STD"), ("Reseller", "B2B"), ("Exempt", None)), start=1):
        world.tax_classes.add(TaxClass(id=number, isEnabled=number < 3, name=name, code=code))
    goods = TaxGroup(id=1, name="Goods", status="ACTIVE", defaultInStores=world.stores.rows())
    vouchers = TaxGroup(id=2, name="Gift certificates", status="ACTIVE")
    world.tax_groups.extend([goods, vouchers])
    for code, rate in _RATES.items():
        _add_rule(world, goods, f"VAT {code} {rate}%", "VAT", rate, country_of(world, code), None)
    united_states = country_of(world, "US")
    for state in united_states.states:
        rate = _STATE_RATES.get(state.code or "", "0")
        _add_rule(world, goods, f"Sales tax {state.name}", "Sales tax", rate, united_states, state)
    _add_rule(world, vouchers, "Gift certificates 0%", "VAT", "0", country_of(world, "SE"), None)
    for group in world.tax_groups:
        group.rules = [rule for rule in world.tax_rules if rule.taxGroup is group]


def _add_rule(
    world: World,
    group: TaxGroup,
    name: str,
    display_name: str,
    rate: str,
    country: Country,
    state: CountryState | None,
) -> None:
    number = world.tax_rules.take_id()
    world.tax_rules.add(
        TaxRule(
            id=number,
            name=name,
            displayName=display_name,
            code=f"T{number:03d}",
            rate=Decimal(rate),
            applyTaxType="EXCLUDE" if state else "INCLUDE",
            applyTaxToShipping=state is None or state.code != "CA",
            applyTaxToHandling=True,
            applyFrom=world.timeline.start - timedelta(days=2000),
            countries=[country],
            states=[state] if state else (),
            taxClasses=[world.tax_classes.one(1)],
            taxGroup=group,
        )
    )


def terms_for(world: World, pricelist: Pricelist, country: Country, state: CountryState | None) -> Terms:
    """The tax terms of an order at this pricelist's prices that goes to this place."""
    mint = world.mints[pricelist.currency.code]
    goods = world.tax_groups.one(1)
    rule = next(
        (
            r
            for r in goods.rules
            if country in r.countries and (not r.states or (state is not None and state in r.states))
        ),
        None,
    )
    rate = rule.rate if rule else Decimal(0)
    if pricelist.store.type == "WHOLESALE":
        # Sales to companies abroad carry no tax (reverse charge, export).
        domestic = country.code == "SE"
        return Terms(TaxMode.ADDED, rate if domestic else Decimal(0), rule if domestic else None, mint)
    if country.code == "US":
        return Terms(TaxMode.ADDED, rate, rule, mint)
    if country.code == "CH":
        # Prices hold Swedish tax, which is taken off for export.
        return Terms(TaxMode.DEDUCTED, Decimal(25), goods.rules[0], mint)
    return Terms(TaxMode.INCLUDED, rate, rule, mint)


def _build_warehouses(world: World) -> None:
    for number, (name, country, ownership, policy, master, consignation, threshold) in enumerate(_WAREHOUSES, start=1):
        world.warehouses.add(
            Warehouse(
                id=number,
                name=name,
                status="ACTIVE",
                stockOwnership=ownership,
                allocationPolicy=policy,
                stockMaster=master,
                isHiddenFromStockView=False,
                isConsignation=consignation,
                threshold=threshold,
                brickAndMortar=BrickAndMortar(id=1, name="Daikanyama") if number == 4 else None,
                country=country_of(world, country),
                state=country_of(world, "US").states[9] if country == "US" else None,
                zipCode="07030" if country == "US" else None,
                externalId=None if number == 4 else f"WH{number}",
            )
        )


def _build_rules(world: World) -> None:
    for number, (name, warehouses) in enumerate(_RULES, start=1):
        priorities = [
            WarehouseAllocationPriority(
                priorityNumber=position,
                warehouse=world.warehouses.one(warehouse),
                stockOwnership=world.warehouses.one(warehouse).stockOwnership,
                allocationPolicy=world.warehouses.one(warehouse).allocationPolicy,
                timeoutInHours=Decimal("4.5") if warehouse == 4 else Decimal(24),
            )
            for position, warehouse in enumerate(warehouses, start=1)
        ]
        locations = [Location(country=country_of(world, "US"))] if name == "Americas" else []
        rule = AllocationRule(
            id=number,
            name=name,
            isDefault=number == 1,
            fallbackRule=world.allocation_rules.one(1) if number > 1 else None,
            allocationType="UNKNOWN_VALUE",
            geographyAllocationPrioritySets=[
                GeographyAllocationPrioritySet(
                    id=number,
                    demandVisibleInWarehouse=priorities[0].warehouse,
                    locations=locations,
                    priorities=priorities,
                )
            ],
        )
        world.allocation_rules.add(rule)
        for warehouse in warehouses:
            home = world.warehouses.one(warehouse)
            home.allocationRules = [*home.allocationRules, rule]
    for market in world.markets:
        market.allocationRule = world.allocation_rules.one(_RULE_OF_MARKET[market.id])
        market.allocationRule.markets = [*market.allocationRule.markets, market]
    for store in world.stores:
        store.allocationRule = store.markets[0].allocationRule
        if store.allocationRule is not None:
            store.allocationRule.stores = [*store.allocationRule.stores, store]


def _build_shipping(world: World) -> None:
    for pricelist in world.pricelists:
        mint = world.mints[pricelist.currency.code]
        price, _ = SHIPPING_PRICES[pricelist.currency.code]
        option = ShippingOption(
            id=pricelist.id,
            name=f"Standard {pricelist.currency.code}",
            status="ACTIVE",
            type="UNKNOWN_VALUE",
            uri=f"standard-{pricelist.currency.code.lower()}",
            storeType=pricelist.store.type,
            currency=pricelist.currency,
            markets=pricelist.store.markets,
            stores=[pricelist.store],
            updatedAt=world.timeline.start,
            isPickupPoint=pricelist.currency.code == "SEK",
        )
        ranges = [
            OrderTotalPriceRange(id=pricelist.id * 10 + 1, price=mint[price]),
            OrderTotalPriceRange(id=pricelist.id * 10 + 2, price=mint[0]),
        ]
        group = ShippingPriceGroup(
            id=pricelist.id, countries=pricelist.assignedToCountries, ranges=ranges, shippingOption=option
        )
        option.shippingPriceGroups = [world.shipping_price_groups.add(group)]
        pricelist.defaultShippingOption = world.shipping_options.add(option)


def _build_windows(world: World) -> None:
    today = world.timeline.now.astimezone(INSTANCE_ZONE).date()
    wholesale = world.stores.one(3)
    season = DeliveryWindowGroup(id=1, name="Next season", customOrder=1)
    rule = world.allocation_rules.one(5)
    at_once = AtOnceDeliveryWindow(
        id=1,
        name="At once",
        status="ACTIVE",
        customOrder=1,
        deliveryDatesVisible=False,
        selectableByBuyers=True,
        selectedByDefault=True,
        defaultVariantDeliveryType="STOCK",
        allocationRule=rule,
        markets=wholesale.markets,
        daysFromNow=3,
        selectableDate=True,
    )
    preorder = PreorderDeliveryWindow(
        id=2,
        name="Pre-order 1",
        status="ACTIVE",
        customOrder=2,
        deliveryDatesVisible=True,
        selectableByBuyers=True,
        defaultVariantDeliveryType="PREORDER",
        deliveryWindowGroup=season,
        allocationRule=rule,
        markets=wholesale.markets,
        deliveryStartDate=today + timedelta(days=60),
        deliveryEndDate=today + timedelta(days=90),
        allocationOrder="FIFO",
        salesStartDate=today - timedelta(days=120),
        salesEndDate=today + timedelta(days=20),
    )
    season.deliveryWindows = [preorder]
    world.delivery_window_groups.add(season)
    world.delivery_windows.extend([at_once, preorder])
    rule.deliveryWindows = [at_once, preorder]
