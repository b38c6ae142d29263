"""What makes a dead run of the sync known: it gives signs while it lives, and has a longest time. Ends none itself."""

from collections.abc import Mapping

import dagster as dg

from centra_assets.resources.storage import WarehouseResource
from centra_assets.storage.signs import SignsOfLife

# Runs of jobs with this tag give signs from the first step to the last; the sensor `silent_runs` ends silent ones.
SIGNS_TAG = "centra_assets/gives_signs"


def watched(longest_seconds: int) -> Mapping[str, str]:
    """Tags of a job whose only op runs within `alive`. One that lasts longer is stuck, and ending it loses nothing."""
    return {SIGNS_TAG: "true", "dagster/max_runtime": str(longest_seconds)}


def alive(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> SignsOfLife:
    """While the block lasts, the run's process says that it lives."""
    return SignsOfLife(warehouse.database_url, context.run_id)
