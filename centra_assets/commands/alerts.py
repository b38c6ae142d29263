"""`alerts test`, `list`, `silence`, `resolve`, `watchdog`. What an alert is, and how it is sent, is in `alerts`."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
from psycopg import Cursor
from psycopg.rows import TupleRow
from rich.console import Console
from rich.table import Table

from centra_assets.alerts import store, watch
from centra_assets.alerts.channels import send
from centra_assets.alerts.delivery import deliver
from centra_assets.alerts.desk import Look, record
from centra_assets.alerts.errors import AlertError, AlertUnknownError
from centra_assets.alerts.model import Alert, Condition, Event, Kind, Message, Notice, Severity, State
from centra_assets.alerts.settings import AlertSettings
from centra_assets.alerts.settings_file import read_alert_settings
from centra_assets.alerts.wording import Wording
from centra_assets.commands.tables import open_console
from centra_assets.rhythm import duration, shortly
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.audit import AuditEntry, local_actor, write
from centra_assets.storage.failures import translated

T = TypeVar("T")

_SEND_SECONDS = 60.0


def run_test(*, channel: str | None) -> int:
    """Sends a marked message through each channel, or one of them; 1 when one did not take it, or there is none."""
    settings = Settings.load()
    alerts = read_alert_settings(settings.alerts_file)
    console = Console(soft_wrap=True)
    if not alerts.channels:
        console.print("No channel is set: write channels and routes as docs/alerts.md shows, and set", style="yellow")
        console.print("CENTRA_ALERTS_FILE to the file.", style="yellow")
        return 1
    wording = Wording(settings.timezone, str(settings.dagster_url))
    answers = {name: _tried(alerts, name, wording) for name in _chosen(alerts, channel)}
    for name, (is_sent, answer) in answers.items():
        console.print(f"{name} ({alerts.channels[name].type}): {answer}", style="green" if is_sent else "red")
    return 0 if all(is_sent for is_sent, _ in answers.values()) else 1


def _chosen(alerts: AlertSettings, channel: str | None) -> list[str]:
    if channel is None:
        return list(alerts.channels)
    if channel not in alerts.channels:
        raise AlertUnknownError(f"{channel!r} is no channel; there are: {', '.join(alerts.channels)}.")
    return [channel]


def _tried(alerts: AlertSettings, channel: str, wording: Wording) -> tuple[bool, str]:
    now = datetime.now(UTC)
    condition = Condition(
        key=f"test/{channel}",
        kind=Kind.TEST,
        severity=Severity.INFO,
        owner="platform",
        subject=channel,
        title=f"A test of the channel {channel}",
        text="Somebody ran `centra-assets alerts test`. Nothing is wrong, and nothing is to be done.",
    )
    message = Message(str(uuid.uuid4()), Event.TEST, [Notice(Event.TEST, condition, now, now)])
    try:
        return True, f"taken: {send(alerts.channels[channel], message, wording)}"
    except AlertError as error:
        return False, str(error)


def run_list(*, everything: bool, as_json: bool) -> int:
    """Shows the alerts that stand, or all there ever were."""
    settings = Settings.load()
    found, silences = _transact(settings, lambda cursor: (store.alerts(cursor), store.silences(cursor)))
    shown = [alert for alert in found if everything or alert.state in (State.OPEN, State.RECOVERING)]
    shown.sort(key=lambda alert: (alert.state is State.CLOSED, -alert.condition.severity.rank, alert.since))
    if as_json:
        print(json.dumps([_told(alert, silences) for alert in shown], indent=2))
        return 0
    console = open_console()
    if not shown:
        console.print("No alert stands." if not everything else "There was never an alert.")
        return 0
    console.print(_table(shown, silences, settings))
    return 0


def _told(alert: Alert, silences: list[store.Silence]) -> dict[str, Any]:
    moments = ("since", "opened_at", "last_seen_at", "recovered_at", "notified_at")
    return {
        **alert.condition.told(),
        "state": str(alert.state),
        "times": alert.times,
        **{name: found.isoformat() if (found := getattr(alert, name)) else None for name in moments},
        "silenced_until": until.isoformat() if (until := _silenced(alert, silences)) else None,
    }


def _silenced(alert: Alert, silences: list[store.Silence]) -> datetime | None:
    return max((silence.until for silence in silences if silence.covers(alert.key)), default=None)


def _table(shown: list[Alert], silences: list[store.Silence], settings: Settings) -> Table:
    table = Table(show_edge=False)
    for heading in ("severity", "state", "since", "owner", "alert", "key", "times"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "times" else "left")
    for alert in shown:
        until = _silenced(alert, silences)
        state = f"{alert.state}, silent until {_clock(until, settings)}" if until else str(alert.state)
        condition = alert.condition
        since = _clock(alert.since, settings)
        table.add_row(
            condition.severity, state, since, condition.owner, condition.title, condition.key, str(alert.times)
        )
    return table


def _clock(moment: datetime, settings: Settings) -> str:
    return f"{moment.astimezone(settings.timezone):%Y-%m-%d %H:%M}"


def run_silence(*, key: str, length: str) -> int:
    """Sends nothing about a key, or about all that fit a pattern, for a while; `0m` ends the silence."""
    try:
        wanted = duration(length)
    except ValueError as error:
        raise AlertUnknownError(f"--for {error}.") from None
    settings = Settings.load()

    def work(cursor: Cursor[TupleRow]) -> str:
        keys = [alert.key for alert in store.alerts(cursor)]
        covered = [known for known in keys if store.Silence(key, datetime.now(UTC), "").covers(known)]
        if not covered:
            raise AlertUnknownError(f"No alert has the key {key!r}, nor fits it as a pattern.")
        _audit(cursor, "alert_silence", key, {"minutes": int(wanted.total_seconds() // 60), "alerts": len(covered)})
        if wanted == timedelta(0):
            return "The silence is over." if store.unsilence(cursor, key) else "There was no silence."
        until = store.silence(cursor, key, wanted, local_actor("alerts silence"))
        return f"{len(covered)} alerts are silent until {_clock(until, settings)}, for {shortly(wanted)}."

    print(_transact(settings, work))
    return 0


def run_resolve(*, key: str) -> int:
    """Declares failed work to be over that nobody will do again; the next look tells of the recovery."""

    def work(cursor: Cursor[TupleRow]) -> str:
        alert = next((alert for alert in store.alerts(cursor, closed=False) if alert.key == key), None)
        if alert is None:
            raise AlertUnknownError(f"No alert that stands has the key {key!r}.")
        parts = store.forget_parts(cursor, key)
        if not parts:
            raise AlertUnknownError(f"{key} still holds; it ends when what it tells of is over. Silence it instead.")
        _audit(cursor, "alert_resolve", key, {"parts": parts})
        return f"{parts} failures are taken to be over; the alert closes with the next look."

    print(_transact(Settings.load(), work))
    return 0


def run_watchdog(*, longest: str) -> int:
    """Tells when nobody has looked for alerts for so long, and when somebody does again; 1 while nobody does."""
    try:
        allowed = duration(longest)
    except ValueError as error:
        raise AlertUnknownError(f"--longest {error}.") from None
    settings, now = Settings.load(), datetime.now(UTC)
    alerts = read_alert_settings(settings.alerts_file)

    def work(cursor: Cursor[TupleRow]) -> list[Condition]:
        found = watch.nobody_looks(cursor, allowed, now)
        look = Look(conditions=found, kinds={Kind.WATCHDOG})
        record(cursor, alerts, "watchdog", look, now, settings.timezone)
        return found

    found = _transact(settings, work)
    wording = Wording(settings.timezone, str(settings.dagster_url))
    delivered = deliver(_database_url(settings), alerts, wording, seconds=_SEND_SECONDS)
    print(f"{found[0].title if found else 'The sensor looks for alerts.'} {delivered}.")
    return 1 if found else 0


def _audit(cursor: Cursor[TupleRow], kind: str, key: str, counts: Mapping[str, int]) -> None:
    actor = local_actor(kind.replace("alert_", "alerts "))
    write(cursor, [AuditEntry(kind=kind, subject=f"alert {key}", actor=actor, outcome="done", counts=counts)])


def _transact(settings: Settings, work: Callable[[Cursor[TupleRow]], T]) -> T:
    with (
        translated(),
        psycopg.connect(_database_url(settings), application_name="centra_alerts", connect_timeout=10) as connection,
        connection.cursor() as cursor,
    ):
        return work(cursor)


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    return settings.database_url.get_secret_value()
