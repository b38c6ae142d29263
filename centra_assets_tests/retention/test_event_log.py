"""Dagster's event log is pruned to the retention, and Dagster answers about its assets and checks as before."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from centra_assets.retention import event_log
from centra_assets.retention.model import Deadline, Moment, Outcome
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.sync_config import RetentionSettings
from centra_assets_tests.retention.runs import (
    PARTITIONS,
    Copy,
    Templates,
    copy_runs,
    forget_templates,
    instance_on,
    is_whole,
    parts,
    run_templates,
)

KEYS = [dg.AssetKey("parts"), dg.AssetKey("whole")]
CHECK = next(iter(is_whole.check_keys))
POLICY = RetentionSettings(run_logs_days=30, check_history_days=60)
UNFINISHED_BACKFILL, ENDED_BACKFILL = "underway", "over"


@dataclass
class Log:
    """A log of 2,000 runs: id of each run by what it is a copy of, the oldest first."""

    instance: dg.DagsterInstance
    connection: psycopg.Connection[Any]
    copies: list[Copy]
    runs: list[str]
    templates: Templates
    dropped: list[str] = field(default_factory=list)

    def prune(self, policy: RetentionSettings = POLICY, deadline: Deadline | None = None) -> Outcome:
        deadline = deadline or Deadline.within(60)
        return event_log.prune(self.connection, policy, Moment(), deadline, self.dropped.extend)

    def of(self, template: str, *, older: float = 0, younger: float = 1000) -> list[str]:
        """Runs copied from a template, of an age in days between the two."""
        pairs = zip(self.copies, self.runs, strict=True)
        return [run for copy, run in pairs if copy.template == template and older < copy.days < younger]

    def events(self) -> Counter[str]:
        """How many events each run has."""
        return Counter(dict(self.connection.execute("SELECT run_id, count(*) FROM event_logs GROUP BY 1").fetchall()))

    def count(self, what: str) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {what}").fetchone()
        assert row
        return int(row[0])


class Steps(Deadline):
    """A time that is over when it was asked for so often."""

    asked: int = 0

    def __init__(self, steps: int) -> None:
        object.__setattr__(self, "left", steps)

    @property
    def is_over(self) -> bool:
        left: int = self.__dict__["left"]
        object.__setattr__(self, "left", left - 1)
        return left <= 0


def copies_of(templates: Templates) -> list[Copy]:
    """2,000 runs of the last 120 days.

    The first twenty partitions were made in the older half only; the last five failed there, and nothing came since.
    """
    copies = []
    for n in range(2000):
        days, turn, is_old = 120 * (1 - n / 2000), n // 10, n < 1000
        if n % 10 < 4:
            copies.append(Copy(templates.part, days, PARTITIONS[turn % 20 if is_old else 20 + turn % 15]))
        elif n % 10 < 5:
            copies.append(Copy(templates.broken, days, PARTITIONS[25 + turn % 15 if is_old else 20 + turn % 5]))
        else:
            copies.append(Copy(templates.whole if n % 2 else templates.idle, days))
    return copies


@dataclass(frozen=True)
class Built:
    """A database with 2,000 runs in it, from which each test has a copy."""

    name: str
    templates: Templates
    copies: list[Copy]
    runs: list[str]


@pytest.fixture(scope="module")
def built(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    name = "runs_for_retention"
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        url = postgres_server.url_of(name)
        home = tmp_path_factory.mktemp("built")
        with instance_on(url, home) as instance, psycopg.connect(url, autocommit=True) as connection:
            templates = run_templates(instance)
            special = [
                Copy(templates.idle, 110, status="STARTED"),
                Copy(templates.part, 109, PARTITIONS[1], backfill_id=UNFINISHED_BACKFILL),
                Copy(templates.idle, 108, backfill_id=ENDED_BACKFILL),
            ]
            copies = [*special, *copies_of(templates)]
            connection.execute(
                "INSERT INTO bulk_actions (key, status, timestamp) VALUES"
                " (%s, 'REQUESTED', now() - interval '109 days'),"
                " (%s, 'COMPLETED_SUCCESS', now() - interval '108 days')",
                [UNFINISHED_BACKFILL, ENDED_BACKFILL],
            )
            runs = copy_runs(connection, copies)
            forget_templates(instance, connection, templates)
            connection.execute("ANALYZE")
        yield Built(name, templates, copies, runs)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def log(built: Built, postgres_server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Log]:
    name = f"{built.name}_copy"
    url = postgres_server.url_of(name)
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {built.name}")
        try:
            with (
                instance_on(url, tmp_path / "dagster") as instance,
                psycopg.connect(url, autocommit=True) as connection,
            ):
                yield Log(instance, connection, built.copies, built.runs, built.templates)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def answers(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What Dagster says about its assets and checks as they are now."""
    storage = instance.event_log_storage
    # Dagster remembers the status of partitions; asked anew it comes from the events alone.
    storage.wipe_asset_cached_status(KEYS[0])
    told: dict[str, Any] = {
        "records": instance.get_asset_records(KEYS),
        "check": storage.get_latest_asset_check_execution_by_key([CHECK]),
        "summary": storage.get_asset_check_summary_records([CHECK]),
        "check partitions": storage.get_asset_check_partition_info([CHECK]),
        "passed": storage.get_asset_check_execution_history(
            CHECK,
            limit=1,
            status={AssetCheckExecutionRecordStatus.SUCCEEDED},
        ),
    }
    for key in KEYS:
        told[f"latest {key}"] = instance.get_latest_materialization_event(key)
        told[f"partitions {key}"] = instance.get_materialized_partitions(key)
        told[f"unmade {key}"] = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
            key
        )
        told[f"observed {key}"] = instance.fetch_observations(key, limit=1).records
        told[f"planned {key}"] = storage.get_latest_planned_materialization_info(key)
    for kind in (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION):
        told[f"ids {kind}"] = storage.get_latest_storage_id_by_partition(KEYS[0], kind)
    told["versions"] = storage.get_latest_tags_by_partition(
        KEYS[0], dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
    )
    for partition in PARTITIONS:
        newest = dg.AssetRecordsFilter(asset_key=KEYS[0], asset_partitions=[partition])
        told[f"newest of {partition}"] = instance.fetch_materializations(newest, limit=1).records
    status = get_and_update_asset_status_cache_value(instance, KEYS[0], parts.partitions_def)
    told["status"] = status and status._replace(latest_storage_id=0)
    return told


def test_2000_runs_are_pruned_and_dagster_answers_as_before(log: Log) -> None:
    before, events = answers(log.instance), log.events()
    outcome = log.prune()
    assert outcome.finished
    assert outcome.counts["run_logs_pruned"] > 1400
    assert answers(log.instance) == before
    # Otherwise this shows nothing: partitions that failed, and such that were made, before the kept days only.
    assert {*PARTITIONS[35:]} <= before["unmade AssetKey(['parts'])"].keys()
    assert {*PARTITIONS[:20]} <= before["partitions AssetKey(['parts'])"]

    now = log.events()
    for run in log.of(log.templates.whole, younger=29):
        assert now[run] == events[run]
    for run in log.of(log.templates.part, older=31)[1:]:
        assert 0 < now[run] <= 3
    assert sum(now.values()) < sum(events.values()) / 2
    assert log.count("event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'") == sum(
        len(log.of(template)) for template in (log.templates.part, log.templates.whole)
    )


def test_what_was_pruned_is_not_looked_at_again(log: Log) -> None:
    log.prune()
    outcome = log.prune()
    assert set(outcome.counts.values()) == {0}
    assert outcome.finished


def test_runs_that_left_nothing_go_and_runs_of_a_materialization_can_still_be_opened(log: Log) -> None:
    log.prune()
    with_rows = {run for (run,) in log.connection.execute("SELECT run_id FROM runs")}
    unfinished = log.runs[0]
    assert not with_rows & set(log.of(log.templates.idle, older=31)) - {unfinished}
    assert with_rows >= set(log.of(log.templates.idle, younger=29))
    assert with_rows >= set(log.of(log.templates.part))
    old = log.of(log.templates.part, older=31)[5]
    run = log.instance.get_run_by_id(old)
    assert run and run.status is dg.DagsterRunStatus.SUCCESS
    assert {entry.dagster_event_type for entry in log.instance.all_logs(old)} <= {
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        dg.DagsterEventType.ASSET_OBSERVATION,
    }
    assert log.instance.get_run_stats(old)
    assert log.count("run_tags WHERE run_id NOT IN (SELECT run_id FROM runs)") == 0


def test_runs_that_are_under_way_and_runs_of_such_a_backfill_keep_their_log(log: Log) -> None:
    events = log.events()
    log.prune()
    now = log.events()
    unfinished, of_backfill, of_ended = log.runs[:3]
    assert now[unfinished] == events[unfinished] > 0
    assert now[of_backfill] == events[of_backfill] > 0
    assert now[of_ended] == 0
    backfills = [key for (key,) in log.connection.execute("SELECT key FROM bulk_actions")]
    assert backfills == [UNFINISHED_BACKFILL]


def test_interrupted_anywhere_it_answers_as_before_and_goes_on(log: Log) -> None:
    before = answers(log.instance)
    unfinished = 0
    for _ in range(40):
        outcome = log.prune(deadline=Steps(4))
        unfinished += not outcome.finished
        if outcome.finished:
            break
    assert unfinished > 3
    log.prune()
    assert answers(log.instance) == before
    assert set(log.prune().counts.values()) == {0}


def test_the_output_of_just_the_pruned_runs_is_removed(log: Log) -> None:
    log.prune()
    old = [run for copy, run in zip(log.copies, log.runs, strict=True) if copy.days >= 30]
    assert set(log.dropped) == set(old) - set(log.runs[:2])
    assert len(log.dropped) == len(set(log.dropped))


def test_replaced_asset_events_go_only_when_the_settings_say_so_and_the_newest_never(log: Log) -> None:
    before = answers(log.instance)
    assert log.prune().counts["asset_events_deleted"] == 0
    outcome = log.prune(POLICY.model_copy(update={"asset_events_days": 45}))
    assert outcome.counts["asset_events_deleted"] > 500
    assert answers(log.instance) == before
    assert log.count("asset_event_tags WHERE event_id NOT IN (SELECT id FROM event_logs)") == 0


def test_evaluations_are_kept_for_their_days_and_the_last_of_each_outcome_for_ever(log: Log) -> None:
    kept_for = POLICY.model_copy(update={"check_history_days": 3})
    before = answers(log.instance)
    checks = log.count("asset_check_executions")
    outcome = log.prune(kept_for)
    assert 0 < outcome.counts["check_evaluations_deleted"] == checks - log.count("asset_check_executions")
    young = len(log.of(log.templates.whole, younger=3))
    assert log.count("asset_check_executions") == young
    assert answers(log.instance) == before
    # Long after the last one of either outcome both are still there.
    log.connection.execute(
        "UPDATE asset_check_executions SET evaluation_event_timestamp = evaluation_event_timestamp - interval '1 year'"
    )
    log.prune(kept_for)
    assert log.count("asset_check_executions") == 2
    assert answers(log.instance) == before


def test_zero_keeps_everything_for_ever(log: Log) -> None:
    events, checks = log.events(), log.count("asset_check_executions")
    outcome = log.prune(RetentionSettings(run_logs_days=0, check_history_days=0))
    assert set(outcome.counts.values()) == {0}
    assert (log.events(), log.count("asset_check_executions")) == (events, checks)


def test_states_of_freshness_are_kept_as_they_are_last(log: Log) -> None:
    insert = (
        "INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, asset_key)"
        " VALUES ('', '{}', %s, now() AT TIME ZONE 'UTC' - interval '90 days', %s)"
    )
    for kind, key in [
        ("FRESHNESS_STATE_CHANGE", '["whole"]'),
        ("FRESHNESS_STATE_CHANGE", '["whole"]'),
        ("FRESHNESS_STATE_CHANGE", '["parts"]'),
        ("FRESHNESS_STATE_EVALUATION", None),
    ]:
        log.connection.execute(insert, [kind, key])
    log.prune()
    left = log.connection.execute("SELECT dagster_event_type, asset_key FROM event_logs WHERE run_id = ''").fetchall()
    assert sorted(left) == [("FRESHNESS_STATE_CHANGE", '["parts"]'), ("FRESHNESS_STATE_CHANGE", '["whole"]')]


def test_without_dagsters_tables_nothing_is_pruned(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert not event_log.is_here(connection)


def test_dagster_spells_its_events_and_states_as_we_do() -> None:
    kinds = dg.DagsterEventType
    assert set(event_log.FOLLOWED_BY) == {
        kinds.ASSET_MATERIALIZATION.value,
        kinds.ASSET_OBSERVATION.value,
        kinds.ASSET_MATERIALIZATION_PLANNED.value,
        kinds.FRESHNESS_STATE_CHANGE.value,
    }
    assert set(event_log.RUN_ENDS) == {kinds.RUN_SUCCESS.value, kinds.RUN_FAILURE.value, kinds.RUN_CANCELED.value}
    assert set(event_log.FINISHED_RUNS) == {status.value for status in FINISHED_STATUSES}
    assert set(event_log.FINISHED_BACKFILLS) == {status.value for status in BULK_ACTION_TERMINAL_STATUSES}
