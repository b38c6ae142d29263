"""One buyer of an account with everything that a buyer can have, under words that nobody else has. No claims."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from centra_assets.sandbox.data.invoices import write_invoice
from centra_assets.sandbox.data.nodes.customers import Buyer
from centra_assets.sandbox.data.nodes.reference import Address
from centra_assets.sandbox.data.world import World

BUYERS_EMAIL = "Hildegunst@Wolperting.example"
# Nothing of this is anywhere in the sandbox's own data, nor does another person have it.
BUYERS_TRACES = (
    "hildegunst",
    "mythenmetz",
    "lindwurmgasse 12",
    "blocksberg 99",
    "nachtigaller",
    "+46788765431",
    "wolperting",
    "77889yz",
    "hm-parcel",
)


@dataclass(frozen=True)
class Purchaser:
    """The buyer, and the ids of what belongs to the buyer; the account and a colleague stay."""

    buyer: int
    colleague: int
    account: int
    orders: tuple[int, ...]
    order: int
    subscription: int


def open_shop(world: World, at: datetime) -> Purchaser:
    """Makes a buyer who has ordered, sent back, been billed and subscribed into the person, all at one moment."""
    with world.lock:
        sent_back = _sent_back(world, at)
        order = sent_back.order
        buyer, account = order.buyer, order.account
        write_down(world, buyer, "Lindwurmgasse 12")
        shipment = sent_back.shipment
        shipment.trackingNumber, shipment.additionalMessage = "HM-PARCEL-1", "Till Hildegunst"
        sent_back.comment = "Mythenmetz ringer"
        invoice = write_invoice(world, random.Random(1), shipment, at)
        invoice.additionalInformation = "Hildegunst von Mythenmetz"
        subscription = list(world.newsletter_subscriptions)[1]
        subscription.email = BUYERS_EMAIL.lower()
        own = [found for found in world.orders if getattr(found, "buyer", None) is buyer]
        for node in (*own, shipment, sent_back, invoice, subscription):
            node.createdAt = at
        colleague = next(found for found in account.buyers if found is not buyer)
        return Purchaser(
            buyer.id,
            colleague.id,
            account.id,
            tuple(found.number for found in own),
            order.number,
            subscription.id,
        )


def _sent_back(world: World, at: datetime) -> Any:
    """A return of a buyer with colleagues; made, where the small shop happens to have none."""

    def has_colleagues(order: Any) -> bool:
        return getattr(order, "buyer", None) is not None and len(order.account.buyers) > 1

    for found in world.returns:
        if has_colleagues(found.order):
            return found
    shipment, line = next(
        (shipment, line)
        for shipment in world.shipments
        if has_colleagues(shipment.order)
        for line in shipment.lines
        if line.returnedQuantity < line.quantity
    )
    return world.traffic.life.returns.create(random.Random(1), shipment, [(line, 1)], at)


def write_down(world: World, buyer: Buyer, street: str) -> None:
    """Writes an address of that street wherever the buyer has one, and says that all of it changed."""
    account = buyer.account
    assert account is not None
    address = _address(buyer.billingAddress or Address(), street)
    buyer.billingAddress, buyer.email = address, BUYERS_EMAIL
    buyer.firstName, buyer.lastName = "Hildegunst", "von Mythenmetz"
    buyer.websiteUrl = "https://wolperting.example"
    account.updatedAt += timedelta(seconds=1)
    for order in world.orders:
        if getattr(order, "buyer", None) is buyer:
            order.billingAddress = replace(address, country=(order.billingAddress or address).country)
            order.shippingAddress = replace(address, country=(order.shippingAddress or address).country)
            order.internalComment, order.otherComment = "Ring Mythenmetz", f"Hildegunst, {street}"
            order.lines[0].comment = "till Hildegunst"
            order.updatedAt += timedelta(seconds=1)


def _address(address: Address, street: str) -> Address:
    return replace(
        address,
        firstName="Hildegunst",
        lastName="von Mythenmetz",
        address1=street,
        address2="c/o Nachtigaller",
        zipCode="77889YZ",
        cellPhoneNumber="+46788765431",
        email=BUYERS_EMAIL,
    )
