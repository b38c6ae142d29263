"""`centra-assets quarantine`: what is set aside and why, where its raw record lies, and another try. Mends nothing."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from centra_assets.assets.quarantine import blockages, limit_of, told
from centra_assets.assets.tables import table_of
from centra_assets.commands.tables import open_console
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.errors import CentraAssetsError
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.lake import Lake
from centra_assets.storage.quarantined import SetAside, set_aside, standing
from centra_assets.storage.warehouse import Warehouse

_MASKED = "***"
# Records that are named in a line.
_SHOWN = 20


class QuarantineQuestionError(CentraAssetsError):
    """`quarantine` was asked about something that is not there, or cannot record its run."""

    code = "QUARANTINE_QUESTION"
    remedy = (
        "See `centra-assets quarantine list` for what is set aside; name entities as docs/data-dictionary.md does. To "
        "retry, set DAGSTER_HOME to the folder of the instance."
    )


def run_list(*, entity: str | None, partition: str | None, as_json: bool) -> int:
    """Prints the records that are set aside, and what of it blocks. Raises SettingsError, storage's errors."""
    settings = Settings.load()
    warehouse = _warehouse(settings)
    found = set_aside(warehouse, entity=entity and _named(entity).name, partition=partition)
    if as_json:
        for record in found:
            print(msgspec.json.encode(_plain(record)).decode())
        return 0
    console = open_console()
    if not found:
        console.print("Nothing is in quarantine.")
        return 0
    console.print(_table(found, settings))
    for line in _standings(found, warehouse):
        console.print(line)
    return 0


def run_show(*, entity: str, record_id: str, payload: bool, unmasked: bool) -> int:
    """Prints all that is known of a record in quarantine, and where its readings lie in the lake.

    With `payload` also what Centra sent last, its personal data masked unless `unmasked`; that one is in the audit.
    """
    settings = Settings.load()
    warehouse, item = _warehouse(settings), _named(entity)
    found = set_aside(warehouse, entity=item.name, ids=[record_id])
    if not found:
        raise QuarantineQuestionError(f"{item.name} {record_id} is not in quarantine.")
    lake, console = Lake(settings.lake_url), open_console()
    for record in found:
        for line in _described(record, settings):
            console.print(line)
        for reading in readings(lake, record):
            console.print(f"  {reading}", soft_wrap=True)
        if payload or unmasked:
            _print_payload(console, item, record, lake, warehouse, unmasked=unmasked)
    return 0


def run_retry(*, entities: Sequence[str], ids: Sequence[str], refetch: bool) -> int:
    """Tries records again in a run of Dagster's; 0 when all that were tried left quarantine.

    Raises SettingsError, QuarantineQuestionError.
    """
    settings = Settings.load()
    needed = {"API_URL": settings.api_url, "API_TOKEN": settings.api_token, "DATABASE_URL": settings.database_url}
    missing = [f"CENTRA_{name}" for name, value in needed.items() if value is None]
    if missing:
        raise SettingsError(f"{', '.join(missing)} not set.")
    warehouse, chosen = _warehouse(settings), [_named(name).name for name in entities]
    console = open_console()
    tried = [record for record in set_aside(warehouse, ids=list(ids) or None) if not chosen or record.entity in chosen]
    if not tried:
        console.print("Nothing of what was asked for is in quarantine.")
        return 0
    causes = _run(settings, entities=chosen, ids=[record.record_id for record in tried], refetch=refetch)
    before = {(record.entity, *record.place) for record in tried}
    stayed = [record for record in set_aside(warehouse) if (record.entity, *record.place) in before]
    left = sorted(before - {(record.entity, *record.place) for record in stayed})
    console.print(f"{len(left)} of {len(tried)} records left quarantine.")
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        console.print("They are " + ", ".join(f"{name} {record}" for name, record, _ in left[:_SHOWN]) + f"{more}.")
    if stayed:
        console.print(_table(stayed, settings))
    for cause in causes:
        console.print(cause)
    return 1 if stayed or causes else 0


def readings(lake: Lake, record: SetAside) -> Iterator[str]:
    """Where the lake has the record: file, row counted from 0, and when it was read; the latest first."""
    for file in reversed(lake.files(record.entity, record.partition)):
        rows = lake.rows([file]).with_row_index("row").filter(id=record.record_id)
        for row, fetched_at, is_gone in rows.select("row", "fetched_at", _is_gone()).iter_rows():
            said = "deleted" if is_gone else file.kind
            yield f"{file.path}#row={row}  {said}, read {fetched_at.isoformat(timespec='seconds')}"


def _is_gone() -> Any:
    import polars as pl

    return pl.col("payload").is_null()


def _print_payload(
    console: Console, entity: Entity, record: SetAside, lake: Lake, warehouse: Warehouse, *, unmasked: bool
) -> None:
    from centra_assets.privacy.masking import mask

    held = lake.known(entity.name, {record.partition: [record.record_id]})
    if held.is_empty():
        console.print("The lake has no payload of it.")
        return
    text: str = held["payload"][0]
    if unmasked:
        _note_unmasked(record, warehouse)
    shown = text if unmasked else mask(entity, text, _MASKED)
    # Decimals as they are written: a float would show another amount.
    console.print(msgspec.json.format(shown.encode(), indent=2).decode(), soft_wrap=True)


def _note_unmasked(record: SetAside, warehouse: Warehouse) -> None:
    """Who looked at somebody's data leaves a trace, before he sees it."""
    from centra_assets.storage.audit import AuditEntry, local_actor, write

    entry = AuditEntry(
        kind="quarantine_shown_unmasked",
        subject=f"raw/{record.entity}",
        partition=record.partition,
        actor=local_actor("quarantine show"),
        outcome="done",
        counts={"records": 1},
        detail={"ids": [record.record_id]},
    )
    warehouse.transact(lambda cursor: write(cursor, [entry]))


def _run(settings: Settings, *, entities: Sequence[str], ids: Sequence[str], refetch: bool) -> list[str]:
    """The run of `retry_quarantined`; what it failed of, nothing when it did not."""
    import dagster as dg

    from centra_assets.commands.filling import execute
    from centra_assets.definitions import build_definitions
    from centra_assets.resources.actors import ASKED_BY_TAG
    from centra_assets.storage.audit import local_actor
    from centra_assets.sync.quarantine_ops import RETRY_OP, RETRY_QUARANTINED

    if not os.environ.get("DAGSTER_HOME"):
        raise QuarantineQuestionError("DAGSTER_HOME is not set, so there is nowhere to record the run.")
    config = {"entities": list(entities), "ids": list(dict.fromkeys(ids)), "refetch": refetch}
    try:
        found = dg.DagsterInstance.get()
    except dg.DagsterError:
        raise QuarantineQuestionError("DAGSTER_HOME names no folder of an instance.") from None
    with found as instance:
        result = execute(
            build_definitions(settings),
            instance,
            RETRY_QUARANTINED,
            {ASKED_BY_TAG: local_actor("quarantine retry")},
            ops={RETRY_OP: {"config": config}},
        )
    failures = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    causes = [failure.description for failure in failures if failure is not None and failure.description]
    return causes if result.success or causes else ["The run failed; see its log."]


def _standings(found: Sequence[SetAside], warehouse: Warehouse) -> Iterator[str]:
    """A line per entity: how much of it is aside, and whether anything waits for it."""
    for item in [entity for entity in ENTITIES if any(record.entity == entity.name for record in found)]:
        part = standing(warehouse, item.name, table_of(item.tables[0])).whole
        blocked = next(blockages([item], warehouse), None)
        if blocked is None:
            what = f"a warning; marts wait above {limit_of(item):.1%}"
        elif blocked.whole is not None:
            what = f"more than {limit_of(item):.1%}: whatever is computed from it waits"
        else:
            what = (
                f"these partitions have too many, and what is computed from them waits: {', '.join(blocked.partitions)}"
            )
        yield f"{item.name}: {told(part)} are set aside; {what}."


def _table(records: Sequence[SetAside], settings: Settings) -> Table:
    table = Table(show_edge=False, title=f"In quarantine; times are of {settings.timezone}")
    for heading in ("entity", "id", "partition", "reasons", "since", "last seen", "times"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "times" else "left")
    for record in records:
        since, last = (_local(moment, settings) for moment in (record.first_seen, record.last_seen))
        reasons = "; ".join(map(str, record.reasons))
        table.add_row(record.entity, record.record_id, record.partition, reasons, since, last, str(record.times))
    return table


def _described(record: SetAside, settings: Settings) -> Iterator[str]:
    yield f"{record.entity} {record.record_id}, partition {record.partition}"
    by_table: Mapping[str, list[str]] = _rules(record)
    for table, rules in by_table.items():
        yield f"  breaks {table}: {', '.join(rules)}"
    yield f"  since {_local(record.first_seen, settings)}, seen {record.times} times, last by run {record.run_id}"
    yield f"  as read {_local(record.fetched_at, settings)}; its last good version, if there is one, is in core"


def _rules(record: SetAside) -> dict[str, list[str]]:
    rules = defaultdict[str, list[str]](list)
    for reason in record.reasons:
        rules[reason.table].append(reason.rule + (f" ({reason.rows} rows)" if reason.rows > 1 else ""))
    return rules


def _local(moment: datetime, settings: Settings) -> str:
    return moment.astimezone(settings.timezone).isoformat(sep=" ", timespec="seconds")


def _plain(record: SetAside) -> dict[str, Any]:
    moments = {
        name: getattr(record, name).astimezone(UTC).isoformat() for name in ("fetched_at", "first_seen", "last_seen")
    }
    return {**vars(record), **moments, "reasons": [vars(reason) for reason in record.reasons]}


def _warehouse(settings: Settings) -> Warehouse:
    if settings.database_url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    return Warehouse(settings.database_url.get_secret_value())


def _named(name: str) -> Entity:
    known = {entity.name: entity for entity in ENTITIES}
    if name not in known:
        raise QuarantineQuestionError(f"There is no entity {name}; there are {', '.join(sorted(known))}.")
    return known[name]
