"""The doctor's questions to Centra: the token, its permissions, the live schema, the rate limits."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from centra_assets.assets.metadata import reads
from centra_assets.assets.queries import attribute_paths_to_drop, query_of
from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.buckets import Priority
from centra_assets.centra.errors import AuthenticationError, PermissionDeniedError
from centra_assets.centra.pruning import Pruned
from centra_assets.centra.token_expiry import expiry_of
from centra_assets.commands.findings import Finding, Outcome
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES, entity
from centra_assets.errors import CentraAssetsError
from centra_assets.partitions import DYNAMIC_AXES
from centra_assets.settings import Settings

# Below this many days the token should be renewed before anything else.
EXPIRY_WARNING_DAYS = 7


def api_findings(settings: Settings) -> Iterator[Finding]:
    """Everything that only Centra can answer. Costs about two requests per entity, one record each."""
    if settings.api_url is None or settings.api_token is None:
        yield Finding(
            "api",
            Outcome.WARNING,
            "CENTRA_API_URL or CENTRA_API_TOKEN is not set.",
            "Set both; `make dev` uses a sandbox.",
        )
        return
    database_url = settings.database_url.get_secret_value() if settings.database_url else None
    try:
        with connect(
            url=str(settings.api_url),
            token=settings.api_token,
            database_url=database_url,
            priority=Priority.REAL_TIME,
            max_attempts=2,
            timeout_seconds=30,
        ) as client:
            yield from _asked(client, settings)
    except AuthenticationError as error:
        yield Finding("token", Outcome.BROKEN, error.cause, error.remedy)


def _asked(client: BlockingClient, settings: Settings) -> Iterator[Finding]:
    try:
        limits = client.rate_limits()
        # What was granted a minute ago must show now, in the runs after this as well.
        client.look_afresh()
    except AuthenticationError:
        raise
    except CentraAssetsError as error:
        yield Finding("api", Outcome.BROKEN, error.cause, error.remedy)
        return
    yield Finding("token", Outcome.FINE, "Centra accepts the token.")
    yield _expiry(settings)
    for limit in limits:
        used = limit.quota - limit.remaining
        yield Finding(
            "rate limits",
            Outcome.NOTE,
            f"{limit.kind.value} per {limit.interval_seconds} s: {limit.quota:,}, of which {used:,} are used now.",
        )
    yield from _entities(client, settings)


def _expiry(settings: Settings) -> Finding:
    token = settings.api_token.get_secret_value() if settings.api_token else ""
    ends = expiry_of(token, settings.api_token_expires_at)
    renew = "Make a new token in AMS (System > API tokens) with the same permissions and integration name."
    if ends is None:
        return Finding(
            "token",
            Outcome.NOTE,
            "Centra does not tell when the token ends; tokens live 30 days unless chosen otherwise.",
            "Set CENTRA_API_TOKEN_EXPIRES_AT to the day that AMS showed, to be warned in time.",
        )
    days = (ends - datetime.now(UTC).date()).days
    if days < 0:
        return Finding("token", Outcome.BROKEN, f"The token ended on {ends}.", renew)
    if days <= EXPIRY_WARNING_DAYS:
        return Finding("token", Outcome.WARNING, f"The token ends in {days} days, on {ends}.", renew)
    return Finding("token", Outcome.FINE, f"The token ends on {ends}, in {days} days.")


def _entities(client: BlockingClient, settings: Settings) -> Iterator[Finding]:
    keys = {axis: _first_id(client, entity(name)) for axis, name in DYNAMIC_AXES.items()}
    for item in ENTITIES:
        try:
            pruned = _ask_for_one(client, item, keys)
        except PermissionDeniedError as error:
            tables = ", ".join(contract.table for contract in item.tables)
            yield Finding(
                f"raw/{item.name}", Outcome.WARNING, f"{error.cause} Runs skip it; no rows in: {tables}.", error.remedy
            )
            continue
        except CentraAssetsError as error:
            yield Finding(f"raw/{item.name}", Outcome.BROKEN, error.cause, error.remedy)
            continue
        if not pruned:
            yield Finding(f"raw/{item.name}", Outcome.FINE, "Every field can be read.")
        for cut in pruned:
            if cut.argument:
                yield Finding(f"raw/{item.name}", Outcome.NOTE, f"{cut.path} is asked for otherwise: {cut.reason}.")
                continue
            columns = ", ".join(_columns(item, cut)) or "nothing in core"
            yield Finding(
                f"raw/{item.name}",
                Outcome.WARNING,
                f"{cut.path} cannot be read ({cut.reason}); null: {columns}.",
                "Give the token the permission, or accept the null columns.",
            )


def _first_id(client: BlockingClient, reference: Entity) -> int | None:
    try:
        for _, page in client.stream(replace(query_of(reference), page_limit=1), [{}]):
            return int(page.ids[0]) if page.ids else None
    except CentraAssetsError:
        return None
    return None


def _ask_for_one(client: BlockingClient, item: Entity, keys: dict[Axis, int | None]) -> tuple[Pruned, ...]:
    """Ask for one record of the last month (or of the first key); returns what had to be left out."""
    now = datetime.now(UTC)
    variables: dict[str, object] = {}
    if item.axis in (Axis.DAY, Axis.MONTH):
        variables = {"from": (now - timedelta(days=31)).isoformat(), "to": now.isoformat()}
    elif item.axis in keys:
        variables = {"key": keys[item.axis] or 0}
    query = client.prepare(replace(query_of(item, drop_paths=attribute_paths_to_drop(client, item)), page_limit=1))
    for _ in client.stream(query, [variables]):
        break
    return tuple(query.pruned)


def _columns(item: Entity, cut: Pruned) -> list[str]:
    """Core columns that are read from the pruned path or from below it."""
    return sorted(
        f"{contract.table}.{name}"
        for contract in item.tables
        for name, column in contract.columns().items()
        if _covers(cut.path, str((column.metadata or {}).get("source", "")))
    )


def _covers(path: str, source: str) -> bool:
    return bool(source) and reads(source, path, above=True)
