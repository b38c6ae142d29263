"""Nodes of people and companies that buy: customers, newsletter subscriptions, accounts, buyers. No orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from centra_assets.sandbox.data.nodes.base import Node

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money
    from centra_assets.sandbox.data.nodes.catalogue import ProductSize, ProductVariant
    from centra_assets.sandbox.data.nodes.descriptions import Attribute
    from centra_assets.sandbox.data.nodes.fulfilment import Invoice, WholesaleReturn
    from centra_assets.sandbox.data.nodes.orders import WholesaleOrder
    from centra_assets.sandbox.data.nodes.reference import (
        Address,
        AddressBookEntry,
        CarrierInformation,
        Country,
        Language,
        Market,
        PaymentTerms,
        Pricelist,
        SalesRepresentative,
        ShippingTerms,
        Store,
        TaxClass,
    )
    from centra_assets.sandbox.data.nodes.stock import AllocationRule, DeliveryWindowDiscount


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Customer(Node):
    id: int
    status: str
    email: str
    firstName: str | None = None
    lastName: str | None = None
    cellPhoneNumber: str | None = None
    phoneNumber: str | None = None
    createdAt: datetime
    updatedAt: datetime
    lastLoginAt: datetime | None = None
    totalOrders: int
    billingAddress: Address | None = None
    emailHistory: ClassVar[Sequence[Node]] = ()
    store: Store
    birthdate: date | None = None
    isAnonymized: bool = False
    receiveNewsletters: bool = False
    websiteUrl: str | None = None
    gender: str | None = None
    attributes: Sequence[Attribute] = ()
    country: Country | None = None
    language: Language | None = None
    market: Market | None = None
    pricelist: Pricelist | None = None
    taxClass: TaxClass | None = None
    internalComment: str | None = None
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class NewsletterSubscription(Node):
    id: int
    email: str
    isActive: bool = False
    createdAt: datetime
    country: Country | None = None
    productSize: ProductSize | None = None
    productVariant: ProductVariant | None = None
    store: Store


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Account(Node):
    id: int
    name: str
    status: str
    createdAt: datetime
    updatedAt: datetime
    discountPercent: Decimal
    isDiscountVisible: bool = False
    internalComment: str | None = None
    otherComment: str | None = None
    accountEmail: str | None = None
    billingEmail: str | None = None
    shippingEmail: str | None = None
    websiteUrl: str | None = None
    vatNumber: str | None = None
    creditLimit: Money | None = None
    allowConsignation: bool = False
    applyCreditLimit: bool = False
    blockIfUnpaidInvoices: bool = False
    hasBrandsRestriction: bool = False
    isInternal: bool = False
    accountAddress: Address | None = None
    addressBook: Sequence[AddressBookEntry] = ()
    allocationRule: AllocationRule | None = None
    attributes: Sequence[Attribute] = ()
    billingAddress: Address | None = None
    buyers: Sequence[Buyer] = ()
    carrierInformation: CarrierInformation | None = None
    deliveryWindowDiscounts: Sequence[DeliveryWindowDiscount] = ()
    invoices: Sequence[Invoice] = ()
    market: Market | None = None
    orders: Sequence[WholesaleOrder] = ()
    paymentTerms: PaymentTerms | None = None
    pricelist: Pricelist | None = None
    returns: Sequence[WholesaleReturn] = ()
    salesRepresentative: SalesRepresentative | None = None
    shippingAddress: Address | None = None
    shippingTerms: ShippingTerms | None = None
    taxClass: TaxClass | None = None
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Buyer(Node):
    id: int
    status: str
    email: str
    firstName: str | None = None
    lastName: str | None = None
    websiteUrl: str | None = None
    receiveAutoEmails: bool = False
    receiveNewsletters: bool | None = None
    account: Account | None = None
    billingAddress: Address | None = None
    store: Store | None = None
