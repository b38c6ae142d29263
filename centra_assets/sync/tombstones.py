"""How raw is told that a record is gone. Whether it is, others find out."""

from datetime import datetime

import polars as pl

from centra_assets.sync.partitioning import PLACED_SCHEMA


def tombstones(gone: pl.DataFrame, fetched_at: datetime) -> pl.DataFrame:
    """Rows with PLACED_SCHEMA that say that records are gone; `apply` adds the source. `gone` has `id`, `partition`."""
    unknown = [pl.lit(None, PLACED_SCHEMA[name]).alias(name) for name in ("updated_at", "payload", "source")]
    moment = pl.lit(fetched_at).cast(PLACED_SCHEMA["fetched_at"]).alias("fetched_at")
    return gone.select("id", "partition", moment, *unknown).select(list(PLACED_SCHEMA))
