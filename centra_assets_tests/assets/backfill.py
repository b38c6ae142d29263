"""A backfill in a process of its own, for tests that kill it. `python -m ... <entity> <page limit> <first> <last>`."""

import sys
from dataclasses import replace

import dagster as dg

from centra_assets.definitions import build_definitions
from centra_assets.entities.registry import entity
from centra_assets.jobs import JOB_NAMES
from centra_assets.settings import Settings


def main(name: str, page_limit: str, first: str, last: str) -> None:
    """Raw and core of an entity over a range of its partitions; what it needs to know is in the environment."""
    item = replace(entity(name), page_limit=int(page_limit))
    definitions = build_definitions(Settings.load(), entities=[item])
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(JOB_NAMES[item.axis]).execute_in_process(
            instance=instance,
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
        )
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
