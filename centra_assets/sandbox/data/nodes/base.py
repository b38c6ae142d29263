"""The root of every object in the sandbox's world. No particular kind of object."""

from typing import ClassVar


class Node:
    """A Centra object: attributes are named as the schema's fields; `typename` is the concrete GraphQL type.

    A to-many relation is a sequence or a method without arguments; an unset nullable field is None.
    """

    __slots__ = ()
    typename: ClassVar[str] = "Node"

    def __repr__(self) -> str:
        # Never the fields: they lead to the whole world, and to people.
        return f"<{self.typename} {getattr(self, 'id', '')}>".replace(" >", ">")

    def __init_subclass__(cls) -> None:
        cls.typename = cls.__name__
