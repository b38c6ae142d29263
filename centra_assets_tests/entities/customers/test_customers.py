"""What customers and subscriptions say, with and without the personal data."""

from datetime import date
from typing import Any

from centra_assets.entities.customers import CUSTOMERS, NEWSLETTER_SUBSCRIPTIONS
from centra_assets_tests.entities.reading import read
from centra_assets_tests.entities.sales_records import only


def customer(customer_id: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": customer_id,
        "status": "ACTIVE",
        "email": "jon.snow@example.com",
        "firstName": "Jon",
        "lastName": "Snow",
        "birthdate": "1990-02-28",
        "createdAt": "2024-03-01T12:00:00+01:00",
        "updatedAt": "2024-03-01T12:00:00+01:00",
        "totalOrders": 3,
        "isAnonymized": False,
        "receiveNewsletters": True,
        "store": {"id": 1},
        "country": {"code": "SE"},
        "billingAddress": {"city": "Winterfell", "country": {"code": "GB"}},
    } | changes


def test_a_customer_fills_its_row_and_its_address() -> None:
    parsed = read(CUSTOMERS, customer())
    row, address = only(parsed, "customers"), only(parsed, "customer_addresses")
    assert (row["id"], row["store_id"], row["country_code"], row["total_orders"]) == (1, 1, "SE", 3)
    assert row["birthdate"] == date(1990, 2, 28)
    assert (address["customer_id"], address["kind"], address["country_code"]) == (1, "billing", "GB")


def test_one_email_may_own_two_customers() -> None:
    parsed = read(CUSTOMERS, customer(1), customer(2))
    assert parsed.quarantined.height == 0
    assert parsed.tables["customers"]["id"].to_list() == [1, 2]


def test_an_anonymised_customer_stays_countable_without_personal_data() -> None:
    erased = {"isAnonymized": True, "email": "", "firstName": None, "lastName": None, "birthdate": None}
    parsed = read(CUSTOMERS, customer(**erased, billingAddress=None))
    row = only(parsed, "customers")
    assert (row["is_anonymized"], row["total_orders"], row["first_name"]) == (True, 3, None)
    assert parsed.tables["customer_addresses"].height == 0


def test_every_column_that_can_name_a_person_is_marked() -> None:
    telling = {"email", "first_name", "last_name", "phone_number", "cell_phone_number", "birthdate", "gender"}
    for entity in (CUSTOMERS, NEWSLETTER_SUBSCRIPTIONS):
        for contract in entity.tables:
            columns = contract.columns()
            marked = {name for name, column in columns.items() if (column.metadata or {})["personal_data"]}
            assert telling & set(columns) <= marked


def test_attributes_of_a_customer_are_kept() -> None:
    attribute = {
        "type": {"name": "crm_id", "isMapped": False, "isMulti": False},
        "elements": [{"key": "id", "kind": "INPUT", "value": "42"}],
    }
    row = only(read(CUSTOMERS, customer(attributes=[attribute])), "customer_attributes")
    assert (row["object_type"], row["object_id"], row["value"]) == ("Customer", 1, "42")


def test_a_subscription_is_of_a_store_or_of_an_awaited_product() -> None:
    subscriptions = [
        {"id": 1, "email": "a@example.com", "isActive": True, "store": {"id": 1}, "productSize": None},
        {"id": 2, "email": "a@example.com", "isActive": False, "store": {"id": 1}, "productSize": {"id": 9}},
    ]
    rows = read(NEWSLETTER_SUBSCRIPTIONS, *subscriptions).tables["newsletter_subscriptions"]
    assert rows["product_size_id"].to_list() == [None, 9]
    assert rows["is_active"].to_list() == [True, False]
