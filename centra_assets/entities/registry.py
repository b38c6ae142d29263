"""Every entity there is, family by family. Nothing is found by magic: what is not listed here does not exist."""

from centra_assets.entities.model import Entity

ENTITIES: tuple[Entity, ...] = ()


def entity(name: str) -> Entity:
    """The entity of that name; KeyError names the known ones."""
    for candidate in ENTITIES:
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted(e.name for e in ENTITIES))
    raise KeyError(f"no entity {name!r}; known: {known}")
