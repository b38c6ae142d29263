"""Tables and long lists kept in the orders they were asked for, and brought up to date by what changed. No filters."""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from centra_assets.sandbox.data.nodes.orders import Order as ShopOrder
from centra_assets.sandbox.ordering import Key, Order, Ranked, rank

# A list in order of these stays in order for as long as nothing comes or goes.
_LASTING = frozenset(
    {"id", "number", "createdAt", "productId", "productVariantId", "productSizeId", "productSizeSort", "warehouseId"}
)


# Tables whose objects never change, come or go without an event that names them.
_TOLD = frozenset(
    {"Account", "Campaign", "Customer", "Display", "Invoice", "NewsletterSubscription", "Order", "PaymentHistoryEntry"}
    | {"Price", "Product", "ProductVariant", "PurchaseOrder", "PurchaseOrderDelivery", "Return", "Shipment"}
    | {"StockChange", "Voucher"}
)
Get = Callable[[Any], Any]


class Indexes:
    """What is in order already. Sorting a table for every query would stall a shop in which things happen."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Hashable, Order], _Index] = {}

    def ranked(self, name: Hashable, rows: Sequence[Any], order: Order, get: Get | None = None) -> Ranked:
        """All rows of the table or list of this name, in this order; `get` finds a table's object by its reference."""
        index = self._kept.get((name, order))
        if index is None or not index.catches_up(rows):
            index = self._kept[name, order] = _Index(rows, order, get if name in _TOLD else None)
        return index.ranked

    def changed(self, type_name: str, reference: int) -> None:
        """One object has changed, come or gone, and with it perhaps others of kinds that no event tells of."""
        for (name, order), index in list(self._kept.items()):
            if name == type_name:
                index.stale.add(reference)
            if name not in _TOLD and not _LASTING.issuperset(order.fields):
                del self._kept[name, order]

    def forget(self) -> None:
        """After anything may have changed."""
        self._kept.clear()


class _Index:
    """The rows of one table or list in one order, and which of them may be out of place."""

    def __init__(self, rows: Sequence[Any], order: Order, get: Get | None) -> None:
        self._order = order
        self._get = get
        self._rows, self._length = rows, len(rows)
        self.ranked = rank(rows, order)
        self.stale: set[int] = set()
        self._keys_of: dict[int, Key] = {}
        if get is not None:
            pairs = zip(self.ranked.nodes, self.ranked.keys, strict=True)
            self._keys_of = {_reference(node): key for node, key in pairs}

    def catches_up(self, rows: Sequence[Any]) -> bool:
        """Put what is stale in its place; False when that is not enough, and everything is to be ranked again."""
        if self._get is None:
            return rows is self._rows and len(rows) == self._length
        for reference in self.stale:
            self._take_out(reference)
            node = self._get(reference)
            if node is not None:
                self._put_in(reference, node)
        self.stale.clear()
        return len(self.ranked.nodes) == len(rows)

    def _take_out(self, reference: int) -> None:
        key = self._keys_of.pop(reference, None)
        if key is not None:
            # No two objects with an id share a place.
            place = bisect_left(self.ranked.keys, key)
            del self.ranked.keys[place], self.ranked.nodes[place]

    def _put_in(self, reference: int, node: Any) -> None:
        key = self._order.key(node)
        place = bisect_left(self.ranked.keys, key)
        self.ranked.keys.insert(place, key)
        self.ranked.nodes.insert(place, node)
        self._keys_of[reference] = key


def _reference(node: Any) -> int:
    """How an event names an object."""
    return int(node.number if isinstance(node, ShopOrder) else node.id)
