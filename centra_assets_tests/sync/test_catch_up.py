"""The `catch-up` command: everything since a moment, without Dagster's daemon, with clear words where it cannot."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.commands.catch_up import CatchUpError, moment, run_catch_up
from centra_assets.errors import CentraAssetsError
from centra_assets.settings import Settings, SettingsError
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.commands.environment import installed_at

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)


def install(monkeypatch: pytest.MonkeyPatch, platform: Platform, home: Path) -> None:
    """Makes the platform what the environment names."""
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    installed_at(
        monkeypatch,
        api_url=platform.sandbox.url,
        api_token=platform.sandbox.token,
        database_url=platform.database_url,
        lake_url=str(platform.lake_folder),
        start_date=platform.settings.start_date.isoformat(),
    )


def test_it_finds_what_changed_and_records_the_partitions(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = own_platform(("orders", "returns"), days=20)
    platform.refresh()
    edited = platform.admin("orders/edit", age_days=5)
    install(monkeypatch, platform, tmp_path / "home")
    assert run_catch_up(since="2h", entities=["orders", "returns"]) == 0
    assert platform.differences() == {}
    said = capsys.readouterr().out
    assert "orders" in said and "returns" in said
    with dg.DagsterInstance.get() as instance:
        for key in (raw_key(platform.entities[0]), core_key("orders")):
            told = instance.fetch_materializations(key, limit=10).records
            assert [record.partition_key for record in told] == [edited["day"]]


def test_an_entity_that_fails_is_the_exit_code(
    own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = own_platform(("orders",), days=5)
    platform.refresh()
    platform.admin("schema", removed=["OrderFilter.updatedAt"])
    with platform.resources["centra"].client() as client:
        client.look_afresh()
    install(monkeypatch, platform, tmp_path / "home")
    assert run_catch_up(since="2h", entities=["orders"]) == 1
    assert "CENTRA_FILTER_MISSING" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["yesterday", "2 fortnights", "", "2h ago"])
def test_what_is_no_moment_is_refused(given: str) -> None:
    with pytest.raises(CatchUpError, match="--since"):
        moment(given, NOW, Settings())


def test_the_future_has_nothing_to_catch_up_with() -> None:
    with pytest.raises(CatchUpError, match="future"):
        moment((NOW + timedelta(minutes=1)).isoformat(), NOW, Settings())


@pytest.mark.parametrize("process_zone", ["UTC", "Pacific/Kiritimati"])
def test_a_moment_without_offset_is_the_merchants(monkeypatch: pytest.MonkeyPatch, process_zone: str) -> None:
    monkeypatch.setenv("TZ", process_zone)
    settings = Settings(timezone=ZoneInfo("America/New_York"))
    assert moment("2024-05-31T07:00", NOW, settings) == datetime(2024, 5, 31, 11, tzinfo=UTC)
    assert moment("2024-05-31T07:00+02:00", NOW, settings) == datetime(2024, 5, 31, 5, tzinfo=UTC)
    assert moment("90m", NOW, settings) == NOW - timedelta(minutes=90)


@pytest.mark.parametrize(
    ("left_out", "error", "said"),
    [
        ("CENTRA_DATABASE_URL", SettingsError, "CENTRA_DATABASE_URL"),
        ("CENTRA_API_TOKEN", SettingsError, "CENTRA_API_TOKEN"),
        ("DAGSTER_HOME", CatchUpError, "DAGSTER_HOME"),
    ],
)
def test_what_is_missing_is_named(
    make_platform: MakePlatform,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    left_out: str,
    error: type[CentraAssetsError],
    said: str,
) -> None:
    install(monkeypatch, make_platform(), tmp_path / "home")
    monkeypatch.delenv(left_out)
    with pytest.raises(error, match=said):
        run_catch_up(since="2h", entities=["orders"])


def test_an_unknown_entity_is_named_with_those_there_are(
    make_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, make_platform(), tmp_path / "home")
    with pytest.raises(CatchUpError, match=r"orderz.*orders"):
        run_catch_up(since="2h", entities=["orderz"])


def test_a_database_that_is_away_is_said_with_its_code(
    make_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, make_platform(), tmp_path / "home")
    monkeypatch.setenv("CENTRA_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    with pytest.raises(CentraAssetsError) as raised:
        run_catch_up(since="2h", entities=["orders"])
    assert raised.value.code == "STORAGE_WAREHOUSE_UNAVAILABLE"
    assert "secret" not in str(raised.value)
    assert os.environ["DAGSTER_HOME"]
