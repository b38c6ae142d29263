"""What a job of the sync promises: signs of life from its beginning, and an end within its longest time."""

from collections.abc import Mapping

# Every run gives signs, and the sensor `silent_runs` ends those that cease to. One with this tag it ends also where not
# one sign came.
SIGNS_TAG = "centra_assets/gives_signs"


def watched(longest_seconds: int) -> Mapping[str, str]:
    """Tags of such a job. A run that lasts longer is stuck, and ending it loses nothing."""
    return {SIGNS_TAG: "true", "dagster/max_runtime": str(longest_seconds)}
