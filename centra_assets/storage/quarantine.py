"""Keeps `ops.quarantine`: who is set aside, since when, why. Which record is bad is the contracts' business."""

import polars as pl
from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.storage.upsert import Moment, Truth

# No record is bad. Also says what the frame of quarantined records looks like.
NOBODY = pl.DataFrame(
    schema={
        "_record_id": pl.String,
        "_partition": pl.String,
        "_fetched_at": pl.Datetime("us", "UTC"),
        "reasons": pl.String,
    }
)

_UPSERT = """
INSERT INTO ops.quarantine AS held
  (entity, record_id, partition, fetched_at, reasons, first_seen, last_seen, run_id)
SELECT %(entity)s, id, partition, fetched_at, reasons::jsonb, %(at)s, %(at)s, %(run_id)s
FROM unnest(%(ids)s::text[], %(partitions)s::text[], %(fetched)s::timestamptz[], %(reasons)s::text[])
  AS t (id, partition, fetched_at, reasons)
ON CONFLICT (entity, record_id) DO UPDATE SET
  partition = excluded.partition, fetched_at = excluded.fetched_at, reasons = excluded.reasons,
  last_seen = excluded.last_seen, run_id = excluded.run_id, times = held.times + 1
WHERE excluded.fetched_at >= held.fetched_at
"""


def update_quarantine(
    cursor: Cursor[TupleRow], entity: str, quarantined: pl.DataFrame, truth: Truth, moment: Moment
) -> None:
    """Sets the records of `quarantined` aside and lets go those in scope that are good again or gone."""
    held = cursor.execute("SELECT record_id, partition, fetched_at FROM ops.quarantine WHERE entity = %s", [entity])
    rows = held.fetchall()
    if rows:
        good = _released(rows, quarantined, truth)
        cursor.execute("DELETE FROM ops.quarantine WHERE entity = %s AND record_id = ANY(%s)", [entity, good])
    if quarantined.is_empty():
        return
    latest = quarantined.sort("_fetched_at").unique("_record_id", keep="last", maintain_order=True)
    values = {
        "entity": entity,
        "at": moment.at,
        "run_id": moment.run_id,
        "ids": latest["_record_id"].to_list(),
        "partitions": latest["_partition"].to_list(),
        "fetched": latest["_fetched_at"].to_list(),
        "reasons": latest["reasons"].to_list(),
    }
    cursor.execute(_UPSERT, values)


def _released(rows: list[TupleRow], quarantined: pl.DataFrame, truth: Truth) -> list[str]:
    fetched = dict(truth.records().iter_rows())
    bad = set(quarantined["_record_id"])
    keys = set(truth.keys)
    released = []
    for record_id, partition, held_since in rows:
        in_scope = record_id in fetched or (partition if truth.column == "_partition" else record_id) in keys
        as_of = fetched.get(record_id, truth.as_of)
        if in_scope and record_id not in bad and (as_of is None or held_since <= as_of):
            released.append(record_id)
    return released
