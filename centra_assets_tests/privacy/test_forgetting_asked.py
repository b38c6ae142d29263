"""Who asks that a customer be forgotten, by command, by Centra's own mark; and what the trail says of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import psycopg
import pytest

from centra_assets.commands.forget import run_forget
from centra_assets.privacy.errors import ForgetRequestError
from centra_assets.sensors.forgetting import build_forgetting_sensor
from centra_assets.sync.privacy_ops import build_forget_job
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.commands.environment import installed_at
from centra_assets_tests.privacy.conftest import Town
from centra_assets_tests.privacy.forgetting_there import Copied, everything, forget, let_time_pass, run
from centra_assets_tests.privacy.person import TRACES
from centra_assets_tests.privacy.searching import traces


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
        let_time_pass(platform)
        again = _sensor()(context)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != asked.run_key


def test_the_command_says_what_it_would_do_and_does_it_when_told(
    copied: Copied, town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, customer = copied().platform, town.person.customer
    installed_at(monkeypatch, database_url=platform.database_url, lake_url=str(platform.lake_folder))
    told: dict[str, Any] = {"customers": [customer], "same_email": False, "pending": False}
    before = everything(platform)
    assert run_forget(by="", dry_run=True, **told) == 0
    assert everything(platform).equals(before)
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


def _sensor() -> dg.SensorDefinition:
    return build_forgetting_sensor(build_forget_job())


@contextmanager
def sensor_context(platform: Platform) -> Iterator[dg.SensorEvaluationContext]:
    resources = {name: platform.resources[name] for name in ("lake", "warehouse")}
    with dg.build_sensor_context(instance=platform.instance, resources=resources) as context:
        yield context
