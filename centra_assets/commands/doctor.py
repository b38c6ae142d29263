"""The `doctor` command: what is right and wrong with an installation, and what to do.

It changes nothing but the client's memory of the live schema and of refused fields, which it renews.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict

import psycopg
from rich.console import Console
from rich.table import Table

from centra_assets.alerts.errors import AlertsConfigError
from centra_assets.alerts.settings_file import read_alert_settings
from centra_assets.commands.doctor_api import api_findings
from centra_assets.commands.findings import Finding, Outcome
from centra_assets.receiver.plugins import webhook_plugins
from centra_assets.settings import Settings, SettingsError

OLDEST_POSTGRES = 140000
_COLOURS = {Outcome.FINE: "green", Outcome.NOTE: "cyan", Outcome.WARNING: "yellow", Outcome.BROKEN: "red"}


def run_doctor(*, as_json: bool) -> int:
    """Print the findings; 1 when anything is broken."""
    console = Console(stderr=as_json)
    with console.status("Looking ..."):
        found = list(findings())
    broken = any(finding.outcome is Outcome.BROKEN for finding in found)
    if as_json:
        print(json.dumps({"ok": not broken, "findings": [asdict(finding) for finding in found]}, indent=2))
    else:
        _print(console, found)
    return 1 if broken else 0


def findings() -> Iterator[Finding]:
    """Everything the doctor looks at, settings first: without them nothing else can be asked."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        yield Finding("settings", Outcome.BROKEN, error.cause, error.remedy)
        return
    yield Finding(
        "settings",
        Outcome.FINE,
        f"Days are cut in {settings.timezone}, from {settings.start_date}; the lake is {settings.lake_url}.",
    )
    if settings.api_url is not None and "start_date" not in settings.model_fields_set:
        yield Finding(
            "settings",
            Outcome.WARNING,
            "CENTRA_START_DATE is not set: the first day and the first month move on with every new month.",
            f"Set it once for all, to {settings.start_date} say.",
        )
    yield _alerts(settings)
    database, migrated = _database(settings)
    yield database
    if database.outcome is Outcome.BROKEN:
        # Without its database the client has no shared budget, and would spend what others are counting on.
        return
    yield _webhooks(settings)
    # Before the migrations there is nothing in the database that a budget could be shared through.
    yield from api_findings(settings if migrated else settings.model_copy(update={"database_url": None}))


def _database(settings: Settings) -> tuple[Finding, bool]:
    """What is found, and whether the migrations were applied."""
    if settings.database_url is None:
        note = "CENTRA_DATABASE_URL is not set: `make dev` uses an embedded PostgreSQL."
        return Finding("database", Outcome.NOTE, note), False
    try:
        with psycopg.connect(settings.database_url.get_secret_value(), connect_timeout=10) as connection:
            version = connection.info.server_version
            migrated = connection.execute("select to_regclass('ops.load_log') is not null").fetchone()
    except psycopg.Error as error:
        state = f" ({error.sqlstate})" if error.sqlstate else ""
        unreachable = Finding(
            "database",
            Outcome.BROKEN,
            f"PostgreSQL cannot be reached: {type(error).__name__}{state}.",
            "Check host, port, user and password in CENTRA_DATABASE_URL, and that the server runs.",
        )
        return unreachable, False
    named = f"PostgreSQL {version // 10000}"
    if version < OLDEST_POSTGRES:
        return Finding("database", Outcome.BROKEN, f"{named} is too old.", "Use version 14 or later."), False
    if not migrated or not migrated[0]:
        remedy = "Run `centra-assets migrate`; `make dev` does it by itself."
        return Finding("database", Outcome.WARNING, f"{named} answers, not migrated yet.", remedy), False
    return Finding("database", Outcome.FINE, f"{named} answers, migrated."), True


def _webhooks(settings: Settings) -> Finding:
    try:
        plugins = webhook_plugins(settings.webhook_secrets)
    except SettingsError as error:
        return Finding("webhooks", Outcome.BROKEN, error.cause, "docs/receiver.md shows the forms that are understood.")
    if not plugins:
        return Finding("webhooks", Outcome.NOTE, "No webhook secret is set; deliveries would be refused.", "")
    return Finding("webhooks", Outcome.FINE, f"Secrets are set for: {', '.join(sorted(plugins))}.")


def _alerts(settings: Settings) -> Finding:
    try:
        channels = read_alert_settings(settings.alerts_file).channels
    except AlertsConfigError as error:
        return Finding("alerts", Outcome.BROKEN, error.cause, error.remedy)
    if not channels:
        return Finding(
            "alerts",
            Outcome.WARNING,
            "No channel is set: failures are only seen in the UI.",
            "Write channels and routes as docs/alerts.md shows, name the file in CENTRA_ALERTS_FILE, and try them with "
            "`centra-assets alerts test`.",
        )
    return Finding("alerts", Outcome.FINE, f"Channels are set: {', '.join(sorted(channels))}.")


def _print(console: Console, found: list[Finding]) -> None:
    table = Table(show_edge=False, show_lines=False)
    for heading in ("area", "", "finding", "remedy"):
        table.add_column(heading, overflow="fold")
    for finding in found:
        colour = _COLOURS[finding.outcome]
        table.add_row(finding.area, f"[{colour}]{finding.outcome}[/]", finding.what, finding.remedy)
    console.print(table)
