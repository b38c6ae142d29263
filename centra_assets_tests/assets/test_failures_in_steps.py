"""What leaves a failing step: an error of ours in Dagster's event log and tags, retried or not, and nobody's data."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import httpx
import polars as pl
import psycopg
import pytest
import sqlalchemy.exc
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_postgres.utils import DagsterPostgresException

from centra_assets.assets.failures import ERROR_CODE_TAG, FAILURE_TAG, failed_of, failures_told_apart
from centra_assets.assets.metadata import core_key
from centra_assets.centra.errors import ServerError, TransportError
from centra_assets.entities.model import TransformContext
from centra_assets.entities.registry import entity
from centra_assets.errors import CentraAssetsError
from centra_assets.failures import is_transient
from centra_assets.logs import mark
from centra_assets.storage.errors import CollapseError
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.assets.platform import QUIET

SOMEBODY = "Åsa Öberg"


def logged(instance: dg.DagsterInstance, run_id: str) -> str:
    """Everything that Dagster keeps of a run."""
    return "\n".join(repr(entry) for entry in instance.all_logs(run_id))


def tags_of(instance: dg.DagsterInstance, run_id: str) -> Mapping[str, str]:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.tags


def test_a_poisoned_payload_fails_the_step_and_is_quoted_nowhere(make_platform: MakePlatform) -> None:
    orders, said = entity("orders"), list[str]()

    def choking(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
        try:
            records.select(pl.col("record").struct.field("shippingAddress").struct.field("lastName").cast(pl.Int64))
        except pl.exceptions.PolarsError as error:
            said.append(str(error))
            raise
        raise AssertionError("nobody's name is a number")

    platform = make_platform(days=10, entities=[replace(orders, transform=choking)])
    result = platform.refresh(raise_on_error=False)
    assert not result.success
    payloads = platform.lake.read("orders", platform.keys(orders.axis))["payload"]
    names = {json.loads(payload)["shippingAddress"]["lastName"] for payload in payloads}
    quoted = {name for name in names if name and any(f'"{name}"' in text for text in said)}
    # Polars quotes what it cannot read, so there was something to keep back.
    assert quoted
    kept = logged(platform.instance, result.run_id)
    assert [name for name in quoted if f'"{name}"' in kept] == []
    assert [name for name in quoted if any(name in line for line in _told(platform.instance, result.run_id))] == []
    failure = result.failure_data_for_node("core_orders")
    assert failure is not None and failure.user_failure_data is not None
    description = str(failure.user_failure_data.description)
    assert description.startswith("INTERNAL_ERROR: polars.")
    assert "centra_assets.entities.parse:" in description
    where = failure.user_failure_data.metadata["where"].value
    assert "centra_assets.assets.load:" in str(where)
    tags = tags_of(platform.instance, result.run_id)
    assert (tags[ERROR_CODE_TAG], tags[FAILURE_TAG]) == ("INTERNAL_ERROR", "permanent")
    assert not any(event.event_type_value == "STEP_UP_FOR_RETRY" for event in result.all_events)
    assert core_key("orders") not in {event.asset_key for event in result.get_asset_materialization_events()}


def _told(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """The messages, and the texts of errors with their causes."""
    told = []
    for entry in instance.all_logs(run_id):
        told.append(entry.user_message)
        data = entry.dagster_event.event_specific_data if entry.dagster_event else None
        error = getattr(data, "error", None)
        told += [error.to_string()] if error else []
    return told


def row_in_detail() -> None:
    """A database's refusal, with the row in its detail."""
    raise psycopg.errors.UniqueViolation(f"duplicate key; DETAIL: Key (name)=({SOMEBODY}) already exists.")


def a_key() -> None:
    {}[SOMEBODY]


def an_answer() -> None:
    request = httpx.Request("POST", "https://brand.example")
    raise httpx.ReadTimeout(f"while asking for {SOMEBODY}", request=request)


def a_chain() -> None:
    try:
        a_key()
    except KeyError as error:
        raise ServerError("Centra is out of order.") from error


def metadata_of_no_kind() -> None:
    """What Dagster refuses, and quotes."""
    dg.AssetObservation("somebody", metadata={"name": Unspeakable()})  # type: ignore[dict-item]


class Unspeakable:
    """A value that no metadata can hold."""

    def __repr__(self) -> str:
        return SOMEBODY

    __str__ = __repr__


def an_invariant() -> None:
    raise dg.DagsterInvariantViolationError(f"the row {SOMEBODY} is not what it should be")


def wrapped(error: Exception) -> Exception:
    """The error as Dagster wraps what user code raises."""
    try:
        raise error
    except Exception:
        return dg.DagsterUserCodeExecutionError(
            f"failed over {SOMEBODY}", user_exception=error, original_exc_info=sys.exc_info()
        )


def a_wrapped_key() -> None:
    raise wrapped(KeyError(SOMEBODY))


def a_wrapped_outage() -> None:
    raise wrapped(ServerError("Centra is out of order."))


def an_outage_of_dagsters_own_storage() -> None:
    try:
        raise sqlalchemy.exc.OperationalError(f"insert {SOMEBODY}", {}, Exception("gone"))
    except sqlalchemy.exc.OperationalError as error:
        raise DagsterPostgresException(f"too many retries: {SOMEBODY}") from error


def ours() -> None:
    raise CollapseError("Too much would go.")


def a_failure_while_another() -> None:
    try:
        a_key()
    except KeyError:
        raise dg.Failure("told before", allow_retries=False)  # noqa: B904 - as a step might


def with_a_note() -> None:
    error = CollapseError("Too much would go.")
    error.add_note(f"while reading {SOMEBODY}")
    raise error


def a_failure_with_a_note() -> None:
    failure = dg.Failure("told before", allow_retries=False)
    failure.add_note(f"while reading {SOMEBODY}")
    raise failure


def asking_for_another_try_while_another() -> None:
    try:
        a_key()
    except KeyError as error:
        raise dg.RetryRequested(max_retries=0) from error


@pytest.mark.parametrize(
    "work", [a_failure_while_another, a_failure_with_a_note, asking_for_another_try_while_another, with_a_note]
)
def test_what_is_handled_or_noted_beside_the_failure_is_not_kept(work: Any) -> None:
    result, instance = executed(work)
    with instance:
        assert not result.success
        assert SOMEBODY not in logged(instance, result.run_id)


def test_without_the_boundary_dagster_would_keep_what_was_said() -> None:
    @dg.job(executor_def=dg.in_process_executor)
    def steps() -> None:
        dg.op(name="step")(a_key)()

    with dg.DagsterInstance.ephemeral() as instance:
        result = steps.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
        assert SOMEBODY in logged(instance, result.run_id)


def executed(work: Any) -> tuple[dg.ExecuteInProcessResult, dg.DagsterInstance]:
    """A step that does this, with a retry policy that does not wait."""

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=0))
    def step() -> None:
        with failures_told_apart():
            work()

    @dg.job(executor_def=dg.in_process_executor)
    def steps() -> None:
        step()

    instance = dg.DagsterInstance.ephemeral()
    return steps.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False), instance


@pytest.mark.parametrize(
    ("work", "code", "retries"),
    [
        (row_in_detail, "INTERNAL_ERROR", 0),
        (a_key, "INTERNAL_ERROR", 0),
        (metadata_of_no_kind, "INTERNAL_ERROR", 0),
        (an_invariant, "INTERNAL_ERROR", 0),
        (a_wrapped_key, "INTERNAL_ERROR", 0),
        (a_wrapped_outage, "CENTRA_SERVER", 2),
        (an_outage_of_dagsters_own_storage, "UNNAMED_OUTAGE", 2),
        (ours, "STORAGE_COLLAPSE", 0),
        (an_answer, "UNNAMED_OUTAGE", 2),
        (a_chain, "CENTRA_SERVER", 2),
    ],
)
def test_only_what_passes_is_tried_again_and_nothing_quotes_a_value(work: Any, code: str, retries: int) -> None:
    result, instance = executed(work)
    with instance:
        assert not result.success
        assert [event.event_type_value for event in result.all_events].count("STEP_UP_FOR_RETRY") == retries
        assert code in "\n".join(_told(instance, result.run_id))
        assert SOMEBODY not in logged(instance, result.run_id)
        tags = tags_of(instance, result.run_id)
        assert (tags[ERROR_CODE_TAG], tags[FAILURE_TAG]) == (code, "transient" if retries else "permanent")


@pytest.mark.parametrize(
    ("errors", "tags"),
    [
        ([CollapseError("Too much."), ServerError("Out of order.")], ("STORAGE_COLLAPSE", "permanent")),
        ([ServerError("Out of order."), CollapseError("Too much.")], ("STORAGE_COLLAPSE", "permanent")),
        ([TransportError("Cut."), ServerError("Out of order.")], ("CENTRA_SERVER", "transient")),
    ],
)
def test_of_several_failures_the_run_is_known_by_one_that_does_not_pass(
    errors: list[CentraAssetsError], tags: tuple[str, str]
) -> None:
    def several() -> None:
        raise failed_of(errors, "Two failed.")

    result, instance = executed(several)
    with instance:
        said = tags_of(instance, result.run_id)
        assert (said[ERROR_CODE_TAG], said[FAILURE_TAG]) == tags
        assert "STEP_UP_FOR_RETRY" not in [event.event_type_value for event in result.all_events]


def test_a_failure_that_was_told_apart_already_keeps_its_words() -> None:
    with pytest.raises(dg.Failure, match="told before"), failures_told_apart():
        raise dg.Failure("told before", allow_retries=False)


def test_a_failure_that_dagster_wrapped_keeps_its_words() -> None:
    with pytest.raises(dg.Failure, match="told before"), failures_told_apart():
        raise wrapped(dg.Failure("told before", allow_retries=False))


def test_what_asks_for_another_try_gets_it() -> None:
    def asking() -> None:
        raise dg.RetryRequested(max_retries=1, seconds_to_wait=0)

    result, instance = executed(asking)
    with instance:
        assert [event.event_type_value for event in result.all_events].count("STEP_UP_FOR_RETRY") == 1


def test_an_error_of_ours_tells_no_secret_that_was_marked() -> None:
    mark("pass-phrase-of-ours")

    def telling() -> None:
        raise CollapseError("No connection with pass-phrase-of-ours.")

    result, instance = executed(telling)
    with instance:
        kept = logged(instance, result.run_id)
        assert "No connection with [hidden]." in kept
        assert "pass-phrase-of-ours" not in kept


@pytest.mark.parametrize("kind", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_an_interruption_goes_through_without_what_was_failing_just_then(kind: type[BaseException]) -> None:
    with pytest.raises(kind) as interrupted, failures_told_apart():
        try:
            a_key()
        finally:
            raise kind
    assert is_transient(interrupted.value)
    kept = serializable_error_info_from_exc_info((kind, interrupted.value, interrupted.tb))
    assert SOMEBODY not in kept.to_string()
