"""What Dagster's events tell of runs and checks, as failures and successes for the alerts. Nothing is decided here."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.events import JobFailureData

from centra_assets.alerts.model import Condition, Kind, Severity
from centra_assets.alerts.parts import Failed, Succeeded
from centra_assets.assets.failures import ERROR_CODE_TAG, FAILURE_TAG, TRANSIENT
from centra_assets.checks.freshness import IS_FRESH
from centra_assets.checks.token import TOKEN_IS_VALID
from centra_assets.errors import CentraAssetsError
from centra_assets.logs import redacted
from centra_assets.sensors.alert_reach import failed_reach, is_by_clock, is_held_back, succeeded_reach
from centra_assets.sensors.check_texts import check_text, is_unjudged

STREAM = "events"

_LOG = logging.getLogger(__name__)

# Of each kind, per question.
_PAGE = 500
# A job whose last run failed before that is no news to an installation that begins to alert.
_OLD_NEWS = timedelta(days=1)

# A step failed of something that is no error of ours, or the run ended without a word.
UNEXPECTED, CRASHED = "UNEXPECTED", "RUN_CRASHED"

_ASSET_JOB = "__ASSET_JOB"
_LONGEST_CAUSE = 700
# Of one run; a run over more has one part for all of them.
_MOST_PARTITIONS = 400

_KINDS = (
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
)


@dataclass(frozen=True)
class Read:
    """Events of a stream up to `seen`; `is_whole` when those are all there were."""

    events: Sequence[Failed | Succeeded]
    seen: int
    is_whole: bool


def newest(instance: dg.DagsterInstance) -> int:
    """The id of the newest event; 0 when there is none."""
    return instance.event_log_storage.get_maximum_record_id() or 0


def read_events(
    instance: dg.DagsterInstance,
    known: "Known",
    after: int,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Read:
    """What was told after the event `after`, for as long as the time lasts."""
    deadline, end = clock() + seconds, newest(instance)
    found: list[dg.EventLogRecord] = []
    reached = end
    for kind in _KINDS:
        last = after
        while True:
            wanted = dg.EventRecordsFilter(kind, after_cursor=last)
            page = instance.event_log_storage.get_event_records(wanted, limit=_PAGE, ascending=True)
            page = [record for record in page if record.storage_id <= end]
            found += page
            if len(page) < _PAGE:
                break
            last = page[-1].storage_id
            if clock() >= deadline:
                reached = min(reached, last)
                break
    within = [record for record in found if record.storage_id <= reached]
    return Read(list(_told(instance, known, within)), reached, reached == end)


def standing(instance: dg.DagsterInstance, known: "Known", now: datetime) -> list[Failed | Succeeded]:
    """What is wrong when alerting begins: checks that failed the last time, jobs whose last run has just failed."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(known.checks))
    found: list[Failed | Succeeded] = []
    for last in latest.values():
        # One that was asked for and has not been evaluated has no evaluation.
        if isinstance(last.evaluation, dg.AssetCheckEvaluation) and last.event and _fails(last.evaluation):
            at = datetime.fromtimestamp(last.event.timestamp, UTC)
            found.append(_check_failed(known, last.evaluation, 0, at))
    for job in sorted(known.jobs - {_ASSET_JOB}):
        ended = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
        records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ended), limit=1)
        for record in records:
            at = datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)
            run = record.dagster_run
            if run.status is dg.DagsterRunStatus.FAILURE and not _is_retried(run) and now - at < _OLD_NEWS:
                found += _run_failed(instance, known, run, None, 0, at)
    return found


@dataclass(frozen=True)
class Known:
    """What the code location holds now: jobs, checks and what they mean, assets with owners, groups, freshness."""

    jobs: frozenset[str]
    checks: Mapping[dg.AssetCheckKey, str]
    owners: Mapping[dg.AssetKey, str]
    groups: Mapping[dg.AssetKey, str]
    with_policy: Sequence[dg.AssetKey]
    repository: dg.RepositoryDefinition

    @classmethod
    def of(cls, repository: dg.RepositoryDefinition) -> "Known":
        """Everything in the repository."""
        graph = repository.asset_graph
        nodes = {node.key: node for node in graph.asset_nodes}
        return cls(
            jobs=frozenset(repository.job_names),
            checks={key: graph.get_check_spec(key).description or "" for key in graph.asset_check_keys},
            owners={key: (node.owners or ["team:platform"])[0].removeprefix("team:") for key, node in nodes.items()},
            groups={key: node.group_name or "default" for key, node in nodes.items()},
            with_policy=[key for key, node in nodes.items() if node.freshness_policy is not None],
            repository=repository,
        )

    def partitions(self, run: dg.DagsterRun, first: str, last: str) -> list[tuple[str, str]]:
        """The partitions of a range one by one; the range as it is where it is too long or cannot be told apart."""
        whole = [(first, last)]
        assets = run.asset_selection or self.repository.get_job(run.job_name).asset_layer.selected_asset_keys
        graph = self.repository.asset_graph
        found = (graph.get(key).partitions_def for key in sorted(assets) if graph.has(key))
        partitions = next((each for each in found if isinstance(each, dg.TimeWindowPartitionsDefinition)), None)
        if first == last or partitions is None:
            return whole
        try:
            keys = partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
        except dg.DagsterInvalidInvocationError:  # days before a start date that was moved since
            return whole
        return [(key, key) for key in keys] if len(keys) <= _MOST_PARTITIONS else whole

    def scopes(self) -> frozenset[str]:
        """The scopes that events may be about, and the assets in them."""
        assets = {key.to_user_string() for key in self.owners}
        return self.jobs | assets | {_check_scope(key) for key in self.checks}


def _told(
    instance: dg.DagsterInstance, known: Known, records: Sequence[dg.EventLogRecord]
) -> Iterator[Failed | Succeeded]:
    about_runs = [record for record in records if record.event_log_entry.dagster_event_type in _KINDS[:2]]
    runs = _runs(instance, sorted({record.run_id for record in about_runs}))
    for record in records:
        try:
            yield from _one(instance, known, record, runs.get(record.run_id))
        except Exception as error:
            # One event that is not as expected must not keep all the others from being told.
            _LOG.warning("The event %d cannot be read: %s.", record.storage_id, type(error).__name__)


def _one(
    instance: dg.DagsterInstance, known: Known, record: dg.EventLogRecord, run: dg.DagsterRun | None
) -> list[Failed | Succeeded]:
    event, at = record.event_log_entry.dagster_event, datetime.fromtimestamp(record.timestamp, UTC)
    if event is None:
        return []
    if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        evaluation = event.asset_check_evaluation_data
        if evaluation.asset_check_key not in known.checks:
            return []
        if evaluation.passed:
            return [Succeeded(record.storage_id, _check_scope(evaluation.asset_check_key))]
        return [_check_failed(known, evaluation, record.storage_id, at)] if _fails(evaluation) else []
    if run is None or run.job_name not in known.jobs:
        return []
    if event.event_type is dg.DagsterEventType.RUN_SUCCESS:
        return [Succeeded(record.storage_id, run.job_name, succeeded_reach(known.repository, run))]
    return [] if _is_retried(run) else list(_run_failed(instance, known, run, event, record.storage_id, at))


def _is_retried(run: dg.DagsterRun) -> bool:
    """Whether Dagster starts it again by itself: then it is judged by how that ends."""
    return run.tags.get("dagster/will_retry") == "true"


def _runs(instance: dg.DagsterInstance, ids: Sequence[str]) -> dict[str, dg.DagsterRun]:
    found: dict[str, dg.DagsterRun] = {}
    for first in range(0, len(ids), _PAGE):
        chosen = dg.RunsFilter(run_ids=list(ids[first : first + _PAGE]))
        found |= {record.dagster_run.run_id: record.dagster_run for record in instance.get_run_records(chosen)}
    return found


def _check_scope(key: dg.AssetCheckKey) -> str:
    return f"{key.asset_key.to_user_string()}:{key.name}"


def _check_failed(known: Known, evaluation: dg.AssetCheckEvaluation, event_id: int, at: datetime) -> Failed:
    key, asset = evaluation.asset_check_key, evaluation.asset_key.to_user_string()
    severity = Severity.ERROR if evaluation.severity is dg.AssetCheckSeverity.ERROR else Severity.WARNING
    words = key.name.replace("_", " ")
    name, kind, title = f"check/{asset}/{key.name}", Kind.CHECK, f"{asset}: the check '{words}' fails"
    if key.name == IS_FRESH:
        name, kind, title = f"freshness/{asset}", Kind.FRESHNESS, f"{asset} is not fresh"
    elif key.name == TOKEN_IS_VALID:
        # The same trouble as the one that the token's last day tells of.
        name, kind, title = "token/expiry", Kind.TOKEN, "Centra's API token expires soon, or Centra refuses it"
    condition = Condition(
        key=name,
        kind=kind,
        severity=severity,
        owner=known.owners.get(evaluation.asset_key, "platform"),
        subject=asset,
        title=title,
        text=check_text(known.checks.get(key, ""), evaluation.metadata),
        link=f"assets/{asset}?view=checks&checkDetail={key.name}",
    )
    return Failed(event_id, at, _check_scope(key), condition)


def _fails(evaluation: dg.AssetCheckEvaluation) -> bool:
    return not evaluation.passed and not is_unjudged(evaluation.metadata)


def _run_failed(
    instance: dg.DagsterInstance,
    known: Known,
    run: dg.DagsterRun,
    event: dg.DagsterEvent | None,
    event_id: int,
    at: datetime,
) -> Iterator[Failed]:
    """The failure of every partition of the run: each may succeed in another one.

    None where nothing failed but a check that holds back what is downstream: what was loaded is loaded, and the check
    is an alert of its own, which ends with its cause.
    """
    if is_held_back(instance, run):
        return
    code, cause = _cause(run, event)
    subject, extent = _subject(known, run), failed_reach(instance, known.repository, run)
    owners = {known.owners.get(key, "platform") for key in run.asset_selection or ()}
    condition = Condition(
        key=f"run/{subject}/{code}",
        kind=Kind.RUN,
        severity=Severity.ERROR,
        owner=owners.pop() if len(owners) == 1 else "platform",
        subject=subject,
        title=f"{subject} failed: {code}",
        text=f"{cause}\n{_outlook(run)}",
        link=f"runs/{run.run_id}",
    )
    if "first" not in extent or "clock" in extent:
        yield Failed(event_id, at, run.job_name, condition, extent=extent)
        return
    for first, last in known.partitions(run, extent["first"], extent["last"]):
        part = first if first == last else f"{first}...{last}"
        yield Failed(event_id, at, run.job_name, condition, part, {**extent, "first": first, "last": last})


def _subject(known: Known, run: dg.DagsterRun) -> str:
    """The job; for assets that somebody materialized without one, their group."""
    if not run.job_name.startswith(_ASSET_JOB):
        return run.job_name
    groups = sorted({known.groups.get(key, "default") for key in run.asset_selection or ()})
    return f"assets of {groups[0]}" if len(groups) == 1 else "assets of several groups"


def _cause(run: dg.DagsterRun, event: dg.DagsterEvent | None) -> tuple[str, str]:
    """The code, and what it means. Only errors of ours are quoted: the text of any other may quote a record."""
    code = run.tags.get(ERROR_CODE_TAG, "")
    known = _errors().get(code)
    # Whoever marks a run as failed from outside says nothing of steps.
    ended = event.event_specific_data if event is not None else None
    failed = ended.first_step_failure_event if isinstance(ended, JobFailureData) else None
    if known is None:
        if event is None:
            return UNEXPECTED, "The run's page says why it failed."
        if failed is None:
            return CRASHED, "The run ended without saying why: its process was killed, or its machine went away."
        return UNEXPECTED, f"The step {failed.step_key} failed of something unforeseen; the run's page says where."
    data = failed.step_failure_data if failed is not None else None
    told = data.user_failure_data.description if data is not None and data.user_failure_data else None
    if told and told.startswith(f"{code}: "):
        return code, redacted(told)[:_LONGEST_CAUSE]
    return code, f"{code}: {(known.__doc__ or '').strip().splitlines()[0]} What to do: {known.remedy}"


def _errors() -> dict[str, type[CentraAssetsError]]:
    """Every error of ours by its code, the root of a family before what is derived from it."""
    found: dict[str, type[CentraAssetsError]] = {}
    waiting: list[type[CentraAssetsError]] = [CentraAssetsError]
    while waiting:
        error = waiting.pop(0)
        found.setdefault(error.code, error)
        waiting += error.__subclasses__()
    return found


def _outlook(run: dg.DagsterRun) -> str:
    if run.tags.get(FAILURE_TAG) == TRANSIENT:
        return "It was tried again and again, and may succeed later without your doing."
    if is_by_clock(run):
        return "It is asked for again by itself; the alert ends when it succeeds."
    return (
        "Nothing starts it again by itself: run it again when the cause is gone. If it is not needed any more, end "
        "the alert with `centra-assets alerts resolve`."
    )
