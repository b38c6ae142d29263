"""`centra-assets alerts`: what stands is shown, silenced, resolved; channels are tried; a dead daemon is told."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from centra_assets.alerts.desk import Look, record
from centra_assets.alerts.errors import AlertUnknownError
from centra_assets.alerts.model import Kind, Severity
from centra_assets.alerts.parts import Failed
from centra_assets.cli import app
from centra_assets_tests.alerts.conditions import ZONE, condition, settings
from centra_assets_tests.alerts.endpoint import Endpoint
from centra_assets_tests.alerts.mailbox import Mailbox
from centra_assets_tests.commands.environment import installed_at

Asked = Callable[..., Result]
LISTENER = {"listener": {"type": "http", "url": "http://127.0.0.1:1/never"}}


@pytest.fixture
def asked(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Asked:
    installed_at(monkeypatch, database_url=database_url)

    def ask(*words: str) -> Result:
        return CliRunner().invoke(app, ["alerts", *words])

    return ask


@pytest.fixture
def standing(database_url: str) -> None:
    """Two alerts: a quarantine, and a run that failed."""
    now = datetime.now(UTC)
    failed = Failed(7, now, "nightly", condition("run/nightly/BROKEN", kind=Kind.RUN, title="nightly failed"))
    quarantine = condition("quarantine/orders", kind=Kind.QUARANTINE, severity=Severity.WARNING)
    look_at(database_url, Look(seen=0))
    look = Look([failed], 10, conditions=[quarantine], kinds={Kind.QUARANTINE})
    look_at(database_url, look)


def look_at(database_url: str, look: Look) -> list[str]:
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        outcome = record(cursor, settings(LISTENER), "events", look, datetime.now(UTC), ZONE)
    return [f"{notice.event} {notice.condition.key}" for notice in outcome.notices]


@pytest.mark.usefixtures("standing")
class TestStanding:
    def test_the_worst_comes_first(self, asked: Asked) -> None:
        told = asked("list", "--json")
        assert [alert["key"] for alert in json.loads(told.stdout)] == ["run/nightly/BROKEN", "quarantine/orders"]
        assert "nightly" in asked("list").stdout

    def test_through_a_pipe_each_alert_is_one_line_and_no_word_is_cut(
        self, asked: Asked, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        title = "core/campaign_variants: the check 'product_variant_id is known' fails, [and] more than that"
        long = condition("check/core/campaign_variants/product_variant_id_is_known", title=title)
        look_at(database_url, Look(conditions=[long], kinds={Kind.QUARANTINE}))
        lines = asked("list").stdout.splitlines()
        (line,) = (line for line in lines if "campaign_variants" in line)
        assert title in line and long.key in line and "commerce" in line

    def test_a_silence_is_shown_kept_in_the_audit_and_ended(self, asked: Asked, database_url: str) -> None:
        assert "2 alerts are silent until" in asked("silence", "*", "--for", "2h").stdout
        assert all(alert["silenced_until"] for alert in json.loads(asked("list", "--json").stdout))
        assert look_at(database_url, Look(conditions=[], kinds={Kind.QUARANTINE})) == []
        with psycopg.connect(database_url) as connection:
            (entry,) = connection.execute("SELECT kind, subject, outcome, counts FROM ops.audit").fetchall()
        assert entry == ("alert_silence", "alert *", "done", {"minutes": 120, "alerts": 2})
        assert "The silence is over." in asked("silence", "*", "--for", "0m").stdout
        assert not any(alert["silenced_until"] for alert in json.loads(asked("list", "--json").stdout))

    def test_failed_work_that_nobody_repeats_can_be_resolved(self, asked: Asked, database_url: str) -> None:
        assert "1 failures are taken to be over" in asked("resolve", "run/nightly/BROKEN").stdout
        assert look_at(database_url, Look(seen=10)) == ["recovered run/nightly/BROKEN"]
        # Reading the same events again does not bring it back.
        again = Failed(7, datetime.now(UTC), "nightly", condition("run/nightly/BROKEN", kind=Kind.RUN))
        assert look_at(database_url, Look([again], 10)) == []
        assert [alert["key"] for alert in json.loads(asked("list", "--json").stdout)] == ["quarantine/orders"]
        assert len(json.loads(asked("list", "--all", "--json").stdout)) == 2

    @pytest.mark.parametrize("words", [("resolve", "quarantine/orders"), ("resolve", "x"), ("silence", "check/*")])
    def test_what_cannot_be_done_is_told_with_a_code(self, asked: Asked, words: tuple[str, ...]) -> None:
        told = asked(*words)
        assert isinstance(told.exception, AlertUnknownError)

    def test_a_silence_needs_a_length(self, asked: Asked) -> None:
        assert isinstance(asked("silence", "*", "--for", "soon").exception, AlertUnknownError)


def test_without_alerts_there_is_nothing_to_show(asked: Asked) -> None:
    assert "No alert stands." in asked("list").stdout
    assert json.loads(asked("list", "--json").stdout) == []


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Mailbox, Endpoint]]:
    """An installation with a mailbox and a pager."""
    with Mailbox() as mailbox, Endpoint() as endpoint:
        written = {"mail": mailbox.settings(), "pager": {"type": "http", "url_env": "TEST_PAGER_URL"}}
        path = tmp_path / "alerts.yaml"
        path.write_text(json.dumps({"channels": written, "routes": [{"to": ["mail", "pager"]}]}), encoding="utf-8")
        monkeypatch.setenv("CENTRA_ALERTS_FILE", str(path))
        monkeypatch.setenv("TEST_PAGER_URL", endpoint.url)
        yield mailbox, endpoint


def test_a_test_goes_through_every_channel_marked_as_one(asked: Asked, channels: tuple[Mailbox, Endpoint]) -> None:
    mailbox, endpoint = channels
    told = asked("test")
    assert told.exit_code == 0, told.output
    assert "mail (email): taken: 250" in told.stdout
    assert "pager (http): taken: 200" in told.stdout
    assert mailbox.subjects == ["[info] test: A test of the channel mail"]
    assert endpoint.calls[0].document["event"] == "test"


def test_a_channel_that_takes_no_message_makes_the_exit_code_1(
    asked: Asked, channels: tuple[Mailbox, Endpoint]
) -> None:
    _, endpoint = channels
    endpoint.answers = [(403, {}, b"")]
    told = asked("test")
    assert told.exit_code == 1
    assert "pager (http): ALERT_CHANNEL_REFUSED" in told.stdout
    assert "mail (email): taken" in told.stdout
    assert "secret-path" not in told.output


def test_one_channel_alone_can_be_tried(asked: Asked, channels: tuple[Mailbox, Endpoint]) -> None:
    mailbox, endpoint = channels
    assert asked("test", "--channel", "pager").exit_code == 0
    assert (len(mailbox.mails), len(endpoint.calls)) == (0, 1)
    assert isinstance(asked("test", "--channel", "fax").exception, AlertUnknownError)


def test_without_a_channel_the_test_says_how_to_get_one(asked: Asked) -> None:
    told = asked("test")
    assert told.exit_code == 1
    assert "CENTRA_ALERTS_FILE" in told.stdout


def test_a_daemon_that_no_longer_looks_is_told_once_from_outside_and_so_is_its_return(
    asked: Asked, channels: tuple[Mailbox, Endpoint], database_url: str
) -> None:
    mailbox, _ = channels
    assert [asked("watchdog").exit_code for _ in range(3)] == [1, 1, 1]
    assert len(mailbox.subjects) == 1
    assert mailbox.subjects[0].startswith("[critical] Nobody looks for alerts")

    look_at(database_url, Look(seen=0))
    assert [asked("watchdog").exit_code for _ in range(3)] == [0, 0, 0]
    assert len(mailbox.subjects) == 2
    assert mailbox.subjects[1].startswith("[recovered] over: Nobody looks for alerts")
