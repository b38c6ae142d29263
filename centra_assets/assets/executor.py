"""How a run is carried out: all its steps in one process, which says that it lives. Who listens is in `sensors`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import dagster as dg

from centra_assets.storage.signs import SignsOfLife

if TYPE_CHECKING:
    from dagster._core.execution.retries import RetryMode


def signs_of_life(run_id: str) -> AbstractContextManager[object]:
    """While the block lasts, this process says that the run lives, to the database that the environment names."""
    url = dg.EnvVar("CENTRA_DATABASE_URL").get_value()
    return SignsOfLife(url, run_id) if url else nullcontext()


@dg.executor(name="in_process", config_schema=dg.in_process_executor.config_schema)
def living_process(init_context: dg.InitExecutorContext) -> dg.Executor:
    """Dagster's in-process executor, with signs of life from the first step to the last, pauses between tries included.

    It is the whole run: where each step had a process, nobody would give signs between them.
    """
    made: Any = dg.in_process_executor.executor_creation_fn
    return _Living(made(init_context))


class _Living(dg.Executor):
    def __init__(self, within: dg.Executor) -> None:
        self._within = within

    @property
    def retries(self) -> "RetryMode":
        return self._within.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._within.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        with signs_of_life(plan_context.run_id):
            yield from self._within.execute(plan_context, execution_plan)
