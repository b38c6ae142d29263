"""A forgotten customer is nowhere: in no table, no file, no event, after no interruption and no refetch."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import psycopg
import pytest

from centra_assets.commands.forget import run_forget
from centra_assets.entities.hints import DIRECT
from centra_assets.entities.model import TransformContext
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.marts.registry import MARTS
from centra_assets.privacy.errors import ForgetRequestError, ForgettingBusyError, RewriteRefusedError
from centra_assets.privacy.forgetting import Forgetting
from centra_assets.privacy.paths import personal_columns
from centra_assets.privacy.requests import LAST_LOOK_AFTER
from centra_assets.sensors.forgetting import build_forgetting_sensor
from centra_assets.storage.inbox import Delivery, Hint, Inbox
from centra_assets.storage.lake import Lake
from centra_assets.storage.lake_file import Spill
from centra_assets.storage.locks import LAKE_UPKEEP, alone
from centra_assets.sync.apply import apply
from centra_assets.sync.privacy_ops import build_forget_job
from centra_assets_tests.assets.platform import QUIET, Platform
from centra_assets_tests.commands.environment import installed_at
from centra_assets_tests.privacy.conftest import Town, gated, marts, materialized, parsed_again
from centra_assets_tests.privacy.person import EMAIL, TRACES, Person
from centra_assets_tests.privacy.searching import in_events, in_lake, in_tables, traces

SALES = "select * from marts.daily_sales order by 1, 2, 3, 4"


Copied = Callable[[], Town]


def forget(platform: Platform, *customers: int) -> None:
    run(platform, {"ops": {"forget": {"config": {"customers": list(customers), "requested_by": "user: the test"}}}})


def run(platform: Platform, config: Mapping[str, Any]) -> None:
    resources = {name: platform.resources[name] for name in ("lake", "warehouse")}
    result = build_forget_job().execute_in_process(
        instance=platform.instance, run_config={**QUIET, **config}, resources=resources
    )
    assert result.success


@pytest.mark.slow
def test_a_forgotten_customer_is_nowhere_and_does_not_come_back(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    instances = [town.platform.instance, platform.instance]
    hint_of(platform, person.customer, "Zaphrodite Quuxberg")
    held = list(in_tables(platform.database_url, TRACES))
    for place in (
        "ops.inbox",
        "core.orders",
        "core.order_addresses",
        "history.order_addresses",
        "core.customers",
        "core.shipments",
    ):
        assert any(found.startswith(f"{place}:") for found in held), held
    assert {found.split("/")[0] for found in in_lake(platform, TRACES)} == {
        f"lake {name}"
        for name in ("orders", "customers", "newsletter_subscriptions", "shipments", "returns", "invoices")
    }
    assert not list(in_events(instances, TRACES))
    sales = platform.warehouse.query(SALES)
    counted = {table: platform.count(table) for table in ("customers", "orders", "order_lines", "order_addresses")}
    aside = platform.warehouse.query("select record_id from ops.quarantine")
    assert str(person.broken_order) in aside["record_id"].to_list()

    forget(platform, person.customer)
    assert traces(platform, TRACES, instances) == []
    hints = platform.warehouse.query("select reference, state, element::text as element from ops.inbox")
    assert hints.rows() == [(str(person.customer), "waiting", "{}")]
    assert {table: platform.count(table) for table in counted} == counted
    assert platform.warehouse.query(SALES).equals(sales)

    # Parsed again from raw as it lies there, core is as it was left.
    assert parsed_again(platform) == {}
    # Centra still knows everything, and what it says again is let in without the person.
    world = platform.sandbox.world
    assert world.tables["Customer"].one(person.customer).firstName == "Zaphrodite"
    with platform.asked() as asked:
        assert materialized(platform) == {}
    assert asked["requests"] > 0
    assert traces(platform, TRACES, instances) == []
    marts(platform)
    assert platform.warehouse.query(SALES).equals(sales)


def hint_of(platform: Platform, customer: int, name: str) -> None:
    """A delivery that says more than it should."""
    told = Hint(
        entity="customers",
        via=DIRECT,
        object_type="customer",
        action="UPDATED",
        reference=str(customer),
        element=json.dumps({"id": customer, "name": name}),
    )
    Inbox(platform.database_url).store([Delivery("webhook", "shop", "one", [told])])


class Killed(BaseException):
    """What no handler of ours catches, as with a process that is gone."""


@pytest.mark.slow
def test_a_run_that_is_killed_after_any_step_goes_on_to_the_same_end(copied: Copied, town: Town) -> None:
    whole, broken = copied().platform, copied().platform
    points: list[str] = []
    straight = _forgetting(whole)
    straight.interrupt = points.append
    straight.ask([town.person.customer], by="user: the test")
    (done,) = straight.carry_out()

    def kill(point: str) -> None:
        killed.append(point)
        raise Killed

    killed: list[str] = []
    _forgetting(broken).ask([town.person.customer], by="user: the test")
    for _ in range(len(points) + 1):
        attempt = _forgetting(broken)
        attempt.interrupt = kill
        try:
            (again,) = attempt.carry_out()
            break
        except Killed:
            continue
    else:
        pytest.fail("it never came to its end")
    assert killed == points
    assert {"find", "raw/orders", "core/orders", "inbox", "file of raw/orders"} <= set(points)
    assert traces(broken, TRACES, []) == []
    assert again.counts == done.counts
    assert again.state == done.state == "done"
    assert _everything(broken).equals(_everything(whole))


def test_a_forgotten_customer_who_changes_in_centra_stays_forgotten(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    forget(platform, person.customer)
    # A hint brings the record by itself, unmasked, as every sweep does.
    orders = entity("orders")
    told = town.platform.lake.read("orders", town.platform.lake.partitions("orders"))
    news = told.filter(pl.col("id") == str(person.sound_order)).with_columns(
        pl.col("fetched_at") + timedelta(minutes=1), payload=pl.col("payload").str.replace("Ring Zaff", "Ring Zaffe")
    )
    assert "Zaffe" in news["payload"][0]
    applied = apply(
        orders,
        news,
        lake=gated(platform),
        warehouse=platform.warehouse,
        context=TransformContext(platform.calendar.zone),
        run_id="a-sweep",
        source="sweep",
    )
    assert applied.unchanged == 1
    assert not applied.raw
    assert traces(platform, TRACES, []) == []


def test_what_was_on_its_way_meanwhile_is_found_by_a_later_look(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    forget(platform, person.customer)
    assert _forgetting(platform).carry_out() == []
    told = town.platform.lake.read("orders", town.platform.lake.partitions("orders"))
    late = told.filter(pl.col("id") == str(person.sound_order)).with_columns(
        pl.col("fetched_at") + timedelta(minutes=1)
    )
    # A process that had asked before the customer was on the list.
    apply(
        entity("orders"),
        late,
        lake=Lake(str(platform.lake_folder)),
        warehouse=platform.warehouse,
        context=TransformContext(platform.calendar.zone),
        run_id="a-late-run",
        source="sweep",
    )
    assert {place.split(":")[0] for place in in_tables(platform.database_url, TRACES)} >= {"core.orders"}
    assert list(in_lake(platform, TRACES))
    _let_time_pass(platform)
    (request,) = _forgetting(platform).carry_out()
    assert traces(platform, TRACES, []) == []
    assert request.state == "verified"
    assert request.counts["late raw/orders"] == 1
    assert request.counts["late core.orders"] == 1
    assert platform.count("forgotten_record", "ops") == 0
    _let_time_pass(platform)
    assert _forgetting(platform).carry_out() == []


def test_a_subscription_that_another_customer_may_have_made_is_kept_until_that_one_goes(
    copied: Copied, town: Town
) -> None:
    platform, person = copied().platform, town.person
    twin = person.neighbour
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("UPDATE core.customers SET email = %s WHERE id = %s", [EMAIL.lower(), twin])
    plan = _forgetting(platform).plan([person.customer])
    assert plan.others == [twin]
    assert plan.records["newsletter_subscriptions"] == 0
    forget(platform, person.customer)
    subscription = "select email from core.newsletter_subscriptions where id = %s"
    assert platform.warehouse.query(subscription, [person.subscription])["email"].to_list() == [EMAIL]
    assert "lake newsletter_subscriptions" in {found.split("/")[0] for found in in_lake(platform, TRACES)}
    forget(platform, twin)
    assert platform.warehouse.query(subscription, [person.subscription])["email"].to_list() == [None]
    assert traces(platform, TRACES, []) == []


def test_a_customer_whom_centra_has_anonymised_is_forgotten_without_being_asked_for(copied: Copied, town: Town) -> None:
    platform = copied().platform
    # The newest version is empty; raw and history still hold the old ones.
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("UPDATE core.customers SET is_anonymized = true WHERE id = %s", [town.person.customer])
    with sensor_context(platform) as context:
        asked = _sensor()(context)
        assert isinstance(asked, dg.RunRequest)
        run(platform, asked.run_config)
        assert traces(platform, TRACES, [platform.instance]) == []
        assert isinstance(_sensor()(context), dg.SkipReason)
        _let_time_pass(platform)
        again = _sensor()(context)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != asked.run_key


def test_the_trail_says_who_asked_and_what_each_place_held_and_names_nobody(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    forget(platform, person.customer)
    trail = platform.warehouse.query(
        "select subject, actor, outcome, counts::text as counts from ops.audit where kind = 'forget' order by id"
    )
    assert trail["subject"].unique().to_list() == [f"customer {person.customer}"]
    assert trail["outcome"].to_list() == ["begun", "done"]
    assert set(trail["actor"]) == {"user: the test"}
    counts = json.loads(trail["counts"][1])
    assert counts["orders records"] == len(person.orders)
    assert counts["invoices records"] >= 1
    assert counts["core.orders"] == len(person.orders) - 1  # one of them is in quarantine
    assert counts["history.order_addresses"] == 2 * (len(person.orders) - 1)
    assert counts["raw/orders files"] >= 2
    assert counts["raw/orders versions"] >= 2 * len(person.orders)


def test_a_column_that_left_the_contract_is_emptied_too(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    with psycopg.connect(platform.database_url) as connection:
        for schema in ("core", "history"):
            connection.execute(f"ALTER TABLE {schema}.customers ADD COLUMN nickname text")
            connection.execute(
                f"UPDATE {schema}.customers SET nickname = 'zaphrodite' WHERE id = %s", [person.customer]
            )
            connection.execute(
                f"UPDATE {schema}.customers SET nickname = 'somebody else' WHERE id <> %s", [person.customer]
            )
    forget(platform, person.customer)
    assert traces(platform, TRACES, []) == []
    assert set(platform.warehouse.query("select nickname from core.customers")["nickname"]) == {None, "somebody else"}


def test_nobody_else_loses_anything(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    others = {
        "core.customers": f"id <> {person.customer}",
        "core.order_addresses": f"not order_number = any(array{list(person.orders)})",
        "core.newsletter_subscriptions": f"id <> {person.subscription}",
        "core.shipments": f"not order_number = any(array{list(person.orders)})",
        "history.customers": f"id <> {person.customer}",
    }
    before = {
        table: platform.warehouse.query(f"select * from {table} where {whose}") for table, whose in others.items()
    }
    assert all(rows.height for table, rows in before.items() if table.startswith("core."))
    lake = {path: pl.read_parquet(path) for path in platform.lake_folder.rglob("*.parquet")}
    forget(platform, person.customer)
    for table, whose in others.items():
        after = platform.warehouse.query(f"select * from {table} where {whose}")
        assert after.sort(after.columns).equals(before[table].sort(after.columns)), table
    own, changed = _own(platform, person), 0
    for path, rows in lake.items():
        now = pl.read_parquet(path)
        assert now.drop("payload").equals(rows.drop("payload"))
        theirs = set(now.filter(now["payload"].ne_missing(rows["payload"]))["id"])
        changed += len(theirs)
        assert theirs <= own[path.parent.parent.name]
    assert changed


def test_two_cannot_rewrite_the_lake_at_once_and_the_request_is_kept(copied: Copied, town: Town) -> None:
    platform = copied().platform
    number = _forgetting(platform).ask([town.person.customer], by="user: the test")
    with alone(platform.database_url, LAKE_UPKEEP) as is_alone:
        assert is_alone
        with pytest.raises(ForgettingBusyError):
            _forgetting(platform).carry_out()
    (request,) = _forgetting(platform).carry_out()
    assert request.id == number
    assert request.state == "done"


def test_a_file_that_was_not_written_as_it_should_be_keeps_its_old_content(
    copied: Copied, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = copied().platform
    before = _everything(platform)

    def losing(spill: Spill, path: Path) -> None:
        pl.concat(spill._frames).head(0).write_parquet(path)

    monkeypatch.setattr(Spill, "write", losing)
    forgetting = _forgetting(platform)
    forgetting.ask([town.person.customer], by="user: the test")
    with pytest.raises(RewriteRefusedError):
        forgetting.carry_out()
    assert _everything(platform).equals(before)
    assert not list(platform.lake_folder.rglob("*.aside"))
    failed = platform.warehouse.query("select error, state from ops.forget_request")
    assert failed.rows() == [("LAKE_REWRITE_REFUSED", "open")]
    monkeypatch.undo()
    _forgetting(platform).carry_out()
    assert traces(platform, TRACES, []) == []


def test_the_command_says_what_it_would_do_and_does_it_when_told(
    copied: Copied, town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, customer = copied().platform, town.person.customer
    installed_at(monkeypatch, database_url=platform.database_url, lake_url=str(platform.lake_folder))
    told: dict[str, Any] = {"customers": [customer], "same_email": False, "pending": False}
    before = _everything(platform)
    assert run_forget(by="", dry_run=True, **told) == 0
    assert _everything(platform).equals(before)
    assert platform.count("forgotten", "ops") == platform.count("forget_request", "ops") == 0
    with pytest.raises(ForgetRequestError):
        run_forget(by=" ", dry_run=False, **told)
    with pytest.raises(ForgetRequestError):
        run_forget(customers=[], by="Ebba", dry_run=False, same_email=False, pending=False)
    assert platform.count("forgotten", "ops") == 0
    assert run_forget(by="Ebba at the desk", dry_run=False, **told) == 0
    assert traces(platform, TRACES, []) == []
    assert run_forget(customers=[], by="", dry_run=False, same_email=False, pending=True) == 0
    printed = capsys.readouterr().out.lower()
    assert f"customer {customer}" in printed
    assert "raw/orders files" in printed
    assert "nothing is due" in printed
    assert not any(trace in printed for trace in TRACES)
    actor = platform.warehouse.query("select distinct actor from ops.audit where kind = 'forget'")["actor"].to_list()
    assert [found.endswith("for Ebba at the desk") for found in actor] == [True]


def test_no_mart_has_personal_data_and_every_personal_column_may_be_null() -> None:
    assert not [mart.name for mart in MARTS if personal_columns(mart.contract)]
    for found in ENTITIES:
        for contract in found.tables:
            for column in personal_columns(contract):
                assert contract.columns()[column].nullable
                assert column not in contract.primary_key()


def _sensor() -> dg.SensorDefinition:
    return build_forgetting_sensor(build_forget_job())


@contextmanager
def sensor_context(platform: Platform) -> Iterator[dg.SensorEvaluationContext]:
    resources = {name: platform.resources[name] for name in ("lake", "warehouse")}
    with dg.build_sensor_context(instance=platform.instance, resources=resources) as context:
        yield context


def _own(platform: Platform, person: Person) -> dict[str, set[str]]:
    """The ids of what belongs to the person, by entity, as the sandbox has it."""
    world = platform.sandbox.world
    return {
        "customers": {str(person.customer)},
        "orders": {str(number) for number in person.orders},
        "newsletter_subscriptions": {str(person.subscription)},
        "shipments": {str(found.id) for found in world.shipments if found.order.number in person.orders},
        "returns": {str(found.id) for found in world.returns if found.order.number in person.orders},
        "invoices": {str(found.id) for found in world.invoices if found.orders[0].number in person.orders},
    }


def _let_time_pass(platform: Platform) -> None:
    with psycopg.connect(platform.database_url) as connection:
        connection.execute(
            "UPDATE ops.forget_request SET look_again_at = clock_timestamp(), finished_at = finished_at - %s",
            [LAST_LOOK_AFTER],
        )


def _forgetting(platform: Platform) -> Forgetting:
    return Forgetting(gated(platform), platform.warehouse, platform.database_url)


def _everything(platform: Platform) -> pl.DataFrame:
    files = sorted(platform.lake_folder.rglob("*.parquet"))
    assert files
    frames = [
        pl.read_parquet(path).with_columns(file=pl.lit(str(path.relative_to(platform.lake_folder)))) for path in files
    ]
    return pl.concat(frames)
