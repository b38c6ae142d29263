"""How axes become Dagster partitions definitions. Which instants a key stands for is in `calendar`."""

from collections.abc import Mapping

import dagster as dg

from centra_assets.calendar import Calendar
from centra_assets.entities.model import Axis

# Reference entity whose ids are the keys of a dynamic axis; Dagster's name of the partition set follows from it.
DYNAMIC_AXES: Mapping[Axis, str] = {Axis.STORE: "stores", Axis.PRICELIST: "pricelists", Axis.WAREHOUSE: "warehouses"}


def dynamic_name(axis: Axis) -> str:
    """Dagster's name of a dynamic axis's partition set, such as `centra_stores`."""
    return f"centra_{DYNAMIC_AXES[axis]}"


def partitions_definition(axis: Axis, calendar: Calendar) -> dg.PartitionsDefinition | None:
    """The partitions definition of an axis, None without one; the running day and month are included."""
    zone = str(calendar.zone)
    if axis is Axis.DAY:
        return dg.DailyPartitionsDefinition(start_date=calendar.start.isoformat(), timezone=zone, end_offset=1)
    if axis is Axis.MONTH:
        first = calendar.start.replace(day=1)
        return dg.MonthlyPartitionsDefinition(start_date=first.isoformat(), timezone=zone, end_offset=1)
    if axis in DYNAMIC_AXES:
        return dg.DynamicPartitionsDefinition(name=dynamic_name(axis))
    return None
