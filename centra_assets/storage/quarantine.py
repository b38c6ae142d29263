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
ON CONFLICT (entity, partition, record_id) DO UPDATE SET
  fetched_at = excluded.fetched_at, reasons = excluded.reasons,
  last_seen = excluded.last_seen, run_id = excluded.run_id, times = held.times + 1
WHERE excluded.fetched_at >= held.fetched_at
"""


_RELEASE = """
DELETE FROM ops.quarantine USING unnest(%s::text[], %s::text[]) AS good (id, home)
WHERE entity = %s AND record_id = good.id AND partition = good.home
"""


def update_quarantine(
    cursor: Cursor[TupleRow], entity: str, quarantined: pl.DataFrame, truth: Truth, moment: Moment
) -> None:
    """Sets the records of `quarantined` aside and lets go those in scope that are good again or gone."""
    held = cursor.execute("SELECT record_id, partition, fetched_at FROM ops.quarantine WHERE entity = %s", [entity])
    rows = held.fetchall()
    if rows:
        good = _released(rows, quarantined, truth)
        cursor.execute(_RELEASE, [[record for record, _ in good], [home for _, home in good], entity])
    if quarantined.is_empty():
        return
    latest = quarantined.sort("_fetched_at").unique(["_record_id", "_partition"], keep="last", maintain_order=True)
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


def _released(rows: list[TupleRow], quarantined: pl.DataFrame, truth: Truth) -> list[tuple[str, str]]:
    """(record, partition) of those that the load read, and did not find bad, since they were set aside."""
    fetched = {(home, record): moment for home, record, moment in truth.records().iter_rows()}
    bad = set(quarantined.select("_record_id", "_partition").iter_rows())
    released = []
    for record, home, held_since in rows:
        if truth.partition not in (None, home) or (record, home) in bad:
            continue
        by_partition = truth.column == "_partition"
        key = home if by_partition else record
        if key not in truth.as_of:
            continue
        as_of = fetched.get((home if by_partition else None, record), truth.as_of[key])
        if as_of is None or held_since <= as_of:
            released.append((record, home))
    return released
