"""What deliveries said of somebody goes from the inbox with the rest: of unknown types too, and what comes later."""

import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from centra_assets.entities.hints import DIRECT
from centra_assets.privacy.deliveries import is_about
from centra_assets.privacy.forgotten import Forgotten, ForgottenList
from centra_assets.privacy.links import Kind
from centra_assets.storage.inbox import Delivery, Hint, Inbox
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.privacy.conftest import Town, gated
from centra_assets_tests.privacy.forgetting_there import Copied, forget, forget_buyers, forgetting, let_time_pass
from centra_assets_tests.privacy.person import EMAIL, TRACES
from centra_assets_tests.privacy.purchaser import BUYERS_TRACES
from centra_assets_tests.privacy.searching import in_tables
from centra_assets_tests.sync.hinting import follow, follow_again

_deliveries = itertools.count(1)
NOBODYS = ("", "", "customerNote")


def deliver(platform: Platform, about: tuple[str, str, str], elements: Mapping[str, Any]) -> None:
    """Stores a delivery for each element; its key is what the hint refers to."""
    entity, via, object_type = about
    Inbox(platform.database_url).store(
        [
            Delivery(
                "webhook",
                "shop",
                str(next(_deliveries)),
                [Hint(entity, via, object_type, "UPDATED", reference, json.dumps(element))],
            )
            for reference, element in elements.items()
        ]
    )


def held(platform: Platform, words: tuple[str, ...] = TRACES) -> list[str]:
    return [place for place in in_tables(platform.database_url, words) if place.startswith("ops.inbox")]


def kept(platform: Platform) -> dict[str, str]:
    rows = platform.warehouse.query("select reference, element::text as element from ops.inbox where element <> '{}'")
    return dict(rows.iter_rows())


def telling(town: Town) -> dict[str, Any]:
    """Elements of an unknown type, by where in them the person is found."""
    name = "Zaphrodite Quuxberg"
    return {
        "1": {"type": "customerNote", "id": 1, "note": {"to": EMAIL.upper(), "name": name}},
        "2": {"id": 2, "link": "https://shop.example/u?mail=zaphrodite.quux%40MAIL.example&x=1"},
        "3": {"id": 3, "text": f"{name} <{EMAIL}>, called."},
        "4": {"id": 4, "customer": {"id": town.person.customer, "name": name}},
        "5": {"id": 5, "customerId": str(town.person.customer), "name": name},
        "6": {"id": 6, "orders": [{"number": town.person.sound_order, "to": name}]},
        "7": {"id": 7, "inner": json.dumps({"mail": EMAIL, "name": name})},
    }


def strangers(town: Town) -> dict[str, Any]:
    """Elements of the same type that name nobody who is forgotten."""
    return {
        "101": {"id": 101, "customerId": town.person.neighbour, "mail": "somebody@else.example"},
        "102": {"id": 102, "quantity": town.person.customer, "note": "no @ in it, and 100 %40"},
    }


def test_deliveries_of_unknown_types_that_name_somebody_are_emptied_and_no_others(copied: Copied, town: Town) -> None:
    platform = copied().platform
    deliver(platform, NOBODYS, telling(town) | strangers(town))
    assert held(platform)
    forget(platform, town.person.customer)
    assert kept(platform).keys() == strangers(town).keys()
    assert held(platform) == []
    assert platform.count("inbox", "ops") == len(telling(town)) + len(strangers(town))


def test_what_came_meanwhile_is_emptied_by_a_later_look(copied: Copied, town: Town) -> None:
    platform = copied().platform
    forget(platform, town.person.customer)
    # Also one whose entity is known and that only quotes the address.
    deliver(platform, NOBODYS, telling(town) | strangers(town))
    deliver(platform, ("vouchers", DIRECT, "Voucher"), {"8": {"id": 8, "issuedTo": EMAIL}})
    let_time_pass(platform)
    (request,) = forgetting(platform).carry_out()
    assert request.counts["late ops.inbox"] == len(telling(town)) + 1
    assert kept(platform).keys() == strangers(town).keys()
    assert held(platform) == []


def test_a_hint_about_somebody_forgotten_loses_what_came_with_it_when_it_is_followed(
    copied: Copied, town: Town
) -> None:
    platform, person = copied().platform, town.person
    platform.lake = gated(platform)
    forget(platform, person.customer)
    let_time_pass(platform)
    forgetting(platform).carry_out()
    said = {"name": "Zaphrodite Quuxberg", "mail": EMAIL}
    theirs = {
        ("customers", DIRECT, "customer"): person.customer,
        ("orders", DIRECT, "order"): person.sound_order,
        ("shipments", DIRECT, "shipment"): person.shipment,
        ("returns", DIRECT, "return"): person.return_,
        ("invoices", DIRECT, "Invoice"): person.invoice,
    }
    for about, reference in theirs.items():
        deliver(platform, about, {str(reference): said})
    deliver(platform, ("customers", DIRECT, "customer"), {str(person.neighbour): {"name": "Somebody"}})
    assert held(platform)
    drained = follow(platform)
    assert drained.claimed == len(theirs) + 1
    assert {followed.code for followed in drained.followed} == {""}
    assert kept(platform) == {str(person.neighbour): '{"name": "Somebody"}'}
    assert list(in_tables(platform.database_url, TRACES)) == []


def test_a_hint_about_somebody_forgotten_loses_it_also_when_it_is_ignored_or_cannot_be_followed(
    copied: Copied, town: Town
) -> None:
    platform, purchaser = copied().platform, town.purchaser
    platform.lake = gated(platform)
    forget_buyers(platform, purchaser.buyer)
    said = {"name": "Hildegunst von Mythenmetz"}
    deliver(platform, ("accounts", "buyers.id", "Buyer"), {str(purchaser.buyer): said})
    deliver(platform, ("orders", DIRECT, "Order"), {str(purchaser.order): said})
    assert held(platform, BUYERS_TRACES)
    follow(platform, is_followed=lambda hint: hint.entity != "accounts")
    assert held(platform, BUYERS_TRACES) == []
    deliver(platform, ("orders", DIRECT, "Order"), {str(purchaser.order): said | {"again": True}})
    platform.admin("faults", requests=[{"kind": "status", "status": 503, "share": 1.0}])
    try:
        (followed,) = follow_again(platform).followed
    finally:
        platform.admin("faults")
    assert followed.code == "CENTRA_SERVER"
    assert held(platform, BUYERS_TRACES) == []


@pytest.mark.parametrize(
    ("entity", "via", "reference", "is_meant"),
    [
        ("customers", DIRECT, "7", True),
        ("customers", DIRECT, "8", False),
        ("orders", DIRECT, "70", True),
        ("orders", "payments.id", "70", False),
        ("accounts", "buyers.id", "17", True),
        ("accounts", DIRECT, "17", False),
        ("shipments", DIRECT, "7", False),
        ("newsletter_subscriptions", DIRECT, "7", False),
        ("products", DIRECT, "7", False),
    ],
)
def test_a_hint_is_about_whom_its_reference_names(entity: str, via: str, reference: str, is_meant: bool) -> None:
    at = datetime.max.replace(tzinfo=UTC)
    forgotten = Forgotten(b"", {Kind.CUSTOMER: {"7": at}, Kind.BUYER: {"17": at}, Kind.ORDER: {"70": at}})
    assert is_about(entity, via, reference, forgotten) is is_meant
    assert not is_about(entity, via, reference, Forgotten())


def test_while_nobody_is_forgotten_the_drain_empties_nothing(copied: Copied, town: Town) -> None:
    platform = copied().platform
    deliver(platform, ("customers", DIRECT, "customer"), {str(town.person.customer): {"mail": EMAIL}})
    assert not ForgottenList(platform.database_url).current().since
    assert follow(platform).claimed == 1
    assert kept(platform).keys() == {str(town.person.customer)}
