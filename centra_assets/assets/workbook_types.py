"""dagster-pandas types made from the contracts of the workbook's sheets, and the gate that refuses what breaks them.

Heavy to import: only a run that writes a workbook does. Nothing here shows a value of a row: what dagster-pandas' own
constraints say of a failure quotes rows, so the types are built from constraints of ours.
"""

import warnings
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, cast

import dagster as dg
import dataframely as dy
import pandas as pd
import polars as pl
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type
from dagster_pandas.constraints import (
    ColumnConstraint,
    ColumnConstraintViolationException,
    DataFrameConstraint,
    DataFrameConstraintViolationException,
    StrictColumnsConstraint,
)

from centra_assets.entities.contract import Contract, one_line
from centra_assets.finance.errors import WorkbookRefusedError
from centra_assets.finance.frames import cells, is_whole
from centra_assets.finance.sheets import Sheet

_KINDS: dict[type[dy.Column], type] = {dy.String: str, dy.Int64: int, dy.Bool: bool, dy.Date: date, dy.Decimal: Decimal}


class KeepsColumn(ColumnConstraint):  # type: ignore[misc]
    """Every value is of the contract's kind, with no more decimals than it allows, and there where it must be."""

    def __init__(self, column: dy.Column) -> None:
        self._kind = _KINDS[type(column)]
        self._scale = int(column.scale or 0) if isinstance(column, dy.Decimal) else None
        self._nullable = column.nullable and not column.primary_key
        said = f"{self._kind.__name__}{', at most ' + str(self._scale) + ' decimals' if self._scale else ''}"
        said += "" if self._nullable else ", never empty"
        super().__init__(error_description=f"{said}; ", markdown_description=said)

    def validate(self, dataframe: pd.DataFrame, column_name: str) -> None:
        """Raises with the number of offending rows, never with a row."""
        wrong = sum(not self._is_kept(value) for (value,) in cells(dataframe[[column_name]]))
        if wrong:
            raise ColumnConstraintViolationException(
                self.name, f"{self.error_description}{wrong} rows are not.", column_name
            )

    def _is_kept(self, value: Any) -> bool:
        if value is None:
            return self._nullable
        # A bool is an int to Python, and a timestamp a date.
        if type(value) is not self._kind:
            return False
        if isinstance(value, Decimal):
            return value.is_finite() and _has_decimals(value, self._scale or 0)
        if isinstance(value, str):
            return _is_text(value)
        return is_whole(value) if self._kind is int else True


def _has_decimals(value: Decimal, scale: int) -> bool:
    """Whether it has no more decimals than that; of more digits than Decimal counts with, nobody can say."""
    try:
        return value == round(value, scale)
    except InvalidOperation:
        return False


def _is_text(value: str) -> bool:
    """Whether it can be written at all; half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class KeepsRules(DataFrameConstraint):  # type: ignore[misc]
    """Every row keeps the rules of the contract, and no two rows have one key."""

    def __init__(self, contract: type[Contract]) -> None:
        self._contract = contract
        super().__init__(
            error_description=f"rows keep the rules of {contract.table}",
            markdown_description=f"rules of the contract {contract.__name__}",
        )

    def validate(self, dataframe: pd.DataFrame) -> None:
        """Raises with the names of the rules that are broken and how often."""
        _, failure = self._contract.filter(_polars(self._contract, dataframe), cast=True)
        broken = failure.counts()
        if broken:
            told = ", ".join(f"{rule} ({rows} rows)" for rule, rows in sorted(broken.items()))
            raise DataFrameConstraintViolationException(self.name, told)


def _polars(contract: type[Contract], dataframe: pd.DataFrame) -> pl.DataFrame:
    rows = [dict(zip(dataframe.columns, row, strict=True)) for row in cells(dataframe)]
    # Wider than the contract: a value that does not fit is for the contract to refuse.
    kinds: dict[str, pl.DataType] = {
        name: pl.Decimal(38, column.scale) if isinstance(column, dy.Decimal) else column.dtype
        for name, column in contract.columns().items()
    }
    return pl.DataFrame(rows, schema=kinds, orient="row")


@cache
def frame_type(contract: type[Contract]) -> dg.DagsterType:
    """The dagster-pandas type of a sheet's frames."""
    columns = contract.columns()
    with warnings.catch_warnings():
        # dagster-pandas calls all of it beta, once per column.
        warnings.simplefilter("ignore", dg.BetaWarning)
        made: dg.DagsterType = create_dagster_pandas_dataframe_type(
            name=f"{contract.__name__}Frame",
            description=one_line(contract.__doc__),
            columns=[PandasColumn(name, constraints=[KeepsColumn(column)]) for name, column in columns.items()],
            dataframe_constraints=[
                StrictColumnsConstraint(list(columns), enforce_ordering=True),
                KeepsRules(contract),
            ],
        )
    return made


def gate(sheet: Sheet, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, if it keeps its type; WorkbookRefusedError, with names and counts only, if it does not."""
    # The type looks at the frame alone; Dagster's own way to ask it builds an instance of Dagster every time.
    checked = frame_type(sheet.contract).type_check(cast(Any, None), frame)
    if not checked.success:
        raise WorkbookRefusedError(f"{sheet.title}: {checked.description}")
    return frame
