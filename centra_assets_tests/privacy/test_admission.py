"""The gate before the lake: records of forgotten customers come in without their data, all others as they are."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from centra_assets.privacy.forgotten import FRESH_SECONDS, Admission, ForgottenList, remember
from centra_assets.privacy.links import Kind, Reference
from centra_assets.storage.lake import SCHEMA, Lake

NOW = datetime.now(UTC)


def put_on_list(url: str, *references: Reference) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        remember(cursor, references, 1)


def rows(*records: dict[str, Any] | None) -> pl.DataFrame:
    payloads = [None if record is None else json.dumps(record) for record in records]
    return pl.DataFrame(
        {
            "id": [str(place) for place in range(len(records))],
            "updated_at": NOW,
            "payload": payloads,
            "fetched_at": NOW,
            "source": "backfill",
        },
        schema=SCHEMA,
    )


def order(number: int, customer: Any) -> dict[str, Any]:
    return {"number": number, "customer": customer, "otherComment": "Anna", "lines": [{"id": number * 10}]}


@pytest.fixture
def admission(database_url: str) -> Admission:
    return Admission(ForgottenList(database_url))


def test_with_nobody_forgotten_rows_come_back_as_they_are(admission: Admission) -> None:
    told = rows(order(1, {"id": 7}))
    assert admission("orders", told) is told


def test_an_order_of_a_forgotten_customer_is_masked_and_others_are_not(admission: Admission, database_url: str) -> None:
    put_on_list(database_url, Reference(Kind.CUSTOMER, "7"))
    told = rows(order(1, {"id": 7}), order(2, {"id": 77}), order(3, None), None, order(4, {"id": "7"}))
    admitted = admission("orders", told)
    shown = [None if text is None else json.loads(text)["otherComment"] for text in admitted["payload"]]
    assert shown == [None, "Anna", "Anna", None, None]
    assert admitted.drop("payload").equals(told.drop("payload"))
    assert admitted["payload"].to_list()[1:4] == told["payload"].to_list()[1:4]


def test_an_order_of_a_forgotten_buyer_is_masked_and_of_an_account_that_buyer_alone(
    admission: Admission, database_url: str
) -> None:
    put_on_list(database_url, Reference(Kind.BUYER, "7"))
    told = rows(order(1, None) | {"buyer": {"id": 7}}, order(2, {"id": 7}), order(3, None) | {"buyer": {"id": 8}})
    shown = [json.loads(text)["otherComment"] for text in admission("orders", told)["payload"]]
    assert shown == [None, "Anna", "Anna"]
    accounts = rows(
        {"id": 5, "otherComment": "Bo", "buyers": [{"id": 7, "firstName": "Anna"}, {"id": 8, "firstName": "Bo"}]},
        {"id": 7, "otherComment": "Bo", "buyers": []},
    )
    first, second = (json.loads(text) for text in admission("accounts", accounts)["payload"])
    assert first == {
        "id": 5,
        "otherComment": "Bo",
        "buyers": [{"id": 7, "firstName": None}, {"id": 8, "firstName": "Bo"}],
    }
    assert second["otherComment"] == "Bo"
    # What the order handed on makes its return known.
    back = rows({"order": {"number": 1}, "comment": "Anna"})
    assert json.loads(admission("returns", back)["payload"][0])["comment"] is None


def test_an_order_that_comes_later_makes_its_return_known(admission: Admission, database_url: str) -> None:
    put_on_list(database_url, Reference(Kind.CUSTOMER, "7"))
    told = rows({"order": {"number": 31}, "comment": "Anna"}, {"order": {"number": 32}, "comment": "Bo"})
    assert admission("returns", told) is told
    admission("orders", rows(order(31, {"id": 7})))
    assert [json.loads(text)["comment"] for text in admission("returns", told)["payload"]] == [None, "Bo"]
    billed = {"lines": [{"orderLine": {"id": 310}}], "additionalInformation": "Anna"}
    assert json.loads(admission("invoices", rows(billed))["payload"][0])["additionalInformation"] is None


def test_a_subscription_is_masked_by_its_address_unless_it_was_made_anew(
    admission: Admission, database_url: str
) -> None:
    put_on_list(database_url, Reference(Kind.EMAIL, "anna@mail.example"))
    later = (NOW + timedelta(hours=1)).isoformat()
    admitted = admission(
        "newsletter_subscriptions",
        rows(
            {"email": " Anna@Mail.example", "createdAt": NOW.isoformat()},
            {"email": "anna@mail.example", "createdAt": later},
            {"email": "bo@mail.example", "createdAt": NOW.isoformat()},
        ),
    )
    emails = [json.loads(text)["email"] for text in admitted["payload"]]
    assert emails == [None, "anna@mail.example", "bo@mail.example"]


def test_the_list_holds_no_address(database_url: str) -> None:
    put_on_list(database_url, Reference(Kind.EMAIL, "anna@mail.example"))
    with psycopg.connect(database_url) as connection:
        (held,) = connection.execute("SELECT reference FROM ops.forgotten WHERE kind = 'email'").fetchone() or ("",)
    assert len(held) == 64
    assert "anna" not in held


def test_a_process_learns_of_the_newly_forgotten_within_a_moment(admission: Admission, database_url: str) -> None:
    told = rows(order(1, {"id": 7}))
    assert admission("orders", told) is told
    put_on_list(database_url, Reference(Kind.CUSTOMER, "7"))
    deadline = time.monotonic() + FRESH_SECONDS + 30
    while admission("orders", told) is told:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_enters_a_lake_beside_its_gate(database_url: str, admission: Admission, tmp_path: Any) -> None:
    put_on_list(database_url, Reference(Kind.CUSTOMER, "7"))
    lake = Lake(str(tmp_path / "lake"), admission)
    told = rows(order(1, {"id": 7}))
    with lake.writer("orders", "2025-01-01", kind="snapshot", run_id="run", fetched_at=NOW) as writer:
        writer.append(told)
    placed = told.with_columns(partition=pl.lit("2025-01-02"))
    lake.append_changes("orders", placed, run_id="run", fetched_at=NOW)
    held = lake.read("orders", ["2025-01-01", "2025-01-02"])["payload"]
    assert [json.loads(text)["otherComment"] for text in held] == [None, None]


def test_an_id_of_another_shape_than_expected_does_not_slip_through(admission: Admission, database_url: str) -> None:
    put_on_list(database_url, Reference(Kind.CUSTOMER, "7"))
    told = rows({"customer": {"id": 7}, "number": 1.5, "otherComment": "Anna"})
    assert json.loads(admission("orders", told)["payload"][0])["otherComment"] is None
