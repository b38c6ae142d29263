"""Rules made from the contracts: whatever a column points at is there. What a column is worth is judged elsewhere."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import dataframely as dy

from centra_assets.checks.rules.rule import Rule
from centra_assets.entities.attributes import AttributeContract, TranslationContract
from centra_assets.entities.contract import Contract
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES

# Ids, without their `_id`, that are named after the role and not after the table.
_NAMED_OTHERWISE: Mapping[str, str] = {
    "country_of_origin": "countries",
    "fallback_rule": "allocation_rules",
    "media": "product_media",
    "payment_method": "store_plugins",
    "shipment_plugin": "store_plugins",
    "state": "country_states",
}
# Points at a part of an order's record and does not name the order.
_BILLED = "invoice_lines.order_line_id"
# What the code or the name beside it says already.
_SAID_BESIDE = frozenset({"currency_id", "mapped_attribute_id"})
# Ids of objects that have no table in core. Every other id points somewhere, which a test holds.
WITHOUT_TABLE = frozenset(
    {
        "address_book_entry",
        "admin_user",
        "brick_and_mortar",
        "external",
        "gift_certificate_generator",
        "measurement_chart",
        "payment_terms",
        "priority_set",
        "sales_representative",
        "section",
        "shipping_price_group",
        "shipping_terms",
        "tax_class",
        "tax_group",
    }
)


@dataclass(frozen=True)
class Reference:
    """A column of a table that holds the key of a row of another table."""

    entity: Entity
    contract: type[Contract]
    column: str
    parent_entity: Entity
    parent: type[Contract]
    parent_key: str

    @property
    def within_record(self) -> bool:
        """Whether both rows come from one record, so that nothing but a torn load parts them."""
        there, here = self.parent.columns()[self.parent_key], self.contract.columns()[self.column]
        return self.entity is self.parent_entity and _source(here) == (_source(there) or self.parent_key)


def references(entities: tuple[Entity, ...] = ENTITIES) -> Iterator[Reference]:
    """Every reference that the contracts hold, in their order. A copy of the header's column on a line is none."""
    tables = {contract.table: (entity, contract) for entity in entities for contract in entity.tables}
    for entity in entities:
        for contract in entity.tables:
            for name in contract.columns():
                target = target_of(contract, name, tables)
                if target and target != (contract.table, name) and not _is_copy(entity, contract, name):
                    table, key = target
                    yield Reference(entity, contract, name, *tables[table], key)


def target_of(
    contract: type[Contract], column: str, tables: Mapping[str, tuple[Entity, type[Contract]]]
) -> tuple[str, str] | None:
    """The table and the column that a column points at; None for one that points at nothing in core."""
    if column == "order_number":
        return "orders", "number"
    if column == "currency" or (column.endswith("_currency") and isinstance(contract.columns()[column], dy.String)):
        return "currencies", "code"
    if not column.endswith("_id") or column in _SAID_BESIDE or column.removesuffix("_id") in WITHOUT_TABLE:
        return None
    stem = column.removesuffix("_id")
    if column == "object_id" and issubclass(contract, AttributeContract | TranslationContract):
        stem = contract.table.rpartition("_")[0]
    table = _NAMED_OTHERWISE.get(stem) or _table_named_after(stem, tables)
    return (table, "number" if table == "orders" else "id") if table else None


def _table_named_after(stem: str, tables: Mapping[str, tuple[Entity, type[Contract]]]) -> str | None:
    """`parent_category` is a category: the longest end of the name that a table has as its plural."""
    words = stem.split("_")
    plurals = (_plural("_".join(words[first:])) for first in range(len(words)))
    return next((plural for plural in plurals if plural in tables), None)


def _plural(word: str) -> str:
    return f"{word[:-1]}ies" if re.search("[^aeiou]y$", word) else f"{word}s"


def _source(column: dy.Column) -> str:
    return str((column.metadata or {}).get("source") or "")


def _is_copy(entity: Entity, contract: type[Contract], name: str) -> bool:
    """Whether a row of lines only repeats what its header points at; the header is judged for both."""
    header = entity.tables[0]
    source = _source(contract.columns()[name])
    held = [known for known, column in header.columns().items() if source and _source(column) == source]
    return contract is not header and bool(held) and not set(held) & set(header.primary_key())


def _home(reference: Reference) -> Reference | None:
    """What the row tells of the record that its parent is a part of, such as a refund of its payment's order."""
    header = reference.parent_entity.tables[0]
    tables = {contract.table: (entity, contract) for entity in ENTITIES for contract in entity.tables}
    for name in reference.contract.columns():
        target = target_of(reference.contract, name, tables)
        if reference.parent is not header and target and target[0] == header.table:
            return replace(reference, column=name, parent=header, parent_key=target[1])
    return None


def _rule(reference: Reference) -> Rule:
    table, parent, column = reference.contract.table, reference.parent.table, reference.column
    key = " || '/' || ".join(f"child.{name}" for name in reference.contract.primary_key())
    # Ids rise: a smaller one than all we have is of a row from before the first day.
    bounded = not reference.within_record and reference.parent_entity.axis is Axis.DAY
    bound = f" and child.{column} >= (select min({reference.parent_key}) from core.{parent} )" if bounded else ""
    home = _home(reference) if bounded else None
    also = [home.parent.table] if home else []
    if home:
        # A refund of today is newer than most payments, and yet has no row where its order is from before.
        first = f"(select min({home.parent_key}) from core.{home.parent.table} )"
        bound += f" and (child.{home.column} is null or child.{home.column} >= {first})"
    elif bounded and f"{table}.{column}" == _BILLED:
        # So is a line that was added to it; only the shipment line says which order an invoice's line bills.
        also = ["shipment_lines", "orders"]
        bound += (
            " and (child.shipment_line_id is null or exists (select from core.shipment_lines via"
            " where via.id = child.shipment_line_id"
            " and via.order_number >= (select min(number) from core.orders )))"
        )
    if reference.within_record:
        meaning = f"Rows of core.{table} without the row of core.{parent} that they came with: a load was torn apart."
        remedy = f"Materialize the core assets of {reference.entity.name} again for the partitions of the failing rows."
    elif bounded:
        meaning = f"Rows of core.{table} whose {column} is not in core.{parent} although rows of its time are."
        remedy = f"Materialize raw and core of {reference.parent_entity.name} for the days that the rows name."
    else:
        meaning = f"Rows of core.{table} whose {column} is not in core.{parent}."
        remedy = f"Materialize raw and core of {reference.parent_entity.name}; then look the id up in Centra."
    return Rule(
        table=table,
        name=f"{column}_is_known",
        failures=(
            f"select ({key})::text as key from core.{table} child "
            f"left join core.{parent} parent on parent.{reference.parent_key} = child.{column} "
            f"where child.{column} is not null and parent.{reference.parent_key} is null{bound}"
        ),
        meaning=meaning,
        remedy=remedy,
        tables=() if parent == table else (parent, *also),
        # A parent that was not loaded is a gap in coverage, not wrong data.
        severe=reference.within_record,
    )


REFERENCE_RULES: tuple[Rule, ...] = tuple(_rule(reference) for reference in references())
