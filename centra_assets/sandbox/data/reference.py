"""Builds what is there before the first product: currencies, places, stores, markets, pricelists, people. No taxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.money import Mint
from centra_assets.sandbox.data.nodes.descriptions import LanguageTranslation, TranslatedField
from centra_assets.sandbox.data.nodes.reference import (
    AdminUser,
    Country,
    CountryState,
    Currency,
    Language,
    Market,
    PaymentTerms,
    Pricelist,
    SalesRepresentative,
    ShippingTerms,
    Store,
    StorePlugin,
)

if TYPE_CHECKING:
    from centra_assets.sandbox.data.world import World


@dataclass(frozen=True)
class MarketPlan:
    """What a market is made of, before it is made."""

    name: str
    store: int
    pricelist: int
    countries: Sequence[str]
    share: float  # of its store's orders
    language: str


# code, name, ISO number, decimals, rate to SEK, prefix, suffix
_CURRENCIES = (
    ("SEK", "Swedish krona", "752", 2, "1", "", " kr"),
    ("EUR", "Euro", "978", 2, "11.2437", "€", ""),
    ("USD", "US dollar", "840", 2, "10.4185", "$", ""),
    ("GBP", "Pound sterling", "826", 2, "13.2204", "£", ""),
    ("NOK", "Norwegian krone", "578", 2, "0.96312", "", " kr"),
    ("JPY", "Japanese yen", "392", 0, "0.0693517", "¥", ""),
    ("KWD", "Kuwaiti dinar", "414", 3, "33.91804", "", " KD"),
)
# code, language, country
_LANGUAGES = (
    ("sv", "Swedish", "SE"),
    ("en", "English", "GB"),
    ("de", "German", "DE"),
    ("nb", "Norwegian", "NO"),
    ("ja", "Japanese", "JP"),
)
# code, name, in the EU, continent, name in Swedish
_COUNTRIES = (
    ("SE", "Sweden", True, "Europe", "Sverige"),
    ("NO", "Norway", False, "Europe", "Norge"),
    ("DK", "Denmark", True, "Europe", "Danmark"),
    ("FI", "Finland", True, "Europe", "Finland"),
    ("DE", "Germany", True, "Europe", "Tyskland"),
    ("FR", "France", True, "Europe", "Frankrike"),
    ("NL", "Netherlands", True, "Europe", "Nederländerna"),
    ("GB", "United Kingdom", False, "Europe", "Storbritannien"),
    ("CH", "Switzerland", False, "Europe", "Schweiz"),
    ("US", "United States", False, "North America", "USA"),
    ("JP", "Japan", False, "Asia", "Japan"),
    ("PT", "Portugal", True, "Europe", "Portugal"),
    ("IT", "Italy", True, "Europe", "Italien"),
    ("CN", "China", False, "Asia", "Kina"),
    ("IN", "India", False, "Asia", "Indien"),
)
_US_STATES = (
    ("NY", "New York"),
    ("CA", "California"),
    ("CT", "Connecticut"),
    ("TX", "Texas"),
    ("WA", "Washington"),
    ("OR", "Oregon"),
    ("MA", "Massachusetts"),
    ("IL", "Illinois"),
    ("FL", "Florida"),
    ("NJ", "New Jersey"),
    ("CO", "Colorado"),
    ("GA", "Georgia"),
)
_STORES = (
    ("Fjord & Fell", "DIRECT_TO_CONSUMER"),
    ("Fjord & Fell International", "DIRECT_TO_CONSUMER"),
    ("Fjord & Fell Wholesale", "WHOLESALE"),
)
# currency, store, countries
_PRICELISTS = (
    ("SEK", 1, ("SE", "DK", "FI", "DE", "FR", "NL", "CH")),
    ("NOK", 1, ("NO",)),
    ("GBP", 1, ("GB",)),
    ("USD", 2, ("US",)),
    ("JPY", 2, ("JP",)),
    ("EUR", 3, ("SE", "DK", "FI", "DE", "FR", "NL", "NO")),
)
MARKETS = (
    MarketPlan("Sweden", 1, 1, ("SE",), 0.52, "sv"),
    MarketPlan("Norway", 1, 2, ("NO",), 0.15, "nb"),
    MarketPlan("United Kingdom", 1, 3, ("GB",), 0.14, "en"),
    MarketPlan("Europe", 1, 1, ("DE", "DK", "FI", "FR", "NL", "CH"), 0.19, "de"),
    MarketPlan("United States", 2, 4, ("US",), 0.7, "en"),
    MarketPlan("Japan", 2, 5, ("JP",), 0.3, "ja"),
    MarketPlan("Wholesale Nordics", 3, 6, ("SE", "NO", "DK", "FI"), 0.55, "sv"),
    MarketPlan("Wholesale Europe", 3, 6, ("DE", "FR", "NL"), 0.45, "en"),
)
# plugin, type, name
_PLUGINS = (
    ("adyen_drop_in", "PAYMENT_METHOD", "Adyen Drop-In"),
    ("klarna_payments", "PAYMENT_METHOD", "Klarna Payments"),
    ("stripe_checkout", "PAYMENT_METHOD", "Stripe"),
    ("invoice", "PAYMENT_METHOD", "Invoice"),
    ("unifaun", "SHIPPING_METHOD", "nShift"),
    ("retain24", "EXTERNAL_GIFT_CARD", "Retain24"),
)


def build_reference(world: World) -> None:
    """Fill the tables that everything else points at."""
    before = world.timeline.start - timedelta(days=900)
    _build_currencies(world)
    _build_places(world)
    for number in range(1, 5):
        world.admin_users.add(AdminUser(id=number))
    for number, (name, kind) in enumerate(_STORES, start=1):
        world.stores.add(Store(id=number, name=name, type=kind))
    _build_pricelists(world, before)
    _build_markets(world, before)
    _build_plugins(world)
    for number, days in enumerate((0, 30, 60), start=1):
        world.payment_terms.add(PaymentTerms(id=number, description=f"{days} days net" if days else "Prepayment"))
    for number, terms in enumerate(("DAP", "FCA Borås", "EXW"), start=1):
        world.shipping_terms.add(ShippingTerms(id=number, description=terms))
    people = (("Ebba Lindqvist", "7.5"), ("Jean-Luc Moreau", "6"))
    for number, (name, percent) in enumerate(people, start=1):
        world.sales_representatives.add(
            SalesRepresentative(
                id=number,
                name=name,
                email=f"{name.split()[0].lower()}@fjordfell.example",
                commissionPercent=Decimal(percent),
            )
        )


def _build_currencies(world: World) -> None:
    rng = world.rng("rates")
    for number, (code, name, iso, digits, rate, prefix, suffix) in enumerate(_CURRENCIES, start=1):
        current = Decimal(rate)
        drift = [current]
        if code != "SEK":
            # Walked backwards from today's rate, so that every window ends on the same level.
            for _ in world.timeline.days()[1:]:
                current = (current * Decimal(1_000_000 + rng.randint(-4000, 4000)) / 1_000_000).quantize(
                    Decimal("1E-9")
                )
                drift.append(current)
            drift.reverse()
        else:
            drift *= len(world.timeline.days())
        world.rates[code] = drift
        currency = world.currencies.add(
            Currency(
                id=number,
                name=name,
                code=code,
                currentBaseRate=Decimal(rate),
                denominator=10**digits,
                isoNumber=iso,
                prefix=prefix or None,
                suffix=suffix or None,
                updatedAt=world.timeline.now - timedelta(hours=7),
                decimalPoint="," if code in ("SEK", "NOK") else ".",
                decimalDigits=digits,
                thousandsSeparator=" " if code in ("SEK", "NOK") else ",",
                isBase=code == "SEK",
                externalId=f"CUR-{code}" if code != "KWD" else None,
            )
        )
        world.mints[code] = Mint(currency)


def _build_places(world: World) -> None:
    for number, (code, name, is_eu, continent, _) in enumerate(_COUNTRIES, start=1):
        world.countries.add(Country(id=number, name=name, code=code, isEU=is_eu, continent=continent))
    united_states = country_of(world, "US")
    united_states.states = [
        world.country_states.add(CountryState(id=number, name=name, code=code, country=united_states))
        for number, (code, name) in enumerate(_US_STATES, start=1)
    ]
    for number, (code, name, country) in enumerate(_LANGUAGES, start=1):
        world.languages.add(
            Language(
                id=number,
                name=name,
                code=code,
                languageCode=code,
                languageName=name,
                countryCode=country,
                isAvailableForTranslation=True,
                isActive=code != "nb",
                countries=[country_of(world, country)],
            )
        )
    swedish = language_of(world, "sv")
    for country_row, (*_, in_swedish) in zip(world.countries, _COUNTRIES, strict=True):
        if in_swedish != country_row.name:
            fields = [TranslatedField(field="name", value=in_swedish)]
            country_row.translations = [LanguageTranslation(language=swedish, fields=fields)]


def _build_pricelists(world: World, before: datetime) -> None:
    for number, (code, store, countries) in enumerate(_PRICELISTS, start=1):
        pricelist = Pricelist(
            id=number,
            name=f"{code} {'wholesale' if store == 3 else 'retail'}",
            status="ACTIVE",
            comment="" if code == "NOK" else None,
            isDefaultForCurrency=True,
            createdAt=before,
            assignedToCountries=[country_of(world, country) for country in countries],
            currency=world.mints[code].currency,
            store=world.stores.one(store),
            externalId=None if code == "JPY" else f"PL-{code}",
        )
        world.pricelists.add(pricelist)


def _build_markets(world: World, before: datetime) -> None:
    for number, plan in enumerate(MARKETS, start=1):
        world.markets.add(
            Market(
                id=number,
                name=plan.name,
                comment="Ships from Borås — “snabbt”" if number == 1 else None,
                createdAt=before + timedelta(days=number),
                assignedToCountries=[country_of(world, country) for country in plan.countries],
                store=world.stores.one(plan.store),
                externalId=None if number % 3 == 0 else f"M{number}",
            )
        )
    for store in world.stores:
        store.markets = [market for market in world.markets if market.store is store]
        store.pricelists = [pricelist for pricelist in world.pricelists if pricelist.store is store]


def _build_plugins(world: World) -> None:
    for store in world.stores:
        for plugin, kind, name in _PLUGINS:
            wholesale = store.type == "WHOLESALE"
            if kind == "PAYMENT_METHOD" and (plugin == "invoice") != wholesale:
                continue
            if kind == "EXTERNAL_GIFT_CARD" and wholesale:
                continue
            number = world.store_plugins.take_id()
            world.store_plugins.add(
                StorePlugin(
                    id=number,
                    status="ACTIVE",
                    name=name,
                    uri=plugin.replace("_", "-"),
                    type=kind,
                    plugin=plugin,
                    store=store,
                    externalId=None,
                )
            )
    api = world.store_plugins.take_id()
    world.store_plugins.add(
        StorePlugin(
            id=api,
            status="ACTIVE",
            name="Order API",
            uri="order-api",
            type="API",
            plugin="order_api",
            store=world.stores.one(1),
            allowedStores=world.stores.rows(),
        )
    )


def country_of(world: World, code: str) -> Country:
    """The country of an ISO code."""
    return world.countries.find(lambda country: country.code == code)


def language_of(world: World, code: str) -> Language:
    """The language of a code."""
    return world.languages.find(lambda language: language.code == code)
