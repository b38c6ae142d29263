"""Forgetting that is broken off, or overtaken by what was on its way, comes to the same end."""

from datetime import timedelta

import polars as pl
import pytest

from centra_assets.entities.model import TransformContext
from centra_assets.entities.registry import entity
from centra_assets.storage.lake import Lake
from centra_assets.sync.apply import apply
from centra_assets_tests.privacy.conftest import Town
from centra_assets_tests.privacy.forgetting_there import Copied, everything, forget, forgetting, let_time_pass
from centra_assets_tests.privacy.person import TRACES
from centra_assets_tests.privacy.purchaser import BUYERS_TRACES
from centra_assets_tests.privacy.searching import in_lake, in_tables, traces


class Killed(BaseException):
    """What no handler of ours catches, as with a process that is gone."""


@pytest.mark.slow
@pytest.mark.parametrize("who", ["customer", "buyer"])
def test_a_run_that_is_killed_after_any_step_goes_on_to_the_same_end(copied: Copied, town: Town, who: str) -> None:
    customers, buyers, marks = [town.person.customer], list[int](), TRACES
    if who == "buyer":
        customers, buyers, marks = [], [town.purchaser.buyer], BUYERS_TRACES
    whole, broken = copied().platform, copied().platform
    points: list[str] = []
    straight = forgetting(whole)
    straight.interrupt = points.append
    straight.ask(customers, buyer_ids=buyers, by="user: the test")
    (done,) = straight.carry_out()

    def kill(point: str) -> None:
        killed.append(point)
        raise Killed

    killed: list[str] = []
    forgetting(broken).ask(customers, buyer_ids=buyers, by="user: the test")
    for _ in range(len(points) + 1):
        attempt = forgetting(broken)
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
    if who == "buyer":
        assert {"raw/accounts", "core/accounts", "file of raw/accounts"} <= set(points)
    assert traces(broken, marks, []) == []
    assert again.counts == done.counts
    assert again.state == done.state == "done"
    assert everything(broken).equals(everything(whole))


def test_what_was_on_its_way_meanwhile_is_found_by_a_later_look(copied: Copied, town: Town) -> None:
    platform, person = copied().platform, town.person
    forget(platform, person.customer)
    assert forgetting(platform).carry_out() == []
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
    let_time_pass(platform)
    (request,) = forgetting(platform).carry_out()
    assert traces(platform, TRACES, []) == []
    assert request.state == "verified"
    assert request.counts["late raw/orders"] == 1
    assert request.counts["late core.orders"] == 1
    assert platform.count("forgotten_record", "ops") == 0
    let_time_pass(platform)
    assert forgetting(platform).carry_out() == []
