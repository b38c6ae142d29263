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
    """As its kind where all values are of it; pandas would make them so, and the gate could not refuse them."""
    if isinstance(column, dy.Int64) and all(value is None or is_whole(value) for value in values):
        return pd.Series(values, dtype="Int64")
    if isinstance(column, dy.Bool) and all(value is None or type(value) is bool for value in values):
        return pd.Series(values, dtype="boolean")
    return pd.Series(values, dtype=object)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number of 64 bits. To Python a bool is one, too."""
    return type(value) is int and -(2**63) <= value < 2**63


def cells(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The frame's rows as Python's own values; None where nothing is known. A NaN is no such thing, and stays."""
    columns = [[None if value is pd.NA else value for value in frame[name].astype(object)] for name in frame.columns]
    return list(zip(*columns, strict=True))
