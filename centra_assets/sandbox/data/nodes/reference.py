"""Nodes of what everything else points at: stores, markets, currencies, places, terms, taxes. No products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from centra_assets.sandbox.data.nodes.base import Node

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money
    from centra_assets.sandbox.data.nodes.catalogue import Brand, Category, Display, LowestPrice, Price
    from centra_assets.sandbox.data.nodes.descriptions import LanguageTranslation
    from centra_assets.sandbox.data.nodes.promotions import Campaign
    from centra_assets.sandbox.data.nodes.stock import AllocationRule


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AdminUser(Node):
    id: int


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Affiliate(Node):
    id: int


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class BrickAndMortar(Node):
    id: int
    name: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class NumberSeries(Node):
    id: int


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Commission(Node):
    id: int


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PaymentTerms(Node):
    id: int
    description: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShippingTerms(Node):
    id: int
    description: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class SalesRepresentative(Node):
    id: int
    name: str
    email: str | None = None
    commissionPercent: Decimal | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class GiftCertificateGenerator(Node):
    id: int
    status: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Store(Node):
    id: int
    name: str
    type: str
    affiliates: ClassVar[Sequence[Node]] = ()
    allocationRule: AllocationRule | None = None
    brands: Sequence[Brand] = ()
    campaigns: Sequence[Campaign] = ()
    categories: Sequence[Category] = ()
    markets: Sequence[Market] = ()
    pricelists: Sequence[Pricelist] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class StorePlugin(Node):
    id: int
    status: str
    name: str
    uri: str | None = None
    type: str
    plugin: str
    store: Store
    allowedStores: Sequence[Store] = ()
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Market(Node):
    id: int
    name: str
    comment: str | None = None
    createdAt: datetime
    allocationRule: AllocationRule | None = None
    assignedToCountries: Sequence[Country] = ()
    campaigns: Sequence[Campaign] = ()
    store: Store
    displays: Sequence[Display] = ()
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Currency(Node):
    id: int
    name: str
    code: str
    currentBaseRate: Decimal
    denominator: int
    isoNumber: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    updatedAt: datetime
    decimalPoint: str
    decimalDigits: int
    thousandsSeparator: str
    isBase: bool = False
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Language(Node):
    id: int
    name: str
    code: str
    languageCode: str | None = None
    languageName: str | None = None
    countryCode: str | None = None
    isAvailableForTranslation: bool | None = None
    isActive: bool | None = None
    countries: Sequence[Country] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Country(Node):
    id: int
    name: str
    code: str
    isEU: bool = False
    continent: str
    states: Sequence[CountryState] = ()
    translations: Sequence[LanguageTranslation] = ()

    @property
    def totalStates(self) -> int:
        return len(self.states)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class CountryState(Node):
    id: int
    name: str
    code: str | None = None
    country: Country


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Location(Node):
    country: Country | None = None
    state: CountryState | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Address(Node):
    firstName: str | None = None
    lastName: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    zipCode: str | None = None
    stateOrProvince: str | None = None
    cellPhoneNumber: str | None = None
    phoneNumber: str | None = None
    faxNumber: str | None = None
    email: str | None = None
    companyName: str | None = None
    attention: str | None = None
    vatNumber: str | None = None
    ecVatNumber: str | None = None
    country: Country | None = None
    state: CountryState | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AddressBookEntry(Node):
    id: int | None = None
    name: str | None = None
    companyName: str | None = None
    email: str | None = None
    websiteUrl: str | None = None
    vatNumber: str | None = None
    address: Address | None = None
    carrierInformation: CarrierInformation | None = None
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class CarrierInformation(Node):
    carrierName: str | None = None
    serviceName: str | None = None
    accountIdentifier: str | None = None
    taxId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Pricelist(Node):
    id: int
    name: str
    status: str
    comment: str | None = None
    isDefaultForCurrency: bool = False
    createdAt: datetime
    assignedToCountries: Sequence[Country] = ()
    campaigns: Sequence[Campaign] = ()
    currency: Currency
    defaultShippingOption: ShippingOption | None = None
    store: Store
    prices: Sequence[Price] = ()
    lowestPrices: Sequence[LowestPrice] = ()
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShippingOption(Node):
    id: int
    name: str
    status: str
    type: str
    uri: str | None = None
    storeType: str
    comment: str | None = None
    currency: Currency
    markets: Sequence[Market] = ()
    stores: Sequence[Store] = ()
    shippingPriceGroups: Sequence[ShippingPriceGroup] = ()
    updatedAt: datetime
    isPickupPoint: bool = False

    @property
    def priceGroups(self) -> Sequence[ShippingPriceGroup]:
        return self.shippingPriceGroups


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShippingPriceGroup(Node):
    id: int
    countries: Sequence[Country] = ()
    ranges: Sequence[ShippingPriceRange] = ()
    shippingOption: ShippingOption


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShippingPriceRange(Node):
    id: int
    price: Money | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class OrderTotalPriceRange(ShippingPriceRange):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class TotalWeightPriceRange(ShippingPriceRange):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class TaxClass(Node):
    id: int
    isEnabled: bool = False
    name: str
    code: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class TaxGroup(Node):
    id: int
    name: str
    status: str
    defaultInStores: Sequence[Store] = ()
    rules: Sequence[TaxRule] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class TaxRule(Node):
    id: int
    name: str
    displayName: str
    code: str
    rate: Decimal
    applyTaxType: str
    applyTaxToShipping: bool = False
    applyTaxToHandling: bool = False
    applyFrom: datetime
    applyTo: datetime | None = None
    zipCode: str | None = None
    city: str | None = None
    orderPriceRestriction: PriceRange | None = None
    itemPriceRestriction: PriceRange | None = None
    countries: Sequence[Country] = ()
    states: Sequence[CountryState] = ()
    taxClasses: Sequence[TaxClass] = ()
    taxGroup: TaxGroup


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PriceRange(Node):
    from_: Money | None = None
    to: Money | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedTaxRule(Node):
    taxId: str
    taxName: str
    taxPercent: Decimal
    taxRule: TaxRule | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedTaxRuleValue(Node):
    rule: AppliedTaxRule
    taxAdded: Money
    taxDeducted: Money
    taxIncluded: Money


# The schema's word is a keyword of Python.
setattr(PriceRange, "from", property(lambda prices: prices.from_))
