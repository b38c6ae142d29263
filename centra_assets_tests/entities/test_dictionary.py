"""The data dictionary says what the contracts say, and the page in docs/ is the one they give today."""

from pathlib import Path

import pytest

from centra_assets.assets.tables import table_of
from centra_assets.entities.contract import sql_type
from centra_assets.entities.dictionary import COMMAND, PATH, dictionary, main
from centra_assets.entities.registry import ENTITIES
from centra_assets.storage.warehouse import Warehouse


def test_the_page_in_docs_is_current() -> None:
    assert PATH.read_text(encoding="utf-8") == dictionary(), f"run `{COMMAND}`"


def test_every_table_and_column_is_in_the_dictionary() -> None:
    page = dictionary()
    for entity in ENTITIES:
        for contract in entity.tables:
            section = page.split(f"\n### {contract.table}\n")[1].split("\n### ")[0]
            for name in contract.column_names():
                assert section.count(f"\n| `{name}` |") == 1


def test_the_types_in_the_dictionary_are_those_that_postgresql_gives_its_columns(database_url: str) -> None:
    contracts = [contract for entity in ENTITIES for contract in entity.tables]
    warehouse = Warehouse(database_url)
    warehouse.prepare([table_of(contract) for contract in contracts])
    given = warehouse.query(
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) from pg_attribute a "
        "join pg_class c on c.oid = a.attrelid where c.relnamespace = 'core'::regnamespace and a.attnum > 0"
    )
    in_database = {(table, name): type_ for table, name, type_ in given.iter_rows()}
    for contract in contracts:
        for name, column in contract.columns().items():
            assert sql_type(column) == in_database[contract.table, name]


def test_personal_data_is_marked_where_the_contract_marks_it() -> None:
    marked = sum(
        bool((column.metadata or {}).get("personal_data"))
        for entity in ENTITIES
        for contract in entity.tables
        for column in contract.columns().values()
    )
    assert marked > 0
    assert dictionary().count("**Personal data.**") == marked


def test_no_two_headings_share_an_anchor() -> None:
    headings = [line.lstrip("# ") for line in dictionary().splitlines() if line.startswith("#")]
    assert len(headings) == len(set(headings))


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "dictionary.md"
    assert main([str(target)]) == 0
    assert target.read_text(encoding="utf-8") == dictionary()
    assert str(target) in capsys.readouterr().out
