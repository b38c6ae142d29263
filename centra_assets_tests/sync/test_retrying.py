"""Another try for quarantined records: each for itself, where it lives; and none is believed to be gone lightly."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import pytest

from centra_assets.assets.metadata import core_key
from centra_assets.entities.model import Axis
from centra_assets.sensors.dynamic_partitions import register
from centra_assets.sync import retrying
from centra_assets.sync.alive import SIGNS_TAG
from centra_assets.sync.apply import apply
from centra_assets.sync.quarantine_ops import RETRY_OP, RETRY_QUARANTINED
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import QUIET, Platform

_ASIDE = """
INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, run_id)
SELECT %s, id, home, '[{"table": "x", "rule": "y", "rows": 1}]', to_timestamp(0), now(), now(), 'test'
FROM unnest(%s::text[], %s::text[]) AS t (id, home)
"""


def set_aside(platform: Platform, name: str, places: Sequence[tuple[str, str]]) -> None:
    """Puts sound records into quarantine, as a contract would have that was too strict."""
    values = [name, [record for record, _ in places], [home for _, home in places]]
    platform.warehouse.transact(lambda cursor: cursor.execute(_ASIDE.encode(), values))


def places(platform: Platform, table: str, limit: int = 6) -> list[tuple[str, str]]:
    """Some records of a core table."""
    found = platform.warehouse.query(
        f"select distinct _record_id, _partition from core.{table} order by 1, 2 limit {limit}"
    )
    return list(found.iter_rows())


def aside(platform: Platform) -> list[tuple[str, str]]:
    return list(platform.warehouse.query("select record_id, partition from ops.quarantine order by 1, 2").iter_rows())


def retry(platform: Platform, **config: Any) -> dg.ExecuteInProcessResult:
    return platform.definitions.resolve_job_def(RETRY_QUARANTINED).execute_in_process(
        instance=platform.instance,
        run_config={**QUIET, **({"ops": {RETRY_OP: {"config": config}}} if config else {})},
        raise_on_error=False,
    )


def outcomes(platform: Platform) -> list[tuple[str, int, int]]:
    """What the trail says of the tries, oldest first: outcome, records that left and stayed."""
    found = platform.warehouse.query(
        "select outcome, (counts ->> 'left')::int as away, (counts ->> 'stayed')::int as stayed from ops.audit "
        "where kind = 'quarantine_retry' order by id"
    )
    return list(found.iter_rows())


def requests_spent(platform: Platform, name: str) -> int:
    """What was asked of Centra for an entity, as ops.api_spending has it."""
    found = platform.warehouse.query("select requests from ops.api_spending where entity = %s", [name])
    return int(found["requests"].sum())


def standing(platform: Platform, table: str) -> tuple[bool, object]:
    """What the UI shows of the check of quarantine: whether it passed, and how many records it counted."""
    key = dg.AssetCheckKey(core_key(table), "no_records_quarantined")
    found = platform.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key].evaluation
    assert found is not None
    return found.passed, found.metadata["records_quarantined"].value


def failure(result: dg.ExecuteInProcessResult) -> str:
    data = result.failure_data_for_node(RETRY_OP)
    assert data is not None and data.user_failure_data is not None
    return str(data.user_failure_data.description)


def test_of_records_that_fail_together_all_but_the_culprit_leave(
    make_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform(("orders", "returns"), days=60)
    platform.refresh()
    chosen = places(platform, "orders")
    assert len(chosen) == 6
    set_aside(platform, "orders", chosen)
    before = platform.count("orders")
    culprit = chosen[3]

    def choking(entity: Any, rows: Any, **options: Any) -> Any:
        if culprit[0] in rows["id"].to_list():
            raise KeyError("somebody's name")
        return apply(entity, rows, **options)

    monkeypatch.setattr(retrying, "apply", choking)
    spent = requests_spent(platform, "orders")
    result = retry(platform)
    assert not result.success
    assert "INTERNAL_ERROR" in failure(result) and "somebody" not in failure(result)
    assert aside(platform) == [culprit]
    # Also of a run that fails: what is left is told as it is.
    assert standing(platform, "orders") == (False, 1)
    assert ("failed", 0, 1) in outcomes(platform)
    run = platform.instance.get_run_by_id(result.run_id)
    # A dead one is ended; while it lived it said so.
    assert run is not None and run.tags[SIGNS_TAG] == "true"
    assert requests_spent(platform, "orders") > spent
    assert sum(left for _, left, _ in outcomes(platform)) == 5
    monkeypatch.undo()
    # What was not asked for is left alone.
    assert retry(platform, entities=["returns"]).success
    assert standing(platform, "returns") == (True, 0)
    assert retry(platform, ids=["0"]).get_asset_check_evaluations() == []
    assert aside(platform) == [culprit]
    # What the lake has is enough for the other way.
    with platform.asked() as asked:
        assert retry(platform, refetch=False).success
    assert asked["requests"] == 0
    assert aside(platform) == []
    assert platform.count("orders") == before


def test_five_records_that_are_gone_all_at_once_are_not_believed_to_be(own_platform: MakePlatform) -> None:
    platform = own_platform(days=60)
    platform.refresh()
    chosen = places(platform, "orders")
    set_aside(platform, "orders", chosen[:5])
    with platform.sandbox.world.lock:
        for number, _ in chosen[:5]:
            platform.sandbox.world.tables["Order"].remove(int(number))
        platform.sandbox.instance.indexes.forget()
    result = retry(platform)
    assert not result.success
    assert "RECORDS_GONE" in failure(result)
    assert aside(platform) == chosen[:5]
    # One by one they are.
    for number, _ in chosen[:5]:
        assert retry(platform, ids=[number]).success
    assert aside(platform) == []
    left = platform.warehouse.query("select number::text as id from core.orders")["id"].to_list()
    assert not {number for number, _ in chosen[:5]} & set(left)


def test_records_without_an_id_to_ask_for_and_ids_of_several_warehouses_leave_where_they_are(
    make_platform: MakePlatform,
) -> None:
    platform = make_platform(("attribute_types", "warehouses", "stock"))
    for each in platform.entities:
        if each.axis is Axis.WAREHOUSE:
            register(platform.instance, platform.warehouse, each.axis)
        if each.axis in (Axis.NONE, Axis.WAREHOUSE):
            platform.refresh(each.axis)
    (whole,) = [each for each in platform.entities if each.id_filter is None]
    shared = platform.warehouse.query(
        "select _record_id, array_agg(_partition order by _partition) as homes from core.stock_levels "
        "group by 1 having count(distinct _partition) > 1 order by 1 limit 1"
    )
    ((record, homes),) = shared.rows()
    for refetch in (True, False):
        set_aside(platform, whole.name, places(platform, whole.tables[0].table, 1))
        set_aside(platform, "stock", [(record, home) for home in homes])
        assert retry(platform, refetch=refetch).success
        assert aside(platform) == []
    held = platform.warehouse.query("select _partition from core.stock_levels where _record_id = %s", [record])
    assert sorted(held["_partition"]) == sorted(homes)
