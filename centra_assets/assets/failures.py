"""Tells Dagster's retries apart by kind of failure: transient errors are tried again, permanent ones never are."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from centra_assets.errors import CentraAssetsError

# Seconds between tries: about 10, 20, 40, with jitter, so that a short outage of either side passes unnoticed.
TRANSIENT_RETRIES = dg.RetryPolicy(max_retries=3, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


@contextmanager
def failures_told_apart() -> Iterator[None]:
    """Turn a permanent error into a Failure that no retry policy touches; let transient ones through."""
    try:
        yield
    except CentraAssetsError as error:
        if error.transient:
            raise
        raise dg.Failure(
            description=str(error), metadata={"code": error.code, "remedy": error.remedy}, allow_retries=False
        ) from None
