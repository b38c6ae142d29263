"""The `audit` command: what it shows, in which order, and what it says to questions that make no sense."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from centra_assets.cli import app
from centra_assets.commands.audit import AuditQuestion, AuditQuestionError, filter_of
from centra_assets.resources.actors import ASKED_BY_TAG, asked_by
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.audit import AuditEntry, write
from centra_assets_tests.commands.environment import installed_at

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
ENTRIES = (
    AuditEntry("load", "core/orders", "sensor:inbox", "done", "3f21aa77-run", "2025-03-01", ("status",)),
    AuditEntry(
        "load", "core/order_lines", "sensor:inbox", "done", "3f21aa77-run", "2025-03-01", counts={"inserted": 7}
    ),
    AuditEntry("load", "core/markets", "schedule:sweep", "refused", detail={"code": "STORAGE_COLLAPSE"}),
    AuditEntry("forget", "customer 1017", "command:forget by op", "begun"),
)

Asked = Callable[..., str]


@pytest.fixture
def asked(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the command prints over a trail of four entries."""
    installed_at(monkeypatch, database_url=database_url)
    # Wide enough for every column on a line.
    monkeypatch.setenv("COLUMNS", "240")
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        write(cursor, ENTRIES)

    def ask(*options: str) -> str:
        done = CliRunner().invoke(app, ["audit", *options], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    return ask


def subjects(printed: str) -> list[str]:
    return [json.loads(line)["subject"] for line in printed.splitlines()]


def test_the_newest_come_first_and_say_what_happened(asked: Asked) -> None:
    lines = asked().splitlines()
    told = [line for line in lines if "core/" in line or "customer" in line]
    assert "forget customer 1017" in told[0]
    assert "refused (STORAGE_COLLAPSE)" in told[1]
    assert "7 inserted" in told[2]
    assert "3f21aa77" in told[3]
    assert "status" in told[3]
    assert "sensor:inbox" in told[3]


def test_json_is_one_whole_entry_a_line(asked: Asked) -> None:
    lines = [json.loads(line) for line in asked("--json").splitlines()]
    assert len(lines) == len(ENTRIES)
    assert lines[2]["counts"] == {"inserted": 7}
    assert datetime.fromisoformat(lines[0]["at"]) <= datetime.now(UTC)
    assert set(lines[0]) >= {"kind", "subject", "actor", "outcome", "run_id", "before", "after", "request_id", "detail"}


def test_an_entity_is_all_its_tables_and_an_asset_is_itself(asked: Asked) -> None:
    assert subjects(asked("--json", "--entity", "orders")) == ["core/order_lines", "core/orders"]
    assert subjects(asked("--json", "--entity", "core/orders")) == ["core/orders"]
    assert subjects(asked("--json", "--entity", "customer 1017")) == ["customer 1017"]


def test_questions_narrow_together(asked: Asked) -> None:
    assert subjects(asked("--json", "--actor", "sensor", "--limit", "1")) == ["core/order_lines"]
    assert subjects(asked("--json", "--outcome", "refused", "--kind", "load")) == ["core/markets"]
    assert subjects(asked("--json", "--run", "3f21", "--partition", "2025-03-01", "--since", "2h")) == [
        "core/order_lines",
        "core/orders",
    ]
    assert subjects(asked("--json", "--until", "1h")) == []


def test_it_says_when_there_is_more_and_when_there_is_nothing(asked: Asked) -> None:
    assert "There are more than these 2" in asked("--limit", "2")
    assert "There are more" not in asked("--limit", "4")
    assert "Nothing in the trail fits" in asked("--run", "nobodys")


def test_moments_are_durations_or_the_merchants() -> None:
    settings = Settings(timezone="America/New_York")
    wanted = filter_of(AuditQuestion(since="2h", until="2025-03-01T06:30"), settings, NOW)
    assert wanted.since == NOW - timedelta(hours=2)
    assert wanted.until == datetime(2025, 3, 1, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (AuditQuestion(since="yesterday"), "--since 'yesterday' is neither"),
        (AuditQuestion(entity="ordres"), "There is no entity ordres; there are"),
        (AuditQuestion(outcome="fine"), "There is no outcome 'fine'; there are begun, done, refused, failed"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_so(question: AuditQuestion, said: str) -> None:
    with pytest.raises(AuditQuestionError, match=said):
        filter_of(question, Settings(), NOW)


def test_without_a_database_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    installed_at(monkeypatch)
    with pytest.raises(SettingsError, match="CENTRA_DATABASE_URL"):
        CliRunner().invoke(app, ["audit"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("tags", "actor"),
    [
        ({}, "user"),
        ({"dagster/schedule_name": "sweep_1", "dagster/run_key": "1"}, "schedule:sweep_1"),
        ({"dagster/sensor_name": "inbox"}, "sensor:inbox"),
        ({"dagster/backfill": "abcd", "dagster/sensor_name": "discover_partitions"}, "backfill:abcd"),
        ({"dagster/from_automation_condition": "true"}, "automation"),
        ({ASKED_BY_TAG: "command:catch-up by op"}, "command:catch-up by op"),
    ],
)
def test_who_asked_for_a_run_is_read_from_its_tags(tags: dict[str, str], actor: str) -> None:
    assert asked_by(tags) == actor
