"""The boundary of a step: every failure leaves it as an error of ours, transient or permanent, without a value in it.

Which failures are which is in `centra_assets.failures`; the alerts and sensors that read the run's tags are elsewhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TypeVar

import dagster as dg

from centra_assets.errors import CentraAssetsError
from centra_assets.failures import places, translated
from centra_assets.logs import redacted

# Seconds between tries: about 10, 20, 40, with jitter, so that a short outage of either side passes unnoticed.
TRANSIENT_RETRIES = dg.RetryPolicy(max_retries=3, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

# What a failed run is tagged with: the code of its error, and whether trying again may help.
ERROR_CODE_TAG = "centra_assets/error_code"
FAILURE_TAG = "centra_assets/failure"
TRANSIENT, PERMANENT = "transient", "permanent"

_PLACES_TOLD = 10


@contextmanager
def failures_told_apart() -> Iterator[None]:
    """Turns a permanent error into a Failure that no retry policy touches; lets transient ones through.

    Errors that are not ours, Dagster's included, come out as their type and place alone: their text may quote a record,
    and Dagster keeps what a step raises. The run is tagged, so that whoever starts runs by himself knows what the last
    one died of.
    """
    try:
        yield
    except Exception as raised:
        error = _beneath(raised)
        if isinstance(error, dg.Failure | dg.RetryRequested):
            # Dagster keeps the error that was being handled, and its words, with the one that is raised.
            raise _bare(error) from None
        known = translated(error)
        known.cause = redacted(known.cause)
        known.args = (known.cause,)
        tag_run(known.code, transient=known.transient)
        if known.transient:
            raise _bare(known) from None
        raise _failure(known, error) from None
    except BaseException as interrupted:
        # Whoever ends the run says nothing against its work, which may have been failing at that moment.
        raise _bare(interrupted) from None


def _beneath(error: Exception) -> Exception:
    """What user code raised, where Dagster wrapped it."""
    while isinstance(error, dg.DagsterUserCodeExecutionError):
        error = error.user_exception
    return error


_Raised = TypeVar("_Raised", bound=BaseException)


def _bare(error: _Raised) -> _Raised:
    """The error without notes: a library may have added one, and Dagster keeps them."""
    vars(error).pop("__notes__", None)
    return error


def _failure(known: CentraAssetsError, error: Exception) -> dg.Failure:
    told = {"code": known.code, "remedy": known.remedy}
    if known is not error:
        told["where"] = "\n".join(islice(places(error), _PLACES_TOLD))
    return dg.Failure(description=str(known), metadata=told, allow_retries=False)


def failed_of(errors: Sequence[CentraAssetsError], description: str) -> dg.Failure:
    """The Failure of a run that went on past these errors. Tags the run with the one that counts: of several, one that
    does not pass.
    """
    worst = next((error for error in errors if not error.transient), errors[-1])
    tag_run(worst.code, transient=worst.transient)
    return dg.Failure(description, metadata={"code": worst.code, "remedy": worst.remedy}, allow_retries=False)


def tag_run(code: str, *, transient: bool) -> None:
    """Tags the run that is under way, if there is one, with what it fails of."""
    # A tag that cannot be written must not hide the failure itself.
    with suppress(Exception):
        context = dg.OpExecutionContext.get()
        tags = {ERROR_CODE_TAG: code, FAILURE_TAG: TRANSIENT if transient else PERMANENT}
        context.instance.add_run_tags(context.run_id, tags)
