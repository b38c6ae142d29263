"""Builds the resellers of the wholesale store and the buyers who work for them. No orders."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.customers import Account, Buyer
from centra_assets.sandbox.data.nodes.reference import Address, AddressBookEntry, CarrierInformation
from centra_assets.sandbox.data.nodes.stock import DeliveryWindowDiscount

if TYPE_CHECKING:
    from centra_assets.sandbox.data.attributes import AttributeBook
    from centra_assets.sandbox.data.world import World

_NAMES = ("Nordisk Sport", "Maison Lefèvre", "Grünwald & Söhne", "De Bijenkorf-achtig", "Ålesund Friluft", 'Butik "Ö"')
_CITIES = ("Stockholm", "Oslo", "København", "Helsinki", "Berlin", "Paris", "Amsterdam")


def account_count(scale: float) -> int:
    """How many resellers a world of this scale has."""
    return max(6, round(45 * math.sqrt(scale)))


def build_accounts(world: World, book: AttributeBook) -> None:
    """Fill the tables of accounts and buyers."""
    rng = world.rng("accounts")
    wholesale, pricelist = world.stores.one(3), world.pricelists.one(6)
    for number in range(1, account_count(world.scale) + 1):
        market = rng.choice(wholesale.markets)
        country = rng.choice(market.assignedToCountries)
        created = world.timeline.start - timedelta(days=rng.randrange(1, 800), seconds=rng.randrange(86400))
        name = f"{_NAMES[number % len(_NAMES)]} {number}"
        address = Address(
            companyName=name,
            attention=rng.choice((None, "Inköp", "Receiving dock #2")),
            address1=f"Industrivägen {number}",
            city=rng.choice(_CITIES),
            zipCode=f"{rng.randrange(10000, 99999)}",
            email=f"billing{number}@reseller.example",
            vatNumber=f"{country.code}{rng.randrange(10**9, 10**10)}",
            country=country,
        )
        account = Account(
            id=number,
            name=name,
            status="ACTIVE" if rng.random() < 0.92 else "INACTIVE",
            createdAt=created,
            updatedAt=world.timeline.clamp(created + timedelta(days=rng.randrange(900))),
            discountPercent=Decimal(rng.choice(("0", "0", "2.5", "5"))),
            isDiscountVisible=rng.random() < 0.5,
            internalComment=rng.choice((None, "", "Pays late.\nSee 2nd reminder")),
            otherComment=None,
            accountEmail=f"info{number}@reseller.example",
            billingEmail=address.email,
            shippingEmail=None,
            websiteUrl=f"https://reseller{number}.example" if rng.random() < 0.6 else None,
            vatNumber=address.vatNumber,
            creditLimit=world.mints["EUR"][rng.choice((500_000, 2_000_000))] if rng.random() < 0.7 else None,
            applyCreditLimit=rng.random() < 0.5,
            isInternal=number == 6,
            accountAddress=address,
            addressBook=[
                AddressBookEntry(id=number * 10 + i, name=f"Shop {i}", companyName=name, address=address)
                for i in range(1, rng.randint(1, 3) + 1)
            ],
            allocationRule=world.allocation_rules.one(5),
            attributes=[book.dynamic("segment", rng.choice(("key", "growth", "tail")))] if rng.random() < 0.6 else (),
            billingAddress=address,
            carrierInformation=CarrierInformation(carrierName="DSV", serviceName="Road") if number % 3 == 0 else None,
            deliveryWindowDiscounts=[
                DeliveryWindowDiscount(deliveryWindow=world.delivery_windows.one(2), discountPercent=Decimal("3.5"))
            ]
            if number % 4 == 0
            else (),
            market=market,
            paymentTerms=world.payment_terms.one(rng.choice((2, 2, 3))),
            pricelist=pricelist,
            salesRepresentative=rng.choice(world.sales_representatives.rows()),
            shippingAddress=address,
            shippingTerms=rng.choice(world.shipping_terms.rows()),
            taxClass=world.tax_classes.one(2),
            externalId=f"ERP-{5000 + number}" if number % 5 else None,
        )
        world.accounts.add(account)
        account.buyers = [_add_buyer(world, account, position) for position in range(rng.randint(1, 3))]


def _add_buyer(world: World, account: Account, position: int) -> Buyer:
    number = world.buyers.take_id()
    return world.buyers.add(
        Buyer(
            id=number,
            status="ACTIVE",
            email=f"buyer{number}@reseller.example",
            firstName=("Karin", "Émile", "Uwe")[position],
            lastName=None if position == 2 else "Ström",
            receiveAutoEmails=position == 0,
            receiveNewsletters=None if position else True,
            account=account,
            billingAddress=account.billingAddress,
            store=world.stores.one(3),
        )
    )
