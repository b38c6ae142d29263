"""By what a record belongs to a customer: references read from payloads. Knows no list of customers."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import msgspec


class Kind(StrEnum):
    """What a reference names."""

    CUSTOMER = "customer"
    ORDER = "order"
    ORDER_LINE = "order_line"
    EMAIL = "email"


@dataclass(frozen=True)
class Link:
    """A path of an entity's payload (dots, through lists) and what the value there names."""

    path: str
    kind: Kind


class Reference(NamedTuple):
    """What a payload names: an id as text, or an e-mail address, folded."""

    kind: Kind
    value: str


# In this order what one entity hands on finds the records of the next.
BELONGS: Mapping[str, Sequence[Link]] = {
    "customers": (Link("id", Kind.CUSTOMER),),
    "orders": (Link("customer.id", Kind.CUSTOMER), Link("number", Kind.ORDER)),
    "shipments": (
        Link("customer.id", Kind.CUSTOMER),
        Link("order.number", Kind.ORDER),
        Link("lines.orderLine.id", Kind.ORDER_LINE),
    ),
    "returns": (Link("order.number", Kind.ORDER), Link("lines.orderLine.id", Kind.ORDER_LINE)),
    # An invoice names its orders by their lines only.
    "invoices": (Link("lines.orderLine.id", Kind.ORDER_LINE),),
    # A subscription knows no customer.
    "newsletter_subscriptions": (Link("email", Kind.EMAIL),),
}

# What a record that belongs to a customer tells of the others that do.
HANDS_ON: Mapping[str, Sequence[Link]] = {
    "customers": (Link("email", Kind.EMAIL),),
    "orders": (Link("number", Kind.ORDER), Link("lines.id", Kind.ORDER_LINE)),
}


def folded(email: str) -> str:
    """An e-mail address as it is compared."""
    return email.strip().lower()


def reader(links: Sequence[Link]) -> Callable[[str], set[Reference]]:
    """A function from a payload to what it names at these links; of an unreadable payload that is nothing."""
    paths = [(tuple(link.path.split(".")), link.kind) for link in links]
    decode = _decoder(tuple(path for path, _ in paths))

    def read(payload: str) -> set[Reference]:
        try:
            record: Any = decode(payload)
        except (msgspec.MsgspecError, UnicodeError):
            record = _leniently(payload)
        return {Reference(kind, text) for path, kind in paths for text in _texts(record, path, kind)}

    return read


def texts_at(payload: str, path: str) -> list[str]:
    """The scalars at a path, as text."""
    return _texts(_leniently(payload), tuple(path.split(".")), None)


@cache
def _decoder(paths: tuple[tuple[str, ...], ...]) -> Callable[[str], Any]:
    """Decodes nothing but these paths: the rest of a record is skipped at the speed of a copy."""
    return msgspec.json.Decoder(_shape(paths)).decode


def _shape(paths: Iterable[tuple[str, ...]]) -> Any:
    below: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    fields: list[tuple[str, Any, Any]] = []
    for name, rests in below.items():
        inner: Any = _shape(rest for rest in rests if rest) if any(rests) else None
        told = int | str | None if inner is None else inner | list[inner] | None
        fields.append((name, told, None))
    return msgspec.defstruct("Part", fields)


def _texts(value: Any, path: tuple[str, ...], kind: Kind | None) -> list[str]:
    """The scalars at a path, as they are compared. Called for every record that comes in while anybody is forgotten."""
    for depth, name in enumerate(path):
        if isinstance(value, list):
            return [text for element in value for text in _texts(element, path[depth:], kind)]
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value is None:
            return []
    if isinstance(value, list):
        return [text for element in value for text in _texts(element, (), kind)]
    if not isinstance(value, int | str) or isinstance(value, bool):
        return []
    text = folded(value) if kind is Kind.EMAIL and isinstance(value, str) else str(value)
    return [text] if text else []


def _leniently(payload: str) -> Any:
    """For a payload of another shape than it should have, such as an id that is a fraction."""
    try:
        return json.loads(payload)
    except ValueError:
        return None
