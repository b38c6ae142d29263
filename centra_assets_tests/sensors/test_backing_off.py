"""Sensors wait after failed runs: longer each time, longest after what trying again cannot mend, and say so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from centra_assets.assets.failures import ERROR_CODE_TAG, FAILURE_TAG
from centra_assets.centra.errors import AuthenticationError, ServerError
from centra_assets.sensors.backing_off import passed_over, pause

FIRST, LONGEST = timedelta(minutes=15), timedelta(hours=6)


@dg.op
def nothing() -> None:
    """Stands for a run."""


@dg.job
def worker() -> None:
    nothing()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def ended(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    """A run that is over."""
    instance.create_run_for_job(worker, status=status)


def failed(instance: dg.DagsterInstance, code: str = "", kind: str = "") -> None:
    """A run that failed, of this error if one is told."""
    tags = {ERROR_CODE_TAG: code, FAILURE_TAG: kind} if code else {}
    instance.create_run_for_job(worker, status=dg.DagsterRunStatus.FAILURE, tags=tags)


def asked(instance: dg.DagsterInstance, later: timedelta) -> str:
    """Why none is asked for that much later; '' when one is."""
    return pause(instance, worker.name, datetime.now(UTC) + later, first=FIRST, longest=LONGEST)


def waits(instance: dg.DagsterInstance, expected: timedelta) -> bool:
    """Whether the pause is just so long."""
    soon = timedelta(minutes=1)
    return bool(asked(instance, expected - soon)) and not asked(instance, expected + soon)


def test_without_a_failed_run_there_is_no_pause(instance: dg.DagsterInstance) -> None:
    assert asked(instance, timedelta(0)) == ""
    ended(instance, dg.DagsterRunStatus.SUCCESS)
    assert asked(instance, timedelta(0)) == ""


def test_every_failure_in_a_row_doubles_the_pause_up_to_the_longest(instance: dg.DagsterInstance) -> None:
    for expected in (FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, 16 * FIRST, LONGEST, LONGEST):
        failed(instance)
        assert waits(instance, expected)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED])
def test_a_run_that_did_not_fail_ends_the_pause(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    failed(instance)
    failed(instance)
    ended(instance, status)
    assert asked(instance, timedelta(0)) == ""
    failed(instance)
    assert waits(instance, FIRST)


def test_after_a_permanent_failure_the_pause_is_the_longest_and_its_code_is_told(instance: dg.DagsterInstance) -> None:
    failed(instance, "CENTRA_AUTHENTICATION", "permanent")
    assert waits(instance, LONGEST)
    said = asked(instance, timedelta(0))
    assert "CENTRA_AUTHENTICATION, which trying again does not mend" in said
    assert "start worker by hand" in said


def test_after_a_transient_failure_the_pause_is_a_short_one(instance: dg.DagsterInstance) -> None:
    failed(instance, "CENTRA_AUTHENTICATION", "permanent")
    failed(instance, "CENTRA_SERVER", "transient")
    assert waits(instance, 2 * FIRST)
    assert "does not mend" not in asked(instance, timedelta(0))


def test_a_tick_passes_over_what_passes_and_fails_with_what_does_not() -> None:
    assert "The next tick tries again" in str(passed_over(ServerError("Out of order.")).skip_message)
    assert "UNNAMED_OUTAGE" in str(passed_over(TimeoutError("asa@example.com")).skip_message)
    with pytest.raises(AuthenticationError):
        passed_over(AuthenticationError("Unknown token."))


def test_what_a_tick_fails_of_quotes_nobody() -> None:
    with pytest.raises(Exception, match="INTERNAL_ERROR: KeyError") as caught:
        passed_over(KeyError("asa@example.com"))
    assert "asa@example.com" not in str(caught.value)
    assert caught.value.__suppress_context__
