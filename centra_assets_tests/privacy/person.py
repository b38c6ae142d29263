"""One customer of the sandbox with everything that a customer can have, under words that nobody else has. No claims."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from centra_assets.sandbox.data.invoices import write_invoice
from centra_assets.sandbox.data.nodes.customers import Customer
from centra_assets.sandbox.data.nodes.reference import Address
from centra_assets.sandbox.data.world import World

EMAIL = "Zaphrodite.Quux@Mail.example"
# Nothing of this is anywhere in the sandbox's own data.
TRACES = (
    "zaphrodite",
    "quuxberg",
    "unikagatan 4711",
    "vixenlund",
    "zöqköping",
    "andra unika 815",
    "+46799123457",
    "987654xq",
    "ring zaff",
    "zq-parcel",
    "crm-zq",
    "zq-erp",
)


@dataclass(frozen=True)
class Person:
    """The customer, and the ids of what belongs to the customer."""

    customer: int
    orders: tuple[int, ...]
    sound_order: int
    broken_order: int
    shipment: int
    return_: int
    invoice: int
    subscription: int
    neighbour: int


def move_in(world: World, at: datetime) -> Person:
    """Makes a customer who has ordered, sent back, been billed and subscribed into the person, all at one moment."""
    with world.lock:
        sent_back = next(found for found in world.returns if _is_a_persons(found.order))
        order = sent_back.order
        customer = order.customer
        broken = next(
            found
            for found in world.orders
            if _is_a_persons(found) and found.customer is not customer and not found.shipments
        )
        broken.customer, broken.currencyBaseRate = customer, Decimal(-1)
        dwell(world, customer, "Unikagatan 4711")
        customer.externalId, customer.internalComment = "CRM-ZQ", "Ring Zaff efter 17"
        shipment = sent_back.shipment
        shipment.trackingNumber, shipment.additionalMessage = "ZQ-PARCEL-1", "Till Zaphrodite"
        sent_back.comment = "Ring Zaff"
        invoice = write_invoice(world, random.Random(1), shipment, at)
        invoice.additionalInformation = "Zaphrodite Quuxberg"
        subscription = next(iter(world.newsletter_subscriptions))
        subscription.email = EMAIL
        own = [found for found in world.orders if getattr(found, "customer", None) is customer]
        shipped = next(found for found in world.shipments if _is_a_persons(found.order) and found.order not in own)
        neighbour = shipped.order.customer
        subscriptions = list(world.newsletter_subscriptions)[:2]
        for node in (customer, *own, shipment, sent_back, invoice, *subscriptions, shipped, shipped.order, neighbour):
            node.createdAt = at
        return Person(
            customer.id,
            tuple(found.number for found in own),
            order.number,
            broken.number,
            shipment.id,
            sent_back.id,
            invoice.id,
            subscription.id,
            neighbour.id,
        )


def dwell(world: World, customer: Customer, street: str) -> None:
    """Writes an address of that street wherever the customer has one, and says that all of it changed."""
    address = _address(customer.billingAddress or Address(), street)
    customer.billingAddress = address
    customer.email, customer.firstName, customer.lastName = EMAIL, "Zaphrodite", "Quuxberg"
    customer.phoneNumber = "+46799123457"
    customer.updatedAt += timedelta(seconds=1)
    for order in world.orders:
        if getattr(order, "customer", None) is customer:
            order.billingAddress = replace(address, country=(order.billingAddress or address).country)
            order.shippingAddress = replace(address, country=(order.shippingAddress or address).country)
            order.internalComment, order.otherComment = "Ring Zaff", f"Zaphrodite, {street}"
            order.lines[0].comment = "till Zaphrodite"
            order.updatedAt += timedelta(seconds=1)


def _is_a_persons(order: object) -> bool:
    customer = getattr(order, "customer", None)
    return customer is not None and not customer.isAnonymized


def _address(address: Address, street: str) -> Address:
    return replace(
        address,
        firstName="Zaphrodite",
        lastName="Quuxberg",
        address1=street,
        address2="c/o Vixenlund",
        city="Zöqköping",
        zipCode="987654XQ",
        cellPhoneNumber="+46799123457",
        email=EMAIL,
    )
