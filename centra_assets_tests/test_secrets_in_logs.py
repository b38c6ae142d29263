"""Secrets of an installation: whatever Dagster's processes log, nobody reads them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from centra_assets import logs
from centra_assets.alerts.channels.secrets import secret
from centra_assets.alerts.settings_file import load_alert_settings
from centra_assets.assets.failures import failures_told_apart
from centra_assets.logs import redacted
from centra_assets.settings import Settings
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets_tests.commands.environment import installed_at
from centra_assets_tests.test_logs import as_it_was, installed_instance

__all__ = ["as_it_was"]

# In every form in which they may be written.
SECRETS = {
    "the database's password": "s3cr:et/of the db",
    "as it stands in the URL": "s3cr%3aet%2fof%20the%20db",
    "as libraries write it": "s3cr%3Aet%2Fof%20the%20db",
    "the API's token": "one-token-of-centra",
    "a webhook plugin's secret": "whsec-of-the-shop",
    "an old one of another": "whsec-of-long-ago",
    "one more": "whsec-of-a-third",
    "the mail server's password": "smtp-pass-phrase",
    "what signs for the pager": "signs-for-the-pager",
    "the pager's key": "AbCdEfGhIjKlMnOpQrSt",
    "Slack's key": "zYxWvUtSrQpOnMlKjIhG",
}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Dagster loads the project, as in a code server or a run's process."""
    alerts = tmp_path / "alerts.yaml"
    alerts.write_text(
        "channels:\n"
        "  mail: {type: email, host: mail.example, user_env: MAIL_USER, password_env: MAIL_PASSWORD,\n"
        "    from: a@example.com, to: b@example.com}\n"
        "  pager: {type: http, url_env: PAGER_URL, secret_env: PAGER_SECRET}\n"
        "  chat: {type: slack, url_env: CHAT_URL}\n"
        "  unset: {type: slack, url_env: NOWHERE_URL}\n"
        "routes:\n"
        "  - {to: [mail, pager, chat, unset]}\n",
        encoding="utf-8",
    )
    installed_at(
        monkeypatch,
        database_url=f"postgresql://app:{SECRETS['as it stands in the URL']}@127.0.0.1:1/shop",
        api_token=SECRETS["the API's token"],
        webhook_secrets=json.dumps(
            {
                "shop": SECRETS["a webhook plugin's secret"],
                "erp": [SECRETS["an old one of another"]],
                "pim": {"kind": "checkout_api", "secrets": [SECRETS["one more"]]},
            }
        ),
        alerts_file=str(alerts),
    )
    monkeypatch.setenv("MAIL_USER", "postmaster")
    monkeypatch.setenv("MAIL_PASSWORD", SECRETS["the mail server's password"])
    monkeypatch.setenv("PAGER_URL", "https://pager.example/enqueue?for=" + SECRETS["the pager's key"])
    monkeypatch.setenv("PAGER_SECRET", SECRETS["what signs for the pager"])
    monkeypatch.setenv("CHAT_URL", "https://chat.example/services/T0/" + SECRETS["Slack's key"])
    monkeypatch.chdir(tmp_path)
    load_alert_settings.cache_clear()
    from centra_assets.definitions import definitions

    definitions()
    yield
    load_alert_settings.cache_clear()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("value", SECRETS.values(), ids=SECRETS)
def test_none_of_them_is_shown_and_the_rest_is(value: str) -> None:
    assert redacted(f"postmaster sent <{value}> to /services/T0") == "postmaster sent <[hidden]> to /services/T0"


@pytest.mark.usefixtures("installed")
def test_neither_the_event_log_nor_the_output_of_a_run_has_them(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(logs.FORMAT_VARIABLE, "json")
    told = "; ".join(SECRETS.values())

    @dg.asset
    def careless(context: dg.AssetExecutionContext) -> None:
        context.log.info(f"connected with {told}")
        logging.getLogger("centra_assets.somewhere").warning("sent %s", told)
        logging.getLogger("somebody.elses").warning("and %s", told)
        with failures_told_apart():
            raise WarehouseUnavailableError(f"No answer to {told}.")

    with installed_instance() as instance:
        result = dg.materialize([careless], instance=instance, raise_on_error=False)
        kept = [f"{entry!r} {entry.dagster_event!r}" for entry in instance.all_logs(result.run_id)]
    shown = "".join(capfd.readouterr())
    assert not result.success
    for beginning in ("connected with [hidden]", "sent [hidden]", "No answer to [hidden]"):
        assert any(beginning in line for line in kept)
    assert "connected with [hidden]" in shown
    assert [name for name, value in SECRETS.items() if value in "\n".join(kept) + shown] == []


@pytest.mark.usefixtures("installed")
def test_no_line_of_a_sensor_has_them(capfd: pytest.CaptureFixture[str]) -> None:
    told = "; ".join(SECRETS.values())

    @dg.sensor(job_name="any")
    def careless(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        context.log.warning(f"connected with {told}")
        return dg.SkipReason("nothing to do")

    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance=instance) as context:
        careless(context)
    shown = "".join(capfd.readouterr())
    assert "connected with [hidden]" in shown
    assert [name for name, value in SECRETS.items() if value in shown] == []


def test_a_password_that_is_a_mere_name_does_not_hide_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    installed_at(monkeypatch, database_url="postgresql://centra:centra@127.0.0.1/centra")
    Settings.load()
    assert redacted("centra_assets reads from Centra for centra") == "centra_assets reads from Centra for centra"


def test_a_channels_secret_is_hidden_from_the_moment_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER_SECRET", "signs-for-the-pager")
    assert redacted("signs-for-the-pager") == "signs-for-the-pager"
    assert secret("PAGER_SECRET") == "signs-for-the-pager"
    assert redacted("signs-for-the-pager") == "[hidden]"
