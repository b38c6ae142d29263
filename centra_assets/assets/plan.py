"""Which partitions a run was given, and into how many slices a range is cut."""

import dagster as dg

from centra_assets.entities.model import WHOLE


def partition_keys(context: dg.AssetExecutionContext) -> list[str]:
    """The run's partition keys in order; WHOLE for an unpartitioned asset, whatever else the run materializes."""
    return [WHOLE] if context.assets_def.partitions_def is None else list(context.partition_keys)


def slices_for(partitions: int, concurrency: int) -> int:
    """Slices that are read side by side: never so many that short last pages outweigh what overlap saves."""
    return max(1, min(concurrency, partitions // 7))
