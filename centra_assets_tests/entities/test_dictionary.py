"""The data dictionary says what the contracts say, and the page in docs/ is the one they give today."""

from pathlib import Path

import pytest

from centra_assets.assets.tables import table_of
from centra_assets.entities.dictionary import COMMAND, PATH, dictionary, main, sql_type
from centra_assets.entities.model import Entity
from centra_assets.entities.registry import ENTITIES


def test_the_page_in_docs_is_current() -> None:
    assert PATH.read_text(encoding="utf-8") == dictionary(), f"run `{COMMAND}`"


def test_every_table_and_column_is_in_the_dictionary() -> None:
    page = dictionary()
    for entity in ENTITIES:
        for contract in entity.tables:
            section = page.split(f"\n### {contract.table}\n")[1].split("\n### ")[0]
            for name in contract.column_names():
                assert section.count(f"\n| `{name}` |") == 1


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_the_types_in_the_dictionary_are_those_in_the_database(entity: Entity) -> None:
    for contract in entity.tables:
        in_database = {column.name: column.type for column in table_of(contract).columns}
        assert {name: sql_type(column) for name, column in contract.columns().items()} == in_database


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
