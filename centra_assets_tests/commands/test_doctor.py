"""The doctor over a healthy installation and over broken ones: findings, remedies, exit codes, and no secrets."""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from centra_assets.cli import app
from centra_assets.commands.doctor import run_doctor
from centra_assets.commands.doctor_api import api_findings
from centra_assets.entities.registry import ENTITIES
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.sandbox.tokens import Token
from centra_assets.settings import Settings
from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets_tests.commands.environment import installed_at
from centra_assets_tests.fixtures.sandbox import MakeSandbox

Capture = pytest.CaptureFixture[str]


def diagnosis(capsys: Capture) -> tuple[int, list[Mapping[str, str]], str]:
    capsys.readouterr()
    code = run_doctor(as_json=True)
    text = capsys.readouterr().out
    told = json.loads(text)
    assert told["ok"] is (code == 0)
    return code, told["findings"], text


def of(found: list[Mapping[str, str]], area: str) -> list[tuple[str, str]]:
    return [(finding["outcome"], finding["what"]) for finding in found if finding["area"] == area]


def test_a_healthy_installation_is_found_healthy(
    sandbox: RunningSandbox, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    ends = datetime.now(UTC).date() + timedelta(days=3)
    installed_at(
        monkeypatch,
        api_url=sandbox.url,
        api_token=sandbox.token,
        database_url=database_url,
        api_token_expires_at=ends.isoformat(),
        webhook_secrets='{"warehouse": ["hidden-secret"]}',
    )
    code, found, text = diagnosis(capsys)
    assert code == 0
    assert [finding for finding in found if finding["outcome"] == "broken"] == []
    assert of(found, "database")[0][0] == "fine"
    assert of(found, "webhooks") == [("fine", "Secrets are set for: warehouse.")]
    assert ("warning", f"The token ends in 3 days, on {ends}.") in of(found, "token")
    assert len(of(found, "rate limits")) == 6
    for entity in ENTITIES:
        assert of(found, f"raw/{entity.name}") == [("fine", "Every field can be read.")], entity.name
    for secret in (sandbox.token, database_url, "hidden-secret"):
        assert secret not in text


def test_a_permission_that_was_granted_shows_at_once(
    make_sandbox: MakeSandbox, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    sandbox = make_sandbox()
    installed_at(monkeypatch, api_url=sandbox.url, api_token=sandbox.token, database_url=database_url)
    faults = f"{sandbox.admin_url}/faults"
    httpx.post(faults, json={"denied_permissions": ["Order.shippingAddress:read"]}).raise_for_status()
    assert [outcome for outcome, _ in of(diagnosis(capsys)[1], "raw/orders")] == ["warning"]
    httpx.post(faults, json={}).raise_for_status()
    assert [outcome for outcome, _ in of(diagnosis(capsys)[1], "raw/orders")] == ["fine"]


def test_a_start_that_moves_with_the_calendar_is_a_warning(
    sandbox: RunningSandbox, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    where = {"api_url": sandbox.url, "api_token": "nobody-knows-me", "database_url": database_url}
    installed_at(monkeypatch, **where)
    assert ("warning", "CENTRA_START_DATE") in [(o, w.split()[0]) for o, w in of(diagnosis(capsys)[1], "settings")]
    installed_at(monkeypatch, **where, start_date="2026-01-01")
    assert [outcome for outcome, _ in of(diagnosis(capsys)[1], "settings")] == ["fine"]


@pytest.mark.parametrize("token", ["töken", "to\nken"])
def test_a_token_that_cannot_be_sent_is_broken(
    sandbox: RunningSandbox, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, token: str
) -> None:
    installed_at(monkeypatch, api_url=sandbox.url, api_token=token, database_url=database_url)
    code, found, text = diagnosis(capsys)
    assert code == 1
    assert [outcome for outcome, _ in of(found, "token")] == ["broken"]
    assert token not in text


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without anything of ours."""
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE never_migrated")
        try:
            yield postgres_server.url_of("never_migrated")
        finally:
            connection.execute("DROP DATABASE never_migrated WITH (FORCE)")


def test_a_fresh_database_is_asked_to_be_migrated_and_the_rest_is_looked_at(
    sandbox: RunningSandbox, empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    installed_at(monkeypatch, api_url=sandbox.url, api_token=sandbox.token, database_url=empty_database_url)
    code, found, _ = diagnosis(capsys)
    assert code == 0
    assert [outcome for outcome, _ in of(found, "database")] == ["warning"]
    assert [outcome for outcome, _ in of(found, "raw/orders")] == ["fine"]
    assert CliRunner().invoke(app, ["migrate"]).exit_code == 0
    assert [outcome for outcome, _ in of(diagnosis(capsys)[1], "database")] == ["fine"]


def test_a_wrong_setting_is_named_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    installed_at(monkeypatch, timezone="Mars/Olympus")
    code, found, _ = diagnosis(capsys)
    assert code == 1
    assert [finding["area"] for finding in found] == ["settings"]
    assert "CENTRA_TIMEZONE" in found[0]["what"]
    assert found[0]["remedy"]


def test_a_dead_database_is_told_without_its_password(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    url = "postgresql://someone:pass-of-mine@127.0.0.1:1/centra"
    installed_at(monkeypatch, api_url=sandbox.url, api_token=sandbox.token, database_url=url)
    before = sandbox.instance.statistics.requests
    code, found, text = diagnosis(capsys)
    assert code == 1
    assert of(found, "database")[0][0] == "broken"
    assert "cannot be reached" in of(found, "database")[0][1]
    assert sandbox.instance.statistics.requests == before
    assert "pass-of-mine" not in text


def test_a_dead_endpoint_is_broken(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    installed_at(monkeypatch, api_url="http://127.0.0.1:1/graphql", api_token="t0ken", database_url=database_url)
    code, found, text = diagnosis(capsys)
    assert code == 1
    assert [finding["outcome"] for finding in found if finding["area"] == "api"] == ["broken"]
    assert "t0ken" not in text


def test_an_address_without_graphql_is_told_once(
    sandbox: RunningSandbox, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    elsewhere = sandbox.url.replace("/graphql", "/grapql")
    installed_at(monkeypatch, api_url=elsewhere, api_token=sandbox.token, database_url=database_url)
    code, found, _ = diagnosis(capsys)
    assert code == 1
    assert [(finding["area"], finding["what"]) for finding in found if finding["outcome"] == "broken"] == [
        ("api", "HTTP 404 and no GraphQL answer.")
    ]
    assert of(found, "token") == []


def test_an_unknown_token_is_broken_and_not_repeated(
    sandbox: RunningSandbox, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    installed_at(monkeypatch, api_url=sandbox.url, api_token="nobody-knows-me", database_url=database_url)
    code, found, text = diagnosis(capsys)
    assert code == 1
    assert [outcome for outcome, _ in of(found, "token")] == ["broken"]
    assert "nobody-knows-me" not in text


@pytest.mark.parametrize("secrets", ["just-a-word", '"just-a-word"', '["just-a-word"]', "7"])
def test_webhook_secrets_that_are_no_json_object_are_broken_and_not_shown(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, secrets: str
) -> None:
    installed_at(monkeypatch, database_url=database_url, webhook_secrets=secrets)
    code, found, text = diagnosis(capsys)
    assert code == 1
    assert of(found, "webhooks")[0][0] == "broken"
    assert "just-a-word" not in text


def test_without_settings_it_says_what_is_missing_and_that_nothing_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    installed_at(monkeypatch)
    code, found, _ = diagnosis(capsys)
    assert code == 0
    assert of(found, "database")[0][0] == "note"
    assert of(found, "api")[0][0] == "warning"


@pytest.mark.parametrize(
    ("written", "outcome", "told"),
    [
        (None, "warning", "failures are only seen in the UI"),
        ("channels: {pager: {type: http, url_env: PAGER}}\nroutes: [{to: pager}]", "fine", "Channels are set: pager."),
        ("channels: {pager: {type: http, url_env: PAGER}}", "broken", "no route leads here"),
    ],
)
def test_who_is_told_of_failures_is_looked_at(
    written: str | None, outcome: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
) -> None:
    installed_at(monkeypatch)
    if written is not None:
        (tmp_path / "alerts.yaml").write_text(written, encoding="utf-8")
        monkeypatch.setenv("CENTRA_ALERTS_FILE", str(tmp_path / "alerts.yaml"))
    ((found, what),) = of(diagnosis(capsys)[1], "alerts")
    assert found == outcome
    assert told in what


def test_the_table_for_people_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    installed_at(monkeypatch, timezone="Mars/Olympus")
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["doctor"])
    assert shown.exit_code == 1
    assert "CENTRA_TIMEZONE" in shown.output
    assert "broken" in shown.output


def claimed(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"exp": timedelta(days=20)}, "fine"),
        ({"exp": timedelta(days=2)}, "warning"),
        ({"exp": timedelta(days=-2)}, "broken"),
        ({"exp": None}, "note"),
    ],
)
def test_the_end_of_a_token_is_read_from_its_claims_where_it_has_some(
    claims: Mapping[str, timedelta | None],
    told: str,
    make_sandbox: MakeSandbox,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = {name: int((datetime.now(UTC) + left).timestamp()) if left else None for name, left in claims.items()}
    sandbox = make_sandbox()
    token = sandbox.instance.tokens.put(Token(claimed(**ends)))
    installed_at(monkeypatch, api_url=sandbox.url, api_token=token.value, database_url=database_url)
    about_token = [finding for finding in islice(api_findings(Settings.load()), 2) if finding.area == "token"]
    assert [finding.outcome for finding in about_token] == ["fine", told]
    assert all(token.value not in finding.what for finding in about_token)
