"""A run in a process of its own, for a test that kills it. `python -m ...`; DAGSTER_HOME names its instance."""

import sys

import dagster as dg

from centra_assets.assets.executor import living_process


@dg.op
def stay(context: dg.OpExecutionContext) -> None:
    """Tells the run's id, then stays until nobody holds the other end any more."""
    print(context.run_id, flush=True)
    sys.stdin.read()


@dg.job(executor_def=living_process)
def long_run() -> None:
    """Without a tag that promises signs, as runs are that the UI starts for some assets."""
    stay()


if __name__ == "__main__":
    # What a run's process does: it finds the job by its name and lets the job's own executor carry it out.
    from centra_assets_tests.sensors.long_run import long_run as found

    with dg.DagsterInstance.get() as instance:
        dg.execute_job(dg.reconstructable(found), instance)
