"""Which objects a store-restricted token sees. Permissions on fields live with the schema."""

from collections.abc import Callable, Iterator
from typing import Any

# Where an object's store is found; the first path that its kind has decides. Kinds without one are of no store.
_PATHS = ("store", "order.store", "pricelist.store", "display.store", "campaign.store", "voucher.store", "market.store")


def sees_only(store_ids: frozenset[int]) -> Callable[[Any], bool]:
    """A test for what belongs to one of the stores, or to none."""

    def visible(node: Any) -> bool:
        stores = list(_stores(node))
        return not stores or any(store.id in store_ids for store in stores)

    return visible


def _stores(node: Any) -> Iterator[Any]:
    if getattr(node, "typename", None) == "Store":
        yield node
        return
    path = _path(type(node))
    if path is None:
        return
    found = node
    for step in path:
        found = getattr(found, step, None)
        found = found() if callable(found) else found
    if isinstance(found, list | tuple):
        yield from found
    elif found is not None:
        yield found


_known: dict[type[Any], tuple[str, ...] | None] = {}


def _path(kind: type[Any]) -> tuple[str, ...] | None:
    if kind not in _known:
        _known[kind] = _find_path(kind)
    return _known[kind]


def _find_path(kind: type[Any]) -> tuple[str, ...] | None:
    for path in _PATHS:
        steps = tuple(path.split("."))
        if hasattr(kind, steps[0]):
            return steps
    return ("stores",) if hasattr(kind, "stores") else None
