"""What runs leave behind: who asked and what changed in the trail, and what they spent, per entity."""

import pytest

from centra_assets.entities.model import Axis
from centra_assets.storage.audit import AuditFilter, AuditRecord, find
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform, changed_rows

NIGHTLY = {"dagster/schedule_name": "refresh_days_nightly"}


@pytest.fixture
def platform(make_platform: MakePlatform) -> Platform:
    return make_platform(days=10)


def trail(platform: Platform, run_id: str) -> list[AuditRecord]:
    return find(platform.database_url, AuditFilter(run=run_id), 10_000)


def test_a_run_leaves_who_asked_what_changed_and_what_it_cost(platform: Platform) -> None:
    with platform.asked() as asked:
        first = platform.refresh(Axis.DAY, tags=NIGHTLY)
    entries = trail(platform, first.run_id)
    assert {entry.actor for entry in entries} == {"schedule:refresh_days_nightly"}
    assert {entry.outcome for entry in entries} == {"done"}
    told: dict[str, int] = {}
    for entry in entries:
        table = entry.subject.removeprefix("core/")
        told[table] = told.get(table, 0) + sum(entry.counts.values())
    assert told == changed_rows(first)
    assert len({(entry.subject, entry.partition) for entry in entries}) == len(entries)
    assert all(entry.after for entry in entries)

    spent = platform.warehouse.query("SELECT sum(requests) AS n, sum(complexity) AS points FROM ops.api_spending")
    # What is asked before an entity is known, such as the schema, is nobody's.
    assert 0 < spent["n"][0] <= asked["requests"]
    assert 0 < spent["points"][0] <= asked["complexity"]

    again = platform.refresh(Axis.DAY)
    assert trail(platform, again.run_id) == []
