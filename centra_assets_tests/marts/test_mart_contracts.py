"""What a mart says of itself is true of core and of its SQL, and the page in docs/ is today's."""

import re
from pathlib import Path

import pytest

from centra_assets.entities.registry import ENTITIES
from centra_assets.marts.dictionary import COMMAND, PATH, dictionary, main
from centra_assets.marts.model import DAY, Mart
from centra_assets.marts.registry import MARTS, core_table, followers_of, read_tables
from centra_assets.storage.tables import Follower
from centra_assets.storage.warehouse import Warehouse

each_mart = pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)


@each_mart
def test_the_days_of_what_a_mart_reads_are_dates_of_tables_that_core_has(mart: Mart) -> None:
    tables = {table.name: table for table in read_tables(mart)}
    daily = {contract.table for entity in ENTITIES if entity.axis == "day" for contract in entity.tables}
    for reads in mart.reads:
        types = {column.name: column.type for column in tables[reads.table].columns}
        if reads.column == "_partition":
            assert reads.table in daily
        elif reads.column is not None:
            assert types[reads.column] == "date"


@each_mart
def test_the_statement_reads_what_the_mart_says_and_nothing_else(mart: Mart) -> None:
    assert set(re.findall(r"\bcore\.(\w+)", mart.statement)) == {reads.table for reads in mart.reads}


@each_mart
def test_the_statement_gives_the_contracts_columns(mart: Mart, database_url: str) -> None:
    warehouse = Warehouse(database_url)
    warehouse.prepare(read_tables(mart))
    found = warehouse.query(mart.statement, {"days": ["2020-01-01"]})
    assert found.columns == mart.contract.column_names()
    assert mart.contract.primary_key()[0] == DAY


def test_core_tables_know_what_follows_them_and_are_indexed_by_its_days() -> None:
    contracts = {contract.table: contract for entity in ENTITIES for contract in entity.tables}
    payments = core_table(contracts["payments"])
    assert payments.follows == (Follower("marts/daily_sales", "business_date"),)
    assert list(payments.indexes) == [("business_date",)]
    lines = core_table(contracts["order_lines"])
    assert lines.follows == (Follower("marts/daily_sales", "_partition"),)
    # Every table has an index of its partitions anyway.
    assert list(lines.indexes) == []
    assert followers_of("currencies") == ()


def test_the_page_in_docs_is_current() -> None:
    assert PATH.read_text(encoding="utf-8") == dictionary(), f"run `{COMMAND}`"


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "dictionary.md"
    assert main([str(target)]) == 0
    assert target.read_text(encoding="utf-8") == dictionary()
    assert str(target) in capsys.readouterr().out
