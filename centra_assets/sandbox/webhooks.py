"""Webhooks as Centra makes them: plugins, what each kind says of a change, the signed body. Sending is deliveries'."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus

import msgspec

from centra_assets.sandbox.data.world import Change, World


class WebhookKind(StrEnum):
    """The API whose words a plugin speaks."""

    INTEGRATION = "integration_api"
    CHECKOUT = "checkout_api"
    STOREFRONT = "storefront_api"


class WebhookPlugin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One webhook plugin of a store, or of all of them where `store_ids` is None. An empty secret signs nothing."""

    name: str
    kind: WebhookKind
    url: str
    secret: str = ""
    store_ids: frozenset[int] | None = None
    max_events: int = 100
    timeout_seconds: float = 5.0
    # Centra's default is none; each wait is twice as long as the one before.
    retries: int = 0
    retry_delay_seconds: float = 1.0
    gather_seconds: float = 0.2

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a webhook plugin needs a name")
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"the URL of {self.name} is none of http or https")
        if not 0 <= self.retries <= 3:
            raise ValueError(f"{self.name} may have 0 to 3 retries")
        if self.max_events < 1 or self.timeout_seconds <= 0 or min(self.gather_seconds, self.retry_delay_seconds) < 0:
            raise ValueError(f"{self.name} has a number that is too small")


@dataclass(frozen=True)
class Notice:
    """One element of a call: a type or a list's name, an id, and for the Integration API what happened and when."""

    key: str
    id: int
    action: str = ""
    date: str = ""


# Object type -> the Integration API's word, and what it calls each change; what is not here is nobody's.
_Actions = dict[str, tuple[str, ...]]
_ACTIONS: _Actions = {"CREATED": ("create",), "UPDATED": ("update",), "COMPLETED": ("update",), "DELETED": ("delete",)}
_ORDER: _Actions = {"CREATED": ("insert",)}
# A shipment of this shop is packed when it leaves.
_SHIPMENT: _Actions = {"COMPLETED": ("good_to_go", "update")}
_INTEGRATION: dict[str, tuple[str, _Actions]] = {
    "Order": ("order", _ACTIONS | _ORDER),
    "Shipment": ("shipment", _ACTIONS | _SHIPMENT),
    "Customer": ("customer", _ACTIONS),
    "Account": ("account", _ACTIONS),
    "Return": ("return", _ACTIONS),
}
# Object type -> the list that names it; products are found by way of the display items below.
_LISTS: dict[WebhookKind, dict[str, str]] = {
    WebhookKind.CHECKOUT: {
        "Category": "categories",
        "Pricelist": "pricelists",
        "Warehouse": "warehouses",
        "AllocationRule": "warehouseGroups",
        "Brand": "brands",
        "Market": "markets",
        "Campaign": "campaigns",
    },
    WebhookKind.STOREFRONT: {
        "Category": "Categories",
        "Pricelist": "Pricelists",
        "Market": "Markets",
        "Collection": "Collections",
        "Brand": "Brands",
        "Language": "Languages",
    },
}
_PRODUCTS = {WebhookKind.CHECKOUT: "products", WebhookKind.STOREFRONT: "DisplayItems"}


def notices(world: World, plugin: WebhookPlugin, change: Change, moment: datetime) -> list[Notice]:
    """What a plugin says of a change; nothing of other stores, nor of what its kind has no word for.

    `moment` is when it happened, in the instance's zone; the next microseconds belong to it as well.
    """
    own = plugin.store_ids
    if own is not None and change.store_id is not None and change.store_id not in own:
        return []
    if plugin.kind is WebhookKind.INTEGRATION:
        word, actions = _INTEGRATION.get(change.object_type, ("", {}))
        told = enumerate(actions.get(change.change_type, ()))
        return [Notice(word, change.reference, action, _date(moment, later)) for later, action in told]
    listed = _LISTS[plugin.kind].get(change.object_type)
    found = [Notice(listed, change.reference)] if listed else []
    items = (item for item in _display_items(world, change) if own is None or item.display.store.id in own)
    return found + [Notice(_PRODUCTS[plugin.kind], number) for number in sorted({item.id for item in items})]


def _date(moment: datetime, later: int) -> str:
    return (moment + timedelta(microseconds=later)).strftime("%Y-%m-%d %H:%M:%S.%f")


def _display_items(world: World, change: Change) -> Iterable[Any]:
    """The items in the shop window that look different after a change."""
    table = world.tables.get(change.object_type)
    node: Any = table.get(change.reference) if table is not None else None
    if node is None:
        return ()
    match change.object_type:
        case "DisplayItem":
            return (node,)
        case "Display" | "ProductVariant":
            return tuple(node.displayItems)
        case "Product":
            return (item for display in node.displays for item in display.displayItems)
        case "Price":
            return (item for item in node.productVariant.displayItems if item.display.store is node.store)
        case "Campaign":
            entries = (item for entry in node.campaignVariants for item in entry.productVariant.displayItems)
            return (item for item in entries if item.display.store is node.store)
        case "StockChange":
            variants = {line.productSize.productVariant for line in node.lines if line.productSize is not None}
            return (item for variant in variants for item in variant.displayItems)
    return ()


def body_of(kind: WebhookKind, told: Sequence[Notice]) -> bytes:
    """The raw body of a call: one form field named payload, holding JSON."""
    payload: dict[str, Any] = {}
    if kind is WebhookKind.INTEGRATION:
        payload["events"] = [{"type": n.key, "action": n.action, "date": n.date, "id": n.id} for n in told]
    else:
        for notice in told:
            payload.setdefault(notice.key, []).append(str(notice.id))
    return b"payload=" + quote_plus(json.dumps(payload, separators=(",", ":"))).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of X-Centra-Signature for a body sent at that second."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
