"""Who asked for a run, as the trail in ops.audit tells it. Read from the run's tags; nothing is decided by it."""

from collections.abc import Mapping

# A command that starts runs by itself says here who it is; see storage.audit.local_actor.
ASKED_BY_TAG = "centra_assets/asked_by"
USER = "user"

# The first one that a run has: a backfill that a sensor asked for is known by its own number.
_TAGS = (
    (ASKED_BY_TAG, "{}"),
    ("dagster/backfill", "backfill:{}"),
    ("dagster/schedule_name", "schedule:{}"),
    ("dagster/sensor_name", "sensor:{}"),
)
# Runs of declarative automation have the name of their sensor only in some versions.
_AUTOMATION_TAGS = ("dagster/from_automation_condition", "dagster/auto_materialize")


def asked_by(tags: Mapping[str, str]) -> str:
    """`backfill:<id>`, `schedule:<name>`, `sensor:<name>`, `automation`, what a command said, or else `user`."""
    for tag, form in _TAGS:
        if tags.get(tag):
            return form.format(tags[tag])
    return "automation" if any(tags.get(tag) == "true" for tag in _AUTOMATION_TAGS) else USER
