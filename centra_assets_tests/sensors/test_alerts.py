"""The sensor `alerts`: what fails is told once, what is over is told once, and old news is not told at all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from centra_assets.alerts.model import Kind
from centra_assets.alerts.settings import AlertSettings
from centra_assets.assets.failures import failures_told_apart
from centra_assets.errors import CentraAssetsError
from centra_assets.resources.storage import WarehouseResource
from centra_assets.sensors.alerts import AlertWatch, build_alerts_sensor
from centra_assets.storage.inbox import Delivery, Hint, Inbox
from centra_assets_tests.alerts.conditions import WORDING, settings
from centra_assets_tests.alerts.endpoint import Endpoint
from centra_assets_tests.alerts.mailbox import Mailbox, free_port, text_of

SECRET = "anna.svensson@example.com +46 70 123 45 67"
DAYS = dg.DailyPartitionsDefinition(start_date="2024-03-01", end_date="2024-03-20")


class BrokenError(CentraAssetsError):
    """The shop is shut."""

    code = "TEST_SHOP_SHUT"
    remedy = "Open it."


@dataclass
class Shop:
    """What the jobs and checks of these tests find when they look."""

    error: Exception | None = None
    is_sound: bool = True
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


SHOP = Shop()


@dg.op
def look() -> None:
    """Fails as the shop does."""
    with failures_told_apart():
        if SHOP.error:
            raise SHOP.error


@dg.job
def nightly() -> None:
    look()


@dg.job
def hourly() -> None:
    look()


@dg.asset(
    key=["core", "orders"],
    owners=["team:commerce"],
    group_name="orders",
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def orders() -> None:
    """Orders, if the shop is open."""
    with failures_told_apart():
        if SHOP.error:
            raise SHOP.error


@dg.asset_check(asset=["core", "orders"], description="Totals add up. What to do: mend the order.")
def totals_add_up() -> dg.AssetCheckResult:
    failing = [] if SHOP.is_sound else [SECRET, SECRET]
    return dg.AssetCheckResult(
        passed=SHOP.is_sound, severity=SHOP.severity, metadata={"failures": len(failing), "failing_keys": failing}
    )


DEFINITIONS = dg.Definitions(
    assets=[orders],
    asset_checks=[totals_add_up],
    jobs=[
        nightly,
        hourly,
        dg.define_asset_job("checks", selection=dg.AssetSelection.checks(totals_add_up)),
    ],
    executor=dg.in_process_executor,
)
# A channel that does not answer is told of later than these tests last.
WAITS = {Kind.DELIVERY: {"hold": "1h"}}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Desk:
    """An installation: an instance of Dagster, a database, a mailbox, an endpoint, and the sensor between them."""

    instance: dg.DagsterInstance
    database_url: str
    mailbox: Mailbox
    endpoint: Endpoint
    settings: AlertSettings
    ahead: timedelta = timedelta(0)
    expires_at: date | None = None
    shop: Shop = field(default_factory=lambda: SHOP)

    def tick(self) -> str:
        """One evaluation, by a new process as it were."""
        watch = AlertWatch(
            self.settings,
            WORDING,
            owners={"orders": "commerce"},
            token_expires_at=self.expires_at,
            clock=lambda: datetime.now(UTC) + self.ahead,
        )
        context = dg.build_sensor_context(
            instance=self.instance,
            repository_def=DEFINITIONS.get_repository_def(),
            resources={"warehouse": WarehouseResource(database_url=self.database_url)},
        )
        told = build_alerts_sensor(watch)(context)
        assert isinstance(told, dg.SkipReason)
        return str(told.skip_message)

    def run(self, job: str = "nightly", **options: Any) -> dg.ExecuteInProcessResult:
        """A run of a job, whatever becomes of it."""
        definition = DEFINITIONS.resolve_job_def(job)
        return definition.execute_in_process(instance=self.instance, raise_on_error=False, run_config=QUIET, **options)

    def materialize(self, first: str, last: str = "") -> dg.ExecuteInProcessResult:
        """A run of the asset itself, for a day or a range of days."""
        job = DEFINITIONS.resolve_implicit_global_asset_job_def()
        span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return job.execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config=QUIET,
            partition_key=None if last else first,
            tags=span if last else None,
            asset_selection=[orders.key],
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture(autouse=True)
def shop() -> Iterator[Shop]:
    SHOP.error, SHOP.is_sound, SHOP.severity = None, True, dg.AssetCheckSeverity.ERROR
    yield SHOP


Make = Callable[..., Desk]


@pytest.fixture
def make(database_url: str) -> Iterator[Make]:
    with Mailbox() as mailbox, Endpoint() as endpoint, dg.DagsterInstance.ephemeral() as instance:

        def made(instance: dg.DagsterInstance = instance, **given: Any) -> Desk:
            channels = {"mail": mailbox.settings(), "pager": {"type": "http", "url": endpoint.url}}
            return Desk(instance, database_url, mailbox, endpoint, settings(channels, **given))

        yield made


@pytest.fixture
def desk(make: Make) -> Desk:
    """One whose first tick is over: from now on everything is news."""
    desk = make()
    desk.tick()
    return desk


def test_a_failing_check_and_a_failing_run_each_send_one_message_and_one_more_when_they_recover(
    desk: Desk, shop: Shop
) -> None:
    shop.error, shop.is_sound = BrokenError("it is night."), False
    for _ in range(4):
        desk.run("nightly")
        desk.run("checks")
        desk.tick()
    wrong = ["[error] core/orders: the check 'totals add up' fails", "[error] nightly failed: TEST_SHOP_SHUT"]
    assert sorted(desk.mailbox.subjects) == wrong
    assert sorted(desk.endpoint.subjects) == wrong

    shop.error, shop.is_sound = None, True
    desk.run("nightly")
    desk.run("checks")
    for _ in range(3):
        desk.tick()
    over = [subject.replace("[error]", "[recovered]") for subject in wrong]
    assert sorted(desk.mailbox.subjects[2:]) == over
    assert sorted(desk.endpoint.subjects[2:]) == over


def test_a_message_says_what_happened_what_it_means_what_to_do_and_where(desk: Desk, shop: Shop) -> None:
    shop.error, shop.is_sound = BrokenError("it is night."), False
    run_id = desk.run("nightly").run_id
    desk.run("checks")
    desk.tick()
    about_run, about_check = sorted((text_of(mail) for mail in desk.mailbox.mails), key=lambda text: "check" in text)
    assert "TEST_SHOP_SHUT: it is night. Remedy: Open it." in about_run
    assert f"https://dagster.shop.example/runs/{run_id}" in about_run
    assert "run it again when the cause is gone" in about_run
    assert "What should be so: Totals add up. What to do: mend the order. It found 2." in about_check
    assert "https://dagster.shop.example/assets/core/orders?view=checks&checkDetail=totals_add_up" in about_check
    assert "for commerce" in about_check


def test_what_failed_and_recovered_between_two_looks_is_told_as_both(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run()
    shop.error = None
    desk.run()
    desk.tick()
    assert desk.mailbox.subjects == ["[error] nightly failed: TEST_SHOP_SHUT"]
    desk.tick()
    desk.tick()
    assert desk.mailbox.subjects[1:] == ["[recovered] nightly failed: TEST_SHOP_SHUT"]


def test_a_job_that_may_fail_once_is_told_when_it_fails_twice(make: Make, shop: Shop) -> None:
    desk = make(subjects=[{"kind": "run", "subject": "hour*", "at_least": 2, "within": "30m"}])
    desk.tick()
    shop.error = BrokenError("it is night.")
    desk.run("hourly")
    desk.tick()
    assert desk.mailbox.subjects == []
    desk.run("hourly")
    desk.tick()
    assert desk.mailbox.subjects == ["[error] hourly failed: TEST_SHOP_SHUT"]


def test_many_failing_partitions_are_one_alert_that_ends_with_the_last_of_them(desk: Desk, shop: Shop) -> None:
    days = ["2024-03-01", "2024-03-02", "2024-03-03"]
    shop.error = BrokenError("it is night.")
    for day in days:
        desk.materialize(day)
    desk.tick()
    (call,) = desk.endpoint.calls
    (alert,) = call.document["alerts"]
    assert (alert["key"], alert["owner"], alert["count"]) == ("run/assets of orders/TEST_SHOP_SHUT", "commerce", 3)
    assert all(day in alert["text"] for day in days)

    shop.error = None
    for day in days[:2]:
        desk.materialize(day)
        desk.tick()
    assert len(desk.mailbox.mails) == 1
    desk.materialize(days[2])
    desk.tick()
    assert desk.mailbox.subjects[1:] == ["[recovered] assets of orders failed: TEST_SHOP_SHUT"]


def test_a_range_that_failed_may_succeed_day_by_day(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.materialize("2024-03-01", "2024-03-03")
    desk.tick()
    assert desk.endpoint.calls[0].document["alerts"][0]["count"] == 3
    shop.error = None
    desk.materialize("2024-03-03")
    desk.materialize("2024-03-01")
    desk.tick()
    assert len(desk.mailbox.mails) == 1
    desk.materialize("2024-03-02", "2024-03-05")
    desk.tick()
    assert len(desk.mailbox.mails) == 2


def test_what_a_schedule_asks_for_again_is_the_same_work_though_its_days_moved_on(desk: Desk, shop: Shop) -> None:
    def night(first: str, last: str) -> None:
        span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        desk.run(tags={"dagster/schedule_name": "nightly", **span})
        desk.tick()

    shop.error = BrokenError("it is night.")
    night("2024-03-01", "2024-03-14")
    assert "asked for again by itself" in text_of(desk.mailbox.mails[0])
    shop.error = None
    night("2024-03-02", "2024-03-15")
    assert len(desk.mailbox.mails) == 2


def test_a_run_that_ended_without_a_word_is_told_to_have_crashed(desk: Desk) -> None:
    run = desk.instance.create_run_for_job(nightly)
    desk.instance.report_run_failed(run)
    desk.tick()
    assert desk.mailbox.subjects == ["[error] nightly failed: RUN_CRASHED"]
    assert "its process was killed" in text_of(desk.mailbox.mails[0])


def test_an_event_log_that_was_made_anew_is_read_from_its_beginning(desk: Desk, shop: Shop) -> None:
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("UPDATE ops.alert_cursor SET settled = 1000000, seen = 1000000")
    shop.error = BrokenError("it is night.")
    desk.run()
    desk.tick()
    assert len(desk.mailbox.mails) == 1
    desk.run("hourly")
    desk.tick()
    assert len(desk.mailbox.mails) == 2


def test_a_run_that_dagster_starts_again_is_judged_by_how_that_ends(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run(tags={"dagster/will_retry": "true", "dagster/auto_retry_run_id": "another"})
    desk.tick()
    assert desk.mailbox.subjects == []


def test_an_unforeseen_error_is_told_without_its_words(desk: Desk, shop: Shop) -> None:
    shop.error, shop.is_sound = KeyError(SECRET), False
    desk.run()
    desk.run("checks")
    desk.tick()
    kept = str(
        desk.rows("SELECT notices::text FROM ops.alert_delivery UNION ALL SELECT row_to_json(a)::text FROM ops.alert a")
    )
    everything = kept + "".join(text_of(mail) + text_of(mail, "html") for mail in desk.mailbox.mails)
    everything += "".join(call.body.decode() for call in desk.endpoint.calls)
    assert len(desk.mailbox.mails) == 2
    for part in ("svensson", "example.com", "123 45 67"):
        assert part not in everything


def test_the_first_look_tells_what_is_wrong_now_and_no_old_news(make: Make, shop: Shop) -> None:
    desk = make()
    shop.error, shop.is_sound = BrokenError("it is night."), False
    desk.run("nightly")
    desk.run("hourly")
    desk.run("checks")
    shop.error = None
    desk.run("hourly")
    desk.tick()
    assert sorted(desk.mailbox.subjects) == [
        "[error] core/orders: the check 'totals add up' fails",
        "[error] nightly failed: TEST_SHOP_SHUT",
    ]


def test_a_run_that_failed_long_ago_is_no_news_to_a_new_installation(make: Make, shop: Shop) -> None:
    desk = make()
    shop.error = BrokenError("it is night.")
    desk.run()
    desk.ahead = timedelta(days=2)
    desk.tick()
    assert desk.mailbox.subjects == []


def test_what_failed_while_nobody_looked_is_told_when_somebody_looks_again(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run("nightly")
    desk.run("hourly")
    desk.ahead = timedelta(hours=5)
    desk.tick()
    assert sorted(desk.mailbox.subjects) == [
        "[error] hourly failed: TEST_SHOP_SHUT",
        "[error] nightly failed: TEST_SHOP_SHUT",
    ]


def test_reading_further_keeps_what_stands(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run("nightly")
    for hours in range(6):
        desk.ahead = timedelta(hours=hours)
        desk.tick()
    assert len(desk.mailbox.mails) == 1
    settled, seen = desk.rows("SELECT settled, seen FROM ops.alert_cursor")[0]
    assert settled == seen == desk.instance.event_log_storage.get_maximum_record_id()
    shop.error = None
    desk.run("nightly")
    desk.tick()
    assert len(desk.mailbox.mails) == 2


def test_a_warning_that_becomes_an_error_is_told_again(desk: Desk, shop: Shop) -> None:
    shop.is_sound, shop.severity = False, dg.AssetCheckSeverity.WARN
    desk.run("checks")
    desk.tick()
    shop.severity = dg.AssetCheckSeverity.ERROR
    desk.run("checks")
    desk.tick()
    title = "core/orders: the check 'totals add up' fails"
    assert desk.mailbox.subjects == [f"[warning] {title}", f"[error] worse: {title}"]


def test_what_stands_for_a_day_is_recalled(desk: Desk, shop: Shop) -> None:
    shop.is_sound = False
    desk.run("checks")
    for hours in (0, 23, 24, 25):
        desk.ahead = timedelta(hours=hours)
        desk.tick()
    title = "core/orders: the check 'totals add up' fails"
    assert desk.mailbox.subjects == [f"[error] {title}", f"[error] still: {title}"]


def test_a_mail_server_that_was_down_gets_every_message_once_and_in_order(make: Make, shop: Shop) -> None:
    desk = make(kinds=WAITS)
    desk.tick()
    dead = desk.mailbox.settings(port=free_port())
    pager = {"type": "http", "url": desk.endpoint.url}
    alive, desk.settings = desk.settings, settings({"mail": dead, "pager": pager}, kinds=WAITS)
    shop.error = BrokenError("it is night.")
    desk.run()
    assert "mail: ALERT_CHANNEL_UNAVAILABLE" in desk.tick()
    shop.error = None
    desk.run()
    desk.tick()
    assert len(desk.endpoint.calls) == 2

    desk.settings = alive
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("UPDATE ops.alert_delivery SET next_try_at = clock_timestamp() WHERE state = 'pending'")
    for _ in range(3):
        desk.tick()
    assert desk.mailbox.subjects == [
        "[error] nightly failed: TEST_SHOP_SHUT",
        "[recovered] nightly failed: TEST_SHOP_SHUT",
    ]
    assert len(desk.endpoint.calls) == 2


def test_a_storm_is_one_message(make: Make, shop: Shop, database_url: str) -> None:
    desk = make(delivery={"storm": 2, "gather": "0s"})
    desk.tick()
    rows = [(f"entity{number}", str(record)) for number in range(6) for record in range(30)]
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ops.quarantine (entity, record_id, partition, reasons, fetched_at, first_seen, last_seen, "
            "run_id) VALUES (%s, %s, '', '{}', now(), now(), now(), '')",
            rows,
        )
    desk.tick()
    assert desk.mailbox.subjects == ["[warning] 6 changes of alerts"]
    assert text_of(desk.mailbox.mails[0]).count("records quarantined within 1h") == 6
    (call,) = desk.endpoint.calls
    assert {alert["key"] for alert in call.document["alerts"]} == {f"quarantine/entity{number}" for number in range(6)}


def test_hints_that_wait_too_long_are_told_and_their_end_as_well(desk: Desk, database_url: str) -> None:
    Inbox(database_url).store([Delivery("webhook", "shop", "1", [Hint("orders", "", "order", "update", "1", "{}")])])
    desk.tick()
    assert desk.mailbox.subjects == []
    desk.ahead = timedelta(minutes=30)
    desk.tick()
    assert desk.mailbox.subjects == ["[warning] Hints wait for 30m: data is not in real time"]
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE ops.inbox SET state = 'done'")
    desk.tick()
    assert desk.mailbox.subjects[1:] == ["[recovered] Hints wait for 30m: data is not in real time"]


@pytest.mark.parametrize(("days", "severity"), [(30, None), (10, "warning"), (2, "error"), (-1, "critical")])
def test_the_tokens_end_is_told_the_more_urgently_the_nearer_it_is(desk: Desk, days: int, severity: str | None) -> None:
    desk.expires_at = datetime.now(UTC).date() + timedelta(days=days)
    desk.tick()
    assert [call.document["severity"] for call in desk.endpoint.calls] == ([severity] if severity else [])


def test_throttling_is_told(desk: Desk, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO ops.api_gate (environment, closed_until) VALUES ('shop.centra.example', now())")
    desk.tick()
    assert desk.mailbox.subjects == ["[warning] shop.centra.example throttles us: requests are answered with 429"]


def test_without_channels_alerts_are_kept_and_nothing_is_sent(make: Make, shop: Shop) -> None:
    desk = make()
    desk.settings = settings()
    desk.tick()
    shop.error = BrokenError("it is night.")
    desk.run()
    assert "1 alerts stand, 1 news, no channel is set" in desk.tick()
    assert desk.rows("SELECT state, key FROM ops.alert") == [("open", "run/nightly/TEST_SHOP_SHUT")]
    assert desk.rows("SELECT count(*) FROM ops.alert_delivery") == [(0,)]


def test_a_database_that_is_away_is_a_reason_and_no_crash(make: Make) -> None:
    desk = make()
    desk.database_url = "postgresql://nobody@127.0.0.1:1/none"
    assert "WAREHOUSE_UNAVAILABLE" in desk.tick()


def test_it_reads_dagsters_own_tables_in_postgresql_as_well(
    make: Make, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    storage = {"storage": {"postgres": {"postgres_url": database_url}}, "telemetry": {"enabled": False}}
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=storage) as instance:
        # No daemon runs here, which would be told.
        desk = make(instance, kinds={Kind.DAEMON: {"enabled": False}})
        desk.tick()
        shop.error, shop.is_sound = BrokenError("it is night."), False
        desk.run()
        desk.run("checks")
        desk.tick()
        assert len(desk.mailbox.mails) == 2
        shop.error, shop.is_sound = None, True
        desk.run()
        desk.run("checks")
        desk.tick()
        assert len(desk.mailbox.mails) == 4
