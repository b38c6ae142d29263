"""How sensors wait after runs that failed: longer each time, and longest after what trying again cannot mend."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import dagster as dg

from centra_assets.assets.failures import ERROR_CODE_TAG, FAILURE_TAG, PERMANENT
from centra_assets.failures import is_transient, translated

# Failures in a row that are looked at; by then the pause is the longest anyway.
_MOST_RUNS = 10

_UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def pause(
    instance: dg.DagsterInstance,
    job_name: str,
    now: datetime,
    *,
    first: timedelta,
    longest: timedelta,
    counts: Callable[[dg.RunRecord], bool] = lambda record: True,
) -> str:
    """Why no run of the job is asked for yet; '' when one may be.

    After one failed run that is `first`, after two in a row twice as much, and so on up to `longest`; after a failure
    that is permanent it is `longest` at once. A run that did not fail, also one that a person started, ends it. Only
    runs that `counts` are failures.
    """
    failed = list(_failed_in_a_row(instance, job_name, counts))
    if not failed:
        return ""
    tags = failed[0].dagster_run.tags
    is_permanent = tags.get(FAILURE_TAG) == PERMANENT
    wait = longest if is_permanent else min(longest, first * 2 ** (len(failed) - 1))
    until = ended(failed[0]) + wait
    if now >= until:
        return ""
    number = "The last run" if len(failed) == 1 else f"The last {len(failed)} runs"
    code = f" with {tags[ERROR_CODE_TAG]}" if ERROR_CODE_TAG in tags else ""
    why = ", which trying again does not mend" if is_permanent else ""
    return f"{number} failed{code}{why}; asked for again at {until:%H:%M:%S} UTC, or start {job_name} by hand."


def _failed_in_a_row(
    instance: dg.DagsterInstance, job_name: str, counts: Callable[[dg.RunRecord], bool]
) -> Iterator[dg.RunRecord]:
    """The finished runs of the job, the latest first, back to the first that did not fail."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=_MOST_RUNS)
    finished = (record for record in records if record.dagster_run.status not in _UNFINISHED)
    return takewhile(
        lambda record: record.dagster_run.status is dg.DagsterRunStatus.FAILURE and counts(record), finished
    )


def begun(record: dg.RunRecord) -> datetime:
    """When a run began, or was made if it never did."""
    return _moment(record.start_time) or record.create_timestamp


def ended(record: dg.RunRecord) -> datetime:
    """When a run ended, or was last heard of."""
    return _moment(record.end_time) or record.update_timestamp


def _moment(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp else None


def passed_over(error: Exception) -> dg.SkipReason:
    """What a tick says of an error that passes; raises any other, as one of ours: the tick's page shows its text."""
    known = translated(error)
    if is_transient(known):
        return dg.SkipReason(f"{known} The next tick tries again.")
    raise known from None
