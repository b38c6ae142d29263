"""Every mart, and which core tables make which of them stale. What a mart computes is in its own module."""

from collections.abc import Sequence
from functools import cache

from centra_assets.entities.contract import Contract
from centra_assets.entities.registry import ENTITIES
from centra_assets.marts.daily_sales import DAILY_SALES
from centra_assets.marts.model import Mart
from centra_assets.marts.tables import table_from
from centra_assets.storage.tables import Follower, Table

MARTS: Sequence[Mart] = (DAILY_SALES,)


def followers_of(table: str) -> tuple[Follower, ...]:
    """The marts that a change of `core.<table>` makes stale, and the column that tells which of their days."""
    return tuple(
        Follower(mart.asset, reads.column)
        for mart in MARTS
        for reads in mart.reads
        if reads.table == table and reads.column is not None
    )


@cache
def core_table(contract: type[Contract]) -> Table:
    """The core table of a contract, with what follows it."""
    return table_from(contract, schema="core", follows=followers_of(contract.table))


def read_tables(mart: Mart) -> list[Table]:
    """The core tables that a mart is computed from."""
    names = {reads.table for reads in mart.reads}
    return [core_table(contract) for entity in ENTITIES for contract in entity.tables if contract.table in names]
