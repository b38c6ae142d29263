"""What Centra had is here in time, by the sweeps' own account; failures do not count as sweeps, quiet ones do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.checks.freshness import build_freshness_checks, with_freshness_policies
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.rhythm import longest_pause
from centra_assets.storage import sync_state
from centra_assets.sync_config import EntitySync, SyncConfig
from centra_assets.sync_file import SyncConfigError, read_sync_config
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.checks.standing import config_of, evaluated

ORDERS = "raw/orders is_fresh"
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    """A platform of which nothing was loaded."""
    return make_platform()


def note(platform: Platform, *, error: str | None = None) -> None:
    """A sweep of the orders is over just now."""
    detail = {"error": error} if error else {}

    def over(cursor: psycopg.Cursor[tuple[object, ...]]) -> None:
        sync_state.checked(cursor, "orders", "updated", run_id="run", detail=detail)

    platform.warehouse.transact(over)


def looked(platform: Platform, after: timedelta = timedelta(0)) -> dg.AssetCheckEvaluation:
    """The check that long after now."""
    now = datetime.now(UTC) + after
    checks = build_freshness_checks(platform.entities, config_of(platform), clock=lambda: now)
    return evaluated(platform, checks)[ORDERS]


def test_a_sweep_that_came_to_its_end_makes_fresh_and_its_age_makes_late_then_stale(platform: Platform) -> None:
    note(platform)
    assert looked(platform).passed
    late, stale = looked(platform, timedelta(minutes=40)), looked(platform, timedelta(hours=2))
    assert (late.passed, late.severity) == (False, WARN)
    assert (stale.passed, stale.severity) == (False, ERROR)
    assert stale.metadata["age_minutes"].value == 120


def test_a_sweep_that_failed_for_good_is_over_and_makes_nothing_fresh(platform: Platform) -> None:
    note(platform, error="CENTRA_PERMISSION")
    assert not looked(platform).passed
    note(platform)
    assert looked(platform).passed
    fresh_at = sync_state.SyncState(platform.database_url).mark("orders", "updated").fresh_at
    note(platform, error="CENTRA_PERMISSION")
    mark = sync_state.SyncState(platform.database_url).mark("orders", "updated")
    assert mark.fresh_at == fresh_at
    assert mark.checked_at is not None and fresh_at is not None and mark.checked_at > fresh_at
    assert not looked(platform, timedelta(hours=2)).passed


def test_what_was_never_swept_is_as_fresh_as_its_newest_reading(platform: Platform) -> None:
    never = looked(platform)
    assert (never.passed, never.severity) == (False, WARN)
    began = datetime.now(UTC)
    with platform.lake.writer("orders", "2026-01-01", kind="snapshot", run_id="run", fetched_at=began):
        pass
    assert looked(platform).passed
    assert not looked(platform, timedelta(hours=2)).passed


class TestLimits:
    @pytest.mark.parametrize("name", [each.name for each in ENTITIES])
    def test_every_entity_has_some_and_one_late_sweep_is_no_alarm(self, name: str) -> None:
        settings = read_sync_config().of(name)
        assert settings.limits is not None
        pause = settings.sweep.every or longest_pause(str(settings.sweep.cron))
        assert pause + timedelta(minutes=10) < settings.limits.warn < settings.limits.fail

    def test_what_the_file_says_takes_the_place_of_what_follows(self) -> None:
        def limits(**freshness: str) -> tuple[timedelta, timedelta]:
            said = EntitySync.model_validate({"sweep": {"every": "5m"}, "freshness": freshness}).limits
            assert said is not None
            return said.warn, said.fail

        usual = limits()
        assert limits(warn="7m") == (timedelta(minutes=7), usual[1])
        assert limits(fail="3h") == (usual[0], timedelta(hours=3))
        # What was said wins over what follows, also where that would be the wrong way round.
        assert limits(warn="6h") == (timedelta(hours=6), timedelta(hours=12))
        assert limits(fail="10m") == (timedelta(minutes=5), timedelta(minutes=10))

    def test_a_file_of_ones_own_says_them_and_is_told_what_cannot_be(self, tmp_path: Path) -> None:
        ours = tmp_path / "ours.yaml"
        ours.write_text("entities: {orders: {freshness: {warn: 30m}}}\nchecks: {nightly: null}", encoding="utf-8")
        config = read_sync_config(ours)
        limits = config.of("orders").limits
        assert limits is not None
        assert (limits.warn, limits.fail) == (timedelta(minutes=30), timedelta(hours=1))
        assert (config.checks.nightly, config.checks.standing) == (None, read_sync_config().checks.standing)
        ours.write_text("entities: {orders: {freshness: {warn: 2h, fail: 1h}}}", encoding="utf-8")
        with pytest.raises(SyncConfigError, match=r"entities\.orders\.freshness: warn is 2h; it must be shorter"):
            read_sync_config(ours)

    def test_who_does_not_want_to_know_or_does_not_sweep_has_none(self) -> None:
        assert EntitySync.model_validate({"sweep": {"every": "5m"}, "freshness": None}).limits is None
        assert EntitySync().limits is None
        settings = {"orders": EntitySync()}
        assert build_freshness_checks([entity("orders")], SyncConfig(entities=settings)) == []


@pytest.mark.parametrize(
    ("cron", "pause"),
    [
        ("*/10 * * * *", timedelta(minutes=10)),
        ("15 3 * * *", timedelta(days=1)),
        ("0 6-20 * * 1-5", timedelta(days=2, hours=10)),
        ("15 4 * * 0", timedelta(days=7)),
        ("0 0 1 * *", timedelta(days=31)),
        ("0 0 1 * 1", timedelta(days=7)),
        ("0 12 29 2 *", timedelta(days=4 * 366)),
        ("0,40 * * * *", timedelta(minutes=40)),
    ],
)
def test_the_longest_pause_of_a_cron(cron: str, pause: timedelta) -> None:
    assert longest_pause(cron) == pause


def test_dagsters_policy_stands_only_where_partitions_are_read_again_whole() -> None:
    config = read_sync_config()
    watched = {name for name, settings in config.entities.items() if settings.full_refresh}
    assert watched
    specs = [dg.AssetSpec(raw_key(each)) for each in ENTITIES] + [dg.AssetSpec(core_key("orders"))]
    with_policy = {spec.key: spec.freshness_policy for spec in with_freshness_policies(specs, ENTITIES, config)}
    assert {key.path[1] for key, policy in with_policy.items() if policy and key.path[0] == "raw"} == watched
    policy = with_policy[core_key("orders")]
    refresh = config.of("orders").full_refresh
    assert policy is not None and refresh is not None
    # One missed refresh is not enough to fail, and the warning comes soon after it.
    pause = longest_pause(refresh.cron)
    assert policy.warn_window.to_timedelta() < 1.5 * pause  # type: ignore[attr-defined]
    assert policy.fail_window.to_timedelta() >= 2 * pause  # type: ignore[attr-defined]
