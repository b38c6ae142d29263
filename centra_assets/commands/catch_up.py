"""The `catch-up` command: sweeps everything from a moment on, in this process, with or without Dagster's daemon."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import msgspec
from rich.console import Console
from rich.table import Table

from centra_assets.commands.filling import execute
from centra_assets.commands.moments import moment_of
from centra_assets.definitions import build_definitions
from centra_assets.entities.registry import ENTITIES
from centra_assets.errors import CentraAssetsError
from centra_assets.resources.actors import ASKED_BY_TAG
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.audit import local_actor
from centra_assets.storage.warehouse import Warehouse
from centra_assets.sync.ops import SWEEP

_OP = "sweep_entities"
_OUTCOMES = """
SELECT entity, strategy, detail::text AS detail FROM ops.sync_state
WHERE run_id = %s AND partition = '' AND checked_at IS NOT NULL
"""


class CatchUpError(CentraAssetsError):
    """The command was told something that it cannot understand, or cannot record its runs."""

    code = "CATCH_UP_IMPOSSIBLE"
    remedy = (
        "Write --since as a duration such as 2h or a moment such as 2024-05-31T08:00+02:00, name entities as "
        "docs/data-dictionary.md does, and set DAGSTER_HOME to the folder of the instance."
    )


def run_catch_up(*, since: str, entities: Sequence[str], now: datetime | None = None) -> int:
    """Sweeps; returns 0 when every entity was swept to its end. Raises SettingsError, CatchUpError."""
    settings = Settings.load()
    names = {"API_URL": settings.api_url, "API_TOKEN": settings.api_token, "DATABASE_URL": settings.database_url}
    missing = [f"CENTRA_{name}" for name, value in names.items() if value is None]
    if missing or settings.database_url is None:
        raise SettingsError(f"{', '.join(missing)} not set.")
    begin = moment(since, now or datetime.now(UTC), settings)
    chosen = _known(entities)
    warehouse = Warehouse(settings.database_url.get_secret_value())
    # Says at once, and with its own code, when there is no database.
    warehouse.query("SELECT count(*) FROM ops.sync_state")
    console = Console()
    console.print(f"Sweeping {len(chosen)} entities from {begin.isoformat(timespec='seconds')} on ...")
    config = {"entities": chosen, "since": begin.isoformat()}
    with _instance() as instance:
        tags = {ASKED_BY_TAG: local_actor("catch-up")}
        result = execute(build_definitions(settings), instance, SWEEP, tags, ops={_OP: {"config": config}})
    outcomes = {name: (strategy, msgspec.json.decode(detail)) for name, strategy, detail in _told(warehouse, result)}
    console.print(_table(chosen, outcomes))
    for event in result.all_events:
        if event.is_failure and event.step_key is not None:
            console.print(f"[red]failed[/] {_cause(event)}")
    unswept = [name for name in chosen if name not in outcomes]
    if unswept:
        console.print(f"Not at their end, the next sweep goes on: {', '.join(unswept)}.")
    return 0 if result.success and not unswept else 1


def moment(since: str, now: datetime, settings: Settings) -> datetime:
    """`2h` is two hours before `now`; a moment without an offset is the merchant's. Raises CatchUpError."""
    try:
        told = moment_of(since, now, settings.timezone)
    except ValueError as error:
        raise CatchUpError(f"--since {error}.") from None
    if told > now:
        raise CatchUpError(f"--since {since!r} lies in the future.")
    return told


def _known(entities: Sequence[str]) -> list[str]:
    known = [entity.name for entity in ENTITIES]
    unknown = [name for name in entities if name not in known]
    if unknown:
        raise CatchUpError(f"There is no entity {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
    return [name for name in known if name in entities or not entities]


def _instance() -> dg.DagsterInstance:
    if not os.environ.get("DAGSTER_HOME"):
        raise CatchUpError("DAGSTER_HOME is not set, so there is nowhere to record what was swept.")
    try:
        return dg.DagsterInstance.get()
    except dg.DagsterError:
        raise CatchUpError("DAGSTER_HOME names no folder of an instance.") from None


def _told(warehouse: Warehouse, result: dg.ExecuteInProcessResult) -> Iterator[tuple[Any, ...]]:
    return warehouse.query(_OUTCOMES, [result.run_id]).iter_rows()


def _table(chosen: Sequence[str], outcomes: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Table:
    table = Table(title="What was found", show_edge=False)
    for heading in ("entity", "swept by", "read", "new in raw", "rows changed", "requests", ""):
        table.add_column(heading, justify="left" if heading in ("entity", "swept by", "") else "right")
    for name in chosen:
        if name in outcomes:
            strategy, told = outcomes[name]
            numbers = [f"{told[key]:,}" for key in ("read", "raw_records", "rows_changed", "requests")]
            table.add_row(name, strategy, *numbers, told.get("error") or "; ".join(told.get("notes", [])))
    return table


def _cause(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data.user_failure_data
    return (failure.description if failure else None) or event.message or "see the run's log"
