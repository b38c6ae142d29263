"""Which partitions a run was given, and into how many slices a range is cut."""

from collections.abc import Sequence

import dagster as dg

from centra_assets.entities.model import WHOLE


def partition_keys(context: dg.AssetExecutionContext) -> list[str]:
    """The run's partition keys in order; WHOLE for an unpartitioned asset, whatever else the run materializes."""
    return [WHOLE] if context.assets_def.partitions_def is None else list(context.partition_keys)


def spelled(keys: Sequence[str]) -> str:
    """A run's partitions as a line of a log names them: the only one, or the first and the last."""
    return keys[0] if len(keys) == 1 else f"{keys[0]}..{keys[-1]}" if keys else ""


def slices_for(partitions: int, concurrency: int) -> int:
    """Slices that are read side by side: never so many that short last pages outweigh what overlap saves."""
    return max(1, min(concurrency, partitions // 7))
