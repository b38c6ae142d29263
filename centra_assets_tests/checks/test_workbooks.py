"""A workbook that was due and never written is named, and one left failed; nobody asks for those of before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest

from centra_assets.assets.groups import Owner
from centra_assets.assets.workbook import KEY, build_workbook_asset
from centra_assets.calendar import Calendar
from centra_assets.checks.completeness import COMPLETE
from centra_assets.checks.standing import STANDING
from centra_assets.checks.workbooks import build_workbooks_check
from centra_assets.definitions import build_definitions
from centra_assets.finance.month import Month
from centra_assets.resources.outbox import OutboxResource
from centra_assets.resources.storage import WarehouseResource
from centra_assets.settings import Settings
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.assets.platform import QUIET
from centra_assets_tests.finance.books import Books

ZONE = ZoneInfo("Europe/Stockholm")
# A month that is over, whatever today is, and in which every installation of these tests was there.
MONTH = Month.holding(datetime.now(ZONE).date()).before().before()
DUE = MONTH.due(ZONE)
LOADED = datetime(MONTH.first.year, MONTH.first.month, 20, tzinfo=UTC)


@dataclass
class Finance:
    """An installation that hands over workbooks, looked at from a moment of the test's own."""

    database_url: str
    folder: Path
    instance: dg.DagsterInstance
    start: date = MONTH.before().first

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.start, ZONE)

    def loaded(self, at: datetime = LOADED, month: Month = MONTH) -> "Finance":
        """Orders of the month came at that moment, as a load leaves it in the trail."""
        statement = (
            "INSERT INTO ops.audit (at, kind, subject, partition, actor, outcome) "
            "VALUES (%s, 'load', 'core/orders', %s, 'sensor:sweeps', 'done')"
        )
        with psycopg.connect(self.database_url) as connection:
            # The trail takes no other moment than now.
            connection.execute("ALTER TABLE ops.audit DISABLE TRIGGER audit_is_written_now")
            connection.execute(statement, [at, month.days[10]])
        return self

    def write(self, *, fails: bool = False) -> None:
        """The month's workbook, or a run that dies of having no database."""
        url = "postgresql://nobody@127.0.0.1:1/none" if fails else self.database_url
        result = dg.materialize(
            [build_workbook_asset(self.calendar)],
            partition_key=MONTH.first.isoformat(),
            instance=self.instance,
            resources={
                "warehouse": WarehouseResource(database_url=url),
                "outbox": OutboxResource(url=str(self.folder)),
            },
            run_config=QUIET,
            raise_on_error=False,
        )
        assert result.success is not fails

    def looked(self, at: datetime = DUE + timedelta(hours=4)) -> dg.AssetCheckEvaluation:
        """The check's verdict at that moment."""
        result = dg.materialize(
            [build_workbooks_check(self.calendar, clock=lambda: at)],
            selection=dg.AssetSelection.checks(dg.AssetCheckKey(KEY, COMPLETE)),
            resources={"warehouse": WarehouseResource(database_url=self.database_url)},
            instance=self.instance,
            run_config=QUIET,
        )
        (found,) = result.get_asset_check_evaluations()
        return found


@pytest.fixture
def finance(database_url: str, tmp_path: Path) -> Iterator[Finance]:
    Books(Warehouse(database_url)).prepare()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Finance(database_url, tmp_path, instance)


def named(found: dg.AssetCheckEvaluation) -> object:
    return found.metadata["failing_keys"].value


def test_a_workbook_that_was_never_written_is_missing_when_its_moment_has_passed_and_some(finance: Finance) -> None:
    finance.loaded()
    assert finance.looked(DUE + timedelta(hours=1)).passed
    found = finance.looked()
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert named(found) == [f"missing: {MONTH.name}"]
    # The next one's moment is the merchant's: until then this one is the last.
    assert named(finance.looked(Month.holding(MONTH.following).due(ZONE))) == [f"missing: {MONTH.name}"]
    finance.write()
    assert finance.looked().passed


def test_one_that_was_written_before_the_month_was_over_was_provisional(finance: Finance) -> None:
    finance.loaded()
    # As the log of an installation has it that wrote the month while it lasted: here, seen from a month not yet over.
    finance.instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=MONTH.first.isoformat()))
    assert finance.looked().passed
    following = Month.holding(datetime.now(ZONE).date())
    finance.instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=following.first.isoformat()))
    finance.loaded(datetime.now(UTC), following)
    found = finance.looked(following.due(ZONE) + timedelta(hours=4))
    assert named(found) == [f"missing: {following.name}"]


@pytest.mark.parametrize(
    ("start", "at"),
    [
        pytest.param(MONTH.first + timedelta(days=1), LOADED, id="the data begin within the month"),
        pytest.param(MONTH.following, LOADED, id="the data begin later"),
        pytest.param(MONTH.first, DUE + timedelta(hours=1), id="installed after the moment"),
        pytest.param(MONTH.first, None, id="nothing of it was ever loaded"),
    ],
)
def test_a_month_before_the_data_or_the_installation_is_not_asked_for(
    finance: Finance, start: date, at: datetime | None
) -> None:
    finance.start = start
    if at is not None:
        finance.loaded(at)
    assert finance.looked().passed
    finance.start = MONTH.first
    assert finance.loaded().looked().passed is False


def test_a_month_left_failed_is_named_until_it_is_written(finance: Finance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("centra_assets.assets.workbook.TRANSIENT_RETRIES", dg.RetryPolicy(max_retries=0))
    finance.write(fails=True)
    assert named(finance.looked()) == [f"failed: {MONTH.name}"]
    # Missing as well: it is said once.
    assert named(finance.loaded().looked()) == [f"failed: {MONTH.name}"]
    finance.write()
    assert finance.looked().passed


def test_it_is_asked_every_hour_and_finance_hears_of_it() -> None:
    key = dg.AssetCheckKey(KEY, COMPLETE)
    definitions = build_definitions(Settings())
    assert key in definitions.resolve_job_def(STANDING).asset_layer.asset_graph.asset_check_keys
    (node,) = [node for node in definitions.resolve_asset_graph().asset_nodes if node.key == KEY]
    assert node.owners == [Owner.FINANCE.value]
    fewer = build_definitions(Settings(), entities=[])
    assert key not in fewer.resolve_asset_graph().asset_check_keys
