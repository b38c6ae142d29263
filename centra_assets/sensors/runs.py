"""Runs that have not ended, for sensors that ask for no second one. Asks for none itself."""

import dagster as dg

_UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def unfinished(job_name: str) -> dg.RunsFilter:
    """The runs of a job that are asked for or under way."""
    return dg.RunsFilter(job_name=job_name, statuses=list(_UNFINISHED))
