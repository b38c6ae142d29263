"""Writes docs/data-dictionary.md from the contracts: every table and column, in words. Decides nothing itself."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dataframely as dy

from centra_assets.entities.contract import Contract, one_line, sql_type
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES

PATH = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
COMMAND = "python -m centra_assets.entities.dictionary"

_OPENING = f"""\
# Data dictionary

Every table of the schema `core`, what one row of it is and what its columns mean. Written from the contracts beside
each entity by `{COMMAND}`; change those, not this page.

- Column names are Centra's own words in snake_case. *Centra's field* is the path below the record, where it differs
  from the column's name.
- Amounts are decimals in the row's `currency`; `_base` columns are in the instance's base currency, by the document's
  own rate. Instants are in UTC.
- Only what identifies a row is never null: any other column is null where the instance lacks the field or the token may
  not read it. *Inferred* marks what rests on a field that no public page of Centra's shows.
- Every table ends with `_record_id`, `_partition`, `_source_updated_at`, `_fetched_at` and `_loaded_at`: which raw
  record the row came from and when. Superseded rows are in the table of the same name in the schema `history`.
"""

_PARTITIONS = {
    Axis.NONE: "not partitioned",
    Axis.DAY: "one partition per day of creation",
    Axis.MONTH: "one partition per month of creation",
    Axis.STORE: "one partition per store",
    Axis.PRICELIST: "one partition per pricelist",
    Axis.WAREHOUSE: "one partition per warehouse",
}


def dictionary(entities: Iterable[Entity] = ENTITIES) -> str:
    """The whole page, as Markdown. Families and tables come in the order of the registry."""
    by_family: dict[str, list[Entity]] = {}
    for entity in entities:
        by_family.setdefault(entity.family, []).append(entity)
    lines = [_OPENING, *_contents(by_family.values())]
    for family, members in by_family.items():
        lines += [f"## Family: {family.replace('_', ' ')}", ""]
        for entity in members:
            for contract in entity.tables:
                lines += _table(entity, contract)
    return "\n".join(lines).rstrip() + "\n"


def _contents(families: Iterable[Sequence[Entity]]) -> Iterator[str]:
    yield from ("| table | one row is | from |", "|---|---|---|")
    for members in families:
        for entity in members:
            for contract in entity.tables:
                grain = one_line(contract.__doc__).split(". ")[0].rstrip(".").removeprefix("One row is ")
                yield f"| [{contract.table}](#{contract.table}) | {_cell(grain)} | `raw/{entity.name}` |"
    yield ""


def _table(entity: Entity, contract: type[Contract]) -> Iterator[str]:
    yield from (f"### {contract.table}", "", one_line(contract.__doc__), "")
    key = ", ".join(f"`{name}`" for name in contract.primary_key())
    yield from (f"From `raw/{entity.name}`, {_PARTITIONS[entity.axis]}. Key: {key}.", "")
    yield from columns_of(contract)


def columns_of(contract: type[Contract]) -> Iterator[str]:
    """A contract's columns as a table of Markdown."""
    yield from ("| column | type | null | description | Centra's field |", "|---|---|---|---|---|")
    for name, column in contract.columns().items():
        yield _column(name, column)
    yield ""


def _column(name: str, column: dy.Column) -> str:
    known = column.metadata or {}
    description = one_line(column.description)
    if known.get("personal_data"):
        description += " **Personal data.**"
    source = known.get("source")
    cells = (
        f"`{name}`",
        sql_type(column),
        "yes" if column.nullable else "no",
        description,
        f"`{source}`" if source else "",
    )
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Sequence[str]) -> int:
    """Writes the page to the path given, or to its place in the repository."""
    path = Path(arguments[0]) if arguments else PATH
    path.write_text(dictionary(), encoding="utf-8")
    print(f"{path}: {sum(len(entity.tables) for entity in ENTITIES)} tables")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
