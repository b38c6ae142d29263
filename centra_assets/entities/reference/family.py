"""What all reference entities have in common. Their tables are in the modules beside this one."""

from functools import partial

import polars as pl

from centra_assets.entities.frames import field
from centra_assets.entities.model import Axis, Entity

# Reference data is small and has no useful cut in time: each entity is one partition, read whole.
reference_entity = partial(Entity, family="reference", package=__package__, axis=Axis.NONE)


def json_list(path: str) -> pl.Expr:
    """The list of texts at `path` as a JSON array; null where there is none."""
    # Polars writes JSON for structs only, so the list goes in as a field and the wrapping comes off again.
    wrapped = pl.struct(field(path).alias("list")).struct.json_encode()
    return pl.when(field(path).is_not_null()).then(wrapped.str.strip_prefix('{"list":').str.strip_suffix("}"))
