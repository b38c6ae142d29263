"""Where an entity's records hold personal data: paths of the payload, read off the contracts' marks. Masks nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from centra_assets.entities.contract import Contract
from centra_assets.entities.model import Entity

_ARGUMENTS = re.compile(r"\([^)]*\)")
# In a contract's `source` it stands for whichever address the row was read from, such as `shippingAddress`.
ANY_ADDRESS = "address"


@dataclass(eq=False)
class Node:
    """What lies below a place in a payload: names that lead on, and whether the place itself is personal."""

    below: dict[str, "Node"] = field(default_factory=dict)
    is_personal: bool = False


def personal_columns(contract: type[Contract]) -> list[str]:
    """The columns of a table that are marked as personal data."""
    return [name for name, column in contract.columns().items() if (column.metadata or {}).get("personal_data")]


def sources(contract: type[Contract], column: str) -> list[tuple[str, ...]]:
    """The payload paths that a column is read from; `a.b.c | d` means `a.b.c` or `a.b.d`."""
    told = str((contract.columns()[column].metadata or {}).get("source", ""))
    first, *others = [part.strip() for part in _ARGUMENTS.sub("", told).split("|")]
    path = tuple(first.split(".")) if first else ()
    return [path, *[(*path[:-1], *other.split(".")) for other in others]] if path else []


def personal_paths(entity: Entity) -> Iterator[tuple[str, ...]]:
    """Every path that a personal column of the entity's tables is read from; a path may come twice."""
    for contract in entity.tables:
        for column in personal_columns(contract):
            yield from sources(contract, column)


@cache
def _tree(tables: tuple[type[Contract], ...]) -> Node:
    root = Node()
    for contract in tables:
        for column in personal_columns(contract):
            for path in sources(contract, column):
                node = root
                for name in path:
                    node = node.below.setdefault(name, Node())
                node.is_personal = True
    return root


def personal_tree(entity: Entity) -> Node:
    """The personal paths of an entity as a tree. What lies below ANY_ADDRESS holds for addresses at any depth."""
    return _tree(tuple(entity.tables))


def is_address(name: str) -> bool:
    """Whether a name of a payload is that of an address."""
    return name == ANY_ADDRESS or name.endswith("Address")
