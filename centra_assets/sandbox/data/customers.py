"""Makes people: customers registered and not, subscribers, and what is left of them when they are anonymised."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.customers import Customer, NewsletterSubscription
from centra_assets.sandbox.data.nodes.reference import Address
from centra_assets.sandbox.data.reference import MARKETS, language_of

if TYPE_CHECKING:
    from centra_assets.sandbox.data.attributes import AttributeBook
    from centra_assets.sandbox.data.nodes.reference import Country, Market, Store
    from centra_assets.sandbox.data.world import World

_FIRST = ("Åsa", "Björn", "Ebba", "Nils", "Zoë", "José", "Anne-Marie", "Liam", "Søren", "Chloë", "Jürgen", "Maja")
_FIRST_JAPANESE = ("陽菜", "蓮", "結衣", "湊", "美咲")
_LAST = ("Öberg", "O'Neill", "Lindström", "Müller", "García", "Hansen", "van der Berg", "Smith", "Ek", "Dubois", "Ng")
_LAST_JAPANESE = ("佐藤", "鈴木", "高橋", "田中")
_STREETS = ("Storgatan", "Kungsgatan", "High Street", "Hauptstraße", "Rue de l'Église", "Main Street", "Åvägen")
_CITIES = {
    "SE": ("Göteborg", "Malmö", "Umeå"),
    "NO": ("Tromsø", "Bergen"),
    "GB": ("Bristol", "Leeds"),
    "US": ("Hartford", "Austin", "Albany"),
    "JP": ("東京", "京都"),
    "DE": ("Köln", "München"),
    "CH": ("Zürich",),
}
_COMMENTS = (None, None, None, "", "VIP", 'Calls herself "the boss"\nprefers e-mail')


class People:
    """Makes customers and remembers who can come back, by market."""

    def __init__(self, world: World, book: AttributeBook) -> None:
        self.world = world
        self._book = book
        self._known: dict[int, list[Customer]] = {market.id: [] for market in world.markets}
        self._languages = {plan.name: language_of(world, plan.language) for plan in MARKETS}

    def shopper(self, rng: random.Random, market: Market, at: datetime) -> Customer:
        """Who places an order: someone new, or one of the market's customers."""
        known = self._known[market.id]
        if not known or rng.random() < 0.55:
            return self.arrive(rng, market, at - timedelta(seconds=rng.randrange(5, 900)))
        for _ in range(5):
            customer = rng.choice(known)
            if not customer.isAnonymized:
                return customer
        return self.arrive(rng, market, at)

    def arrive(self, rng: random.Random, market: Market, at: datetime, *, registered: bool | None = None) -> Customer:
        """A new customer. Some share their e-mail with one of the market's customers: one person, two customers."""
        world, known = self.world, self._known[market.id]
        if registered is None:
            registered = rng.random() < 0.55
        number = world.customers.take_id()
        address = self._address(rng, market, number)
        if known and rng.random() < 0.06:
            twin = rng.choice(known)
            if not twin.isAnonymized:
                address = replace(address, email=twin.email, firstName=twin.firstName, lastName=twin.lastName)
        customer = Customer(
            id=number,
            status="ACTIVE",
            email=address.email or "",
            firstName=address.firstName,
            lastName=address.lastName,
            cellPhoneNumber=address.cellPhoneNumber,
            phoneNumber=None,
            createdAt=at,
            updatedAt=at,
            lastLoginAt=at if registered else None,
            totalOrders=0,
            billingAddress=address if registered or rng.random() < 0.8 else None,
            store=market.store,
            birthdate=_birthdate(rng) if registered and rng.random() < 0.4 else None,
            receiveNewsletters=rng.random() < 0.3,
            gender=rng.choice((None, None, "FEMALE", "MALE", "OTHER")),
            attributes=[self._book.dynamic("erp_number", f"C{number:07d}")] if rng.random() < 0.02 else (),
            country=address.country,
            language=self._languages[market.name],
            market=market,
            pricelist=None,
            taxClass=None,
            internalComment=rng.choice(_COMMENTS) if registered else None,
            externalId=f"CRM-{number}" if registered and rng.random() < 0.5 else None,
        )
        known.append(world.customers.add(customer))
        world.emit("Customer", "CREATED", number, market.store, at)
        if customer.receiveNewsletters:
            self.subscribe(rng, customer.email, market.store, at, customer.country)
        return customer

    def subscribe(self, rng: random.Random, email: str, store: Store, at: datetime, country: Country | None) -> None:
        """A newsletter subscription; now and then for one product only."""
        world = self.world
        sizes = world.product_sizes.rows()
        size = rng.choice(sizes) if rng.random() < 0.1 else None
        number = world.newsletter_subscriptions.take_id()
        world.newsletter_subscriptions.add(
            NewsletterSubscription(
                id=number,
                email=email,
                isActive=rng.random() < 0.9,
                createdAt=at,
                country=country,
                productSize=size,
                productVariant=size.productVariant if size else None,
                store=store,
            )
        )
        world.emit("NewsletterSubscription", "CREATED", number, store, at)

    def anonymise(self, customer: Customer, at: datetime) -> None:
        """Clear a person from the customer and from every order, shipment and subscription; amounts and dates stay."""
        email = customer.email
        customer.email = f"anonymized-{customer.id}@anonymized.invalid"
        customer.firstName = customer.lastName = customer.cellPhoneNumber = customer.phoneNumber = None
        customer.birthdate = customer.gender = customer.internalComment = customer.websiteUrl = None
        customer.billingAddress = blank(customer.billingAddress)
        customer.attributes = ()
        customer.isAnonymized = True
        customer.receiveNewsletters = False
        customer.status = "INACTIVE"
        customer.updatedAt = at
        self.world.emit("Customer", "UPDATED", customer.id, customer.store, at)
        for subscription in self.world.newsletter_subscriptions:
            if subscription.email == email and subscription.store is customer.store:
                subscription.email = customer.email
                subscription.isActive = False
                self.world.emit("NewsletterSubscription", "UPDATED", subscription.id, subscription.store, at)

    def address_of(self, rng: random.Random, customer: Customer) -> Address:
        """Where a guest wants the goods: an address under the guest's own name."""
        market = customer.market or self.world.markets.one(1)
        return replace(
            self._address(rng, market, customer.id),
            firstName=customer.firstName,
            lastName=customer.lastName,
            email=customer.email,
        )

    def other_address(self, rng: random.Random, market: Market) -> Address:
        """Somebody else's address, for a bill that goes elsewhere."""
        return self._address(rng, market, 900_000 + rng.randrange(100_000))

    def _address(self, rng: random.Random, market: Market, number: int) -> Address:
        country = rng.choice(market.assignedToCountries)
        japanese = country.code == "JP"
        first = rng.choice(_FIRST_JAPANESE if japanese else _FIRST)
        last = rng.choice(_LAST_JAPANESE if japanese else _LAST)
        state = rng.choice(country.states) if country.states else None
        return Address(
            firstName=first,
            lastName=last,
            address1=f"{rng.choice(_STREETS)} {rng.randrange(1, 200)}",
            address2=rng.choice((None, None, None, "", "c/o Ek\nlgh 1102")),
            city=rng.choice(_CITIES.get(country.code, ("Aarhus", "Turku", "Lille", "Utrecht"))),
            zipCode=f"{rng.randrange(10000, 99999)}",
            stateOrProvince=state.name if state else None,
            cellPhoneNumber=None if rng.random() < 0.3 else f"+46700{number:06d}",
            email=f"shopper{number}@mail.example",
            companyName=rng.choice((None,) * 9 + ("Ateljé Öst AB",)),
            country=country,
            state=state,
        )


def blank(address: Address | None) -> Address | None:
    """What is left of an address when its person is anonymised: the place, roughly."""
    if address is None:
        return None
    return Address(country=address.country, state=address.state, stateOrProvince=address.stateOrProvince)


def _birthdate(rng: random.Random) -> date:
    return date(rng.randrange(1945, 2006), rng.randrange(1, 13), rng.randrange(1, 29))


def markets_by_store(world: World) -> dict[int, tuple[Sequence[Market], list[float]]]:
    """Each store's markets and their shares of its orders."""
    shares = {market.id: plan.share for market, plan in zip(world.markets, MARKETS, strict=True)}
    return {store.id: (store.markets, [shares[market.id] for market in store.markets]) for store in world.stores}
