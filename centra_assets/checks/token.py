"""Does Centra still take our token, and for how long? What it may read is the doctor's question."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.groups import group_of
from centra_assets.assets.raw import source_key
from centra_assets.centra.errors import AuthenticationError, PermissionDeniedError
from centra_assets.centra.token_expiry import expiry_of
from centra_assets.entities.model import Entity
from centra_assets.resources.centra import CentraResource

TOKEN_IS_VALID = "token_is_valid"  # noqa: S105 - a check's name
WARNING_DAYS, ERROR_DAYS = 14, 3


def build_token_check(
    entities: Sequence[Entity],
    expires_at: date | None,
    *,
    today: Callable[[], date] = lambda: datetime.now(UTC).date(),
) -> list[dg.AssetChecksDefinition]:
    """`token_is_valid` on Centra's end: where the stores come from, or whatever else is wired."""
    first = min(entities, key=lambda entity: (entity.name != "stores", entity.name), default=None)
    if first is None:
        return []
    key = dg.AssetCheckKey(source_key(group_of(first)), TOKEN_IS_VALID)
    spec = dg.AssetCheckSpec(
        key.name,
        asset=key.asset_key,
        description=described(
            f"Centra takes the token, and it lives longer than {WARNING_DAYS} days; {ERROR_DAYS} days before its end, "
            "and when Centra answers 403, this is an error: soon nothing will be fresh any more.",
            "make a new token in AMS with the same permissions and integration name, set CENTRA_API_TOKEN and "
            "CENTRA_API_TOKEN_EXPIRES_AT, restart.",
        ),
    )

    @dg.multi_asset_check(name="token", specs=[spec], can_subset=True, retry_policy=TRANSIENT_RETRIES)
    def checks(context: dg.AssetCheckExecutionContext, centra: CentraResource) -> Iterator[dg.AssetCheckResult]:
        with failures_told_apart():
            result = judged(key, is_accepted(centra), expiry_of(centra.api_token, expires_at), today())
        yield result

    return [checks]


def is_accepted(centra: CentraResource) -> bool:
    """Whether Centra knows the token. Raises the client's errors where Centra cannot be asked."""
    try:
        with centra.client() as client:
            client.rate_limits()
    except AuthenticationError:
        return False
    except PermissionDeniedError:
        # It is known, and may not read its quota.
        return True
    return True


def judged(key: dg.AssetCheckKey, accepted: bool, ends: date | None, today: date) -> dg.AssetCheckResult:
    """An error when it is refused or about to end, a warning some time before."""
    days = None if ends is None else (ends - today).days
    lives = days is None or days > WARNING_DAYS
    is_urgent = not accepted or (days is not None and days <= ERROR_DAYS)
    known: dict[str, Any] = {"ends": str(ends or "unknown: set CENTRA_API_TOKEN_EXPIRES_AT to be warned in time")}
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=accepted and lives,
        severity=dg.AssetCheckSeverity.ERROR if is_urgent else dg.AssetCheckSeverity.WARN,
        metadata={"accepted_by_centra": accepted, **known, **({"days_left": days} if days is not None else {})},
    )
