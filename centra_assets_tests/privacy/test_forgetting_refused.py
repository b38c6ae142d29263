"""Requests to forget that are refused before anything is searched, listed or written."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import psycopg
import pytest

from centra_assets.commands.forget import run_forget
from centra_assets.privacy.errors import ForgetRequestError, UnknownPersonError
from centra_assets.privacy.finding import Finder
from centra_assets.privacy.links import Kind, Reference
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.lake import SCHEMA, Lake
from centra_assets.sync.privacy_ops import build_forget_job
from centra_assets_tests.commands.environment import installed_at
from centra_assets_tests.privacy.conftest import Town
from centra_assets_tests.privacy.forgetting_there import Copied, forgetting
from centra_assets_tests.privacy.house import DAY, House, names, write

ASKED: dict[str, Any] = {"by": "Ebba", "dry_run": False, "same_email": False, "pending": False}
SAID = "Ebba Lindstr\u00f6m, shopper@mail.example"


@pytest.fixture
def installed(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house with one customer, for commands."""
    installed_at(monkeypatch, database_url=house.url, lake_url=str(tmp_path / "lake"))
    write(house.plain, 7, at=datetime.now(UTC) - timedelta(days=2))
    return house


def traces_of_requests(house: House) -> dict[str, int]:
    with psycopg.connect(house.url) as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM ops.{table}").fetchone()  # type: ignore[arg-type]
            for table in ("forgotten", "forget_request", "audit")
        }
    return {table: row[0] for table, row in counts.items() if row and row[0]}


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_id_of_which_nothing_is_known_is_refused(installed: House, dry_run: bool) -> None:
    with pytest.raises(UnknownPersonError, match="buyer 7 and customer 9") as refused:
        run_forget(customers=[7, 9], buyers=[7], **{**ASKED, "dry_run": dry_run})
    assert "--unknown" in str(refused.value)
    assert traces_of_requests(installed) == {}
    assert names(installed.plain) == {"7": {"Anna"}}


def test_an_unknown_id_that_is_insisted_on_is_kept_out(installed: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_forget(customers=[9], unknown=True, **{**ASKED, "dry_run": True}) == 0
    assert "Nothing is known here of customer 9" in capsys.readouterr().out
    assert traces_of_requests(installed) == {}
    assert run_forget(customers=[9], unknown=True, **ASKED) == 0
    write(installed.gated, 9, 10, at=datetime.now(UTC))
    assert names(installed.plain) == {"7": {"Anna"}, "9": {None}, "10": {"Anna"}}


def test_the_job_refuses_whom_nobody_knows_and_an_asker_who_is_a_customer(installed: House, tmp_path: Path) -> None:
    resources = {
        "lake": LakeResource(url=str(tmp_path / "lake"), database_url=installed.url),
        "warehouse": WarehouseResource(database_url=installed.url),
    }

    def failure(**config: object) -> str:
        told = {"ops": {"forget": {"config": {"requested_by": "a ticket", **config}}}}
        result = build_forget_job().execute_in_process(run_config=told, resources=resources, raise_on_error=False)
        assert not result.success
        (failed,) = (event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE)
        return str(failed.event_specific_data)

    assert "FORGET_UNKNOWN_PERSON" in failure(customers=[9])
    assert "FORGET_REQUEST_INVALID" in failure(customers=[0])
    told = failure(customers=[7], requested_by=SAID)
    assert "FORGET_REQUEST_INVALID" in told
    assert "shopper" not in told
    assert traces_of_requests(installed) == {}


@pytest.mark.parametrize("number", [0, -7, 2**63, 99999999999999999999999])
def test_what_cannot_be_an_id_is_refused_by_that_name(installed: House, number: int) -> None:
    for told in ({"customers": [7, number]}, {"buyers": [number]}):
        for dry_run in (True, False):
            with pytest.raises(ForgetRequestError, match=str(number)):
                run_forget(**told, **{**ASKED, "dry_run": dry_run, "unknown": True})
    assert traces_of_requests(installed) == {}


@pytest.mark.parametrize("by", ["", "  ", SAID, "shopper%40mail.example", "token=abcdefgh", "Bearer abcdefgh"])
def test_who_asks_is_looked_at_before_the_search_and_may_tell_no_address(
    installed: House, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def searched(*_: object) -> None:
        raise AssertionError("searched")

    for name in ("find", "unknown"):
        monkeypatch.setattr(Finder, name, searched)
    for ask in (
        lambda: run_forget(customers=[7], **{**ASKED, "by": by}),
        lambda: installed.forgetting().ask([7], by=by),
    ):
        with pytest.raises(ForgetRequestError) as refused:
            ask()
        assert "mail.example" not in str(refused.value)
        assert "abcdefgh" not in str(refused.value)
    assert traces_of_requests(installed) == {}


def test_somebody_is_known_by_an_order_a_quarantined_record_or_one_that_is_gone(house: House) -> None:
    def put(lake: Lake, entity: str, record: str, payload: dict[str, Any] | None) -> None:
        cells = [(record, None, None if payload is None else json.dumps(payload), datetime.now(UTC), "test")]
        with lake.writer(entity, DAY, kind="changes", run_id="a-run", fetched_at=datetime.now(UTC)) as writer:
            writer.append(pl.DataFrame(cells, schema=SCHEMA, orient="row"))

    put(house.plain, "orders", "1", {"number": 1, "customer": {"id": 11}})
    put(house.plain, "orders", "2", {"number": 2, "buyer": {"id": 12}})
    put(house.plain, "customers", "13", None)
    with psycopg.connect(house.url) as connection:
        connection.execute(
            "INSERT INTO ops.quarantine (entity, record_id, partition, fetched_at, reasons, first_seen, last_seen,"
            " run_id) VALUES ('customers', '14', '', now(), '[]', now(), now(), 'a-run')"
        )
    unknown = house.forgetting().unknown([1, 11, 12, 13, 14], buyer_ids=[11, 12, 13, 14])
    assert unknown == [
        *(Reference(Kind.BUYER, number) for number in ("11", "13", "14")),
        *(Reference(Kind.CUSTOMER, number) for number in ("1", "12")),
    ]


def test_somebody_is_known_by_any_table(copied: Copied, town: Town) -> None:
    platform, person, buyer = copied().platform, town.person.customer, town.purchaser.buyer
    for path in platform.lake_folder.rglob("*.parquet"):
        path.unlink()
    assert forgetting(platform).unknown([person], buyer_ids=[buyer]) == []
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("DELETE FROM core.customers")
        connection.execute("DELETE FROM core.buyers")
    # Their orders.
    assert forgetting(platform).unknown([person], buyer_ids=[buyer]) == []
    number = max(platform.warehouse.query("select max(customer_id) as id from core.orders")["id"][0], person) + 2
    assert forgetting(platform).unknown([number]) == [Reference(Kind.CUSTOMER, str(number))]
