"""The `audit` command: what was done to the data, when, by which run, for whom. It reads; who writes is elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_args

import msgspec
from rich.console import Console
from rich.table import Table

from centra_assets.commands.moments import moment_of
from centra_assets.errors import CentraAssetsError
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.audit import OUTCOMES, AuditFilter, AuditRecord, Outcome, find

_SHORT_RUN = 8
_MOST_FIELDS = 6


class AuditQuestionError(CentraAssetsError):
    """`audit` was asked something that it cannot understand."""

    code = "AUDIT_QUESTION"
    remedy = (
        "Write moments as 2h or 2024-05-31T08:00+02:00, entities as docs/data-dictionary.md names them or assets such "
        "as core/order_lines, and an outcome as begun, done, refused or failed."
    )


@dataclass(frozen=True)
class AuditQuestion:
    """The command's options, as they were typed."""

    since: str | None = None
    until: str | None = None
    entity: str | None = None
    run: str | None = None
    kind: str | None = None
    actor: str | None = None
    outcome: str | None = None
    partition: str | None = None


def run_audit(question: AuditQuestion, *, limit: int, as_json: bool, now: datetime | None = None) -> int:
    """Prints the entries, newest first. Raises SettingsError, AuditQuestionError and storage's errors."""
    settings = Settings.load()
    if settings.database_url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    wanted = filter_of(question, settings, now or datetime.now(UTC))
    # One more tells whether there are more.
    found = find(settings.database_url.get_secret_value(), wanted, limit + 1)
    shown = found[:limit]
    if as_json:
        for record in shown:
            print(msgspec.json.encode(_plain(record)).decode())
        return 0
    console = Console(markup=False, highlight=False)
    console.print(_table(shown, settings) if shown else "Nothing in the trail fits.")
    if len(found) > limit:
        console.print(f"There are more than these {limit}: narrow the question, or raise --limit.")
    return 0


def filter_of(question: AuditQuestion, settings: Settings, now: datetime) -> AuditFilter:
    """What was typed, understood. Raises AuditQuestionError."""
    outcome = question.outcome
    if outcome is not None and outcome not in get_args(Outcome):
        raise AuditQuestionError(f"There is no outcome {outcome!r}; there are {', '.join(OUTCOMES)}.")

    def moment(name: str, text: str | None) -> datetime | None:
        try:
            return None if text is None else moment_of(text, now, settings.timezone)
        except ValueError as error:
            raise AuditQuestionError(f"--{name} {error}.") from None

    return AuditFilter(
        since=moment("since", question.since),
        until=moment("until", question.until),
        subjects=None if question.entity is None else list(_subjects(question.entity)),
        partition=question.partition,
        kind=question.kind,
        outcome=cast(Outcome | None, outcome),
        run=question.run,
        actor=question.actor,
    )


def _subjects(name: str) -> Iterator[str]:
    """An entity stands for itself, its raw asset and its core tables; anything with a slash or a space for itself."""
    from centra_assets.entities.registry import ENTITIES

    yield name
    if "/" in name or " " in name:
        return
    known = {entity.name: entity for entity in ENTITIES}
    if name not in known:
        raise AuditQuestionError(f"There is no entity {name}; there are {', '.join(sorted(known))}.")
    yield f"raw/{name}"
    yield from (f"core/{contract.table}" for contract in known[name].tables)


def _plain(record: AuditRecord) -> Mapping[str, Any]:
    return {**vars(record), "at": record.at.astimezone(UTC).isoformat(timespec="milliseconds")}


def _table(records: Sequence[AuditRecord], settings: Settings) -> Table:
    table = Table(show_edge=False, title=f"What was done, newest first; times are of {settings.timezone}")
    for heading in ("when", "what", "partition", "came of it", "counts", "fields", "asked by", "run"):
        table.add_column(heading, overflow="fold")
    for record in records:
        at = record.at.astimezone(settings.timezone).isoformat(sep=" ", timespec="seconds")
        what = record.subject if record.kind == "load" else f"{record.kind} {record.subject}"
        code = record.detail.get("code")
        outcome = f"{record.outcome} ({code})" if code else record.outcome
        counts = ", ".join(f"{count:,} {name}" for name, count in record.counts.items() if count)
        run = record.run_id[:_SHORT_RUN]
        table.add_row(at, what, record.partition, outcome, counts, _listed(record.fields), record.actor, run)
    return table


def _listed(fields: Sequence[str]) -> str:
    more = len(fields) - _MOST_FIELDS
    return ", ".join(fields[:_MOST_FIELDS]) + (f" and {more} more" if more > 0 else "")
