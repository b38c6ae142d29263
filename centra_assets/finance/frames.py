"""The sheets' rows as pandas frames: amounts stay Decimal, dates stay dates. What a frame must keep is the gate's."""

from collections.abc import Mapping, Sequence
from typing import Any

import dataframely as dy
import pandas as pd

from centra_assets.finance.sheets import Sheet


def frame(sheet: Sheet, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows with the contract's columns in order; whole numbers stay whole where some are missing."""
    columns = sheet.contract.columns()
    return pd.DataFrame({name: _series(column, [row[name] for row in rows]) for name, column in columns.items()})


def _series(column: dy.Column, values: list[Any]) -> pd.Series:
    if isinstance(column, dy.Int64):
        return pd.Series(values, dtype="Int64")
    if isinstance(column, dy.Bool):
        return pd.Series(values, dtype="boolean")
    return pd.Series(values, dtype=object)


def cells(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The frame's rows as Python's own values; None where nothing is known. A NaN is no such thing, and stays."""
    columns = [[None if value is pd.NA else value for value in frame[name].astype(object)] for name in frame.columns]
    return list(zip(*columns, strict=True))
