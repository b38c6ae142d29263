"""Takes personal data out of a payload and leaves every other byte of it as it is. Decides for nobody who is masked."""

from collections.abc import Sequence

import msgspec

from centra_assets.entities.model import Entity
from centra_assets.privacy.links import Part
from centra_assets.privacy.paths import ANY_ADDRESS, Node, is_address, personal_tree

# What is left of a payload that cannot be read as JSON: whose data is where in it cannot be told.
UNREADABLE = "{}"

_NULL = msgspec.Raw(b"null")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.encode


def mask(entity: Entity, payload: str, stand_in: str | None = None, *, part: Part | None = None) -> str:
    """The payload with `stand_in` in place of every personal value; null where none is given.

    With a `part`, only in its elements; the rest of the record is somebody else's.

    Numbers and whatever else is not personal stay as they were written. What stands where a path expects an object
    is masked whole. A payload without personal values comes back as it is.
    """
    if not payload.lstrip().startswith("{"):
        return UNREADABLE
    tree = personal_tree(entity)
    masking = _Masking(tree.below.get(ANY_ADDRESS), _NULL if stand_in is None else msgspec.Raw(_encode(stand_in)))
    try:
        written = msgspec.Raw(payload.encode(errors="surrogatepass"))
        found = masking.of(written, [tree]) if part is None else masking.within(written, tree, part)
    except (msgspec.DecodeError, UnicodeError):
        return UNREADABLE
    return payload if found is None else bytes(found).decode(errors="surrogatepass")


class _Masking:
    """One way to mask: what is personal in an address, wherever one stands, and what is put in its place."""

    def __init__(self, address: Node | None, stand_in: msgspec.Raw) -> None:
        self._address = address
        self._stand_in = stand_in

    def of(self, value: msgspec.Raw, nodes: Sequence[Node]) -> msgspec.Raw | None:
        """The value masked by what the nodes say of its place; None where there is nothing to mask."""
        written = bytes(value).lstrip()
        if any(node.is_personal for node in nodes):
            return self._hidden(written)
        if written[:1] == b"{":
            return self._object(_object(written), nodes)
        if written[:1] == b"[":
            return self._list(_list(written), nodes)
        # A text where something with personal parts should be: it may be all of them in one.
        return self._hidden(written) if any(node.below for node in nodes) else None

    def within(self, value: msgspec.Raw, tree: Node, part: Part) -> msgspec.Raw | None:
        """The value masked in the elements of the part."""
        members = _object(value)
        told = members.get(part.name)
        if told is None or not bytes(told).lstrip().startswith(b"["):
            return None
        nodes = self._at(part.name, [tree])
        elements = [
            (element, self.of(element, nodes) if part.holds(bytes(element).decode(errors="surrogatepass")) else None)
            for element in _list(told)
        ]
        if all(masked is None for _, masked in elements):
            return None
        kept = msgspec.Raw(_encode([old if new is None else new for old, new in elements]))
        return msgspec.Raw(_encode(members | {part.name: kept}))

    def _hidden(self, written: bytes) -> msgspec.Raw | None:
        return None if written in (b"null", bytes(self._stand_in)) else self._stand_in

    def _object(self, members: dict[str, msgspec.Raw], nodes: Sequence[Node]) -> msgspec.Raw | None:
        changed = {}
        for name, value in members.items():
            masked = self.of(value, self._at(name, nodes))
            if masked is not None:
                changed[name] = masked
        return msgspec.Raw(_encode(members | changed)) if changed else None

    def _list(self, elements: list[msgspec.Raw], nodes: Sequence[Node]) -> msgspec.Raw | None:
        masked = [self.of(element, nodes) for element in elements]
        if all(element is None for element in masked):
            return None
        return msgspec.Raw(_encode([old if new is None else new for old, new in zip(elements, masked, strict=True)]))

    def _at(self, name: str, nodes: Sequence[Node]) -> list[Node]:
        found = [node.below[name] for node in nodes if name in node.below]
        if self._address is not None and is_address(name) and self._address not in found:
            found.append(self._address)
        return found
