"""The sandbox's world: its tables, its clock, its changes, and how it is built. The objects' kinds live in nodes."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from centra_assets.sandbox.data.accounts import build_accounts
from centra_assets.sandbox.data.attributes import AttributeBook
from centra_assets.sandbox.data.bundles import build_bundles
from centra_assets.sandbox.data.catalogue import build_catalogue
from centra_assets.sandbox.data.displays import build_displays
from centra_assets.sandbox.data.faults import Faults
from centra_assets.sandbox.data.history import live_through
from centra_assets.sandbox.data.logistics import build_logistics
from centra_assets.sandbox.data.money import Mint
from centra_assets.sandbox.data.nodes.base import Node
from centra_assets.sandbox.data.nodes.catalogue import (
    Brand,
    Bundle,
    Category,
    Collection,
    Display,
    DisplayItem,
    Folder,
    LowestPrice,
    Price,
    PriceAlteration,
    Product,
    ProductMedia,
    ProductSize,
    ProductVariant,
)
from centra_assets.sandbox.data.nodes.customers import Account, Buyer, Customer, NewsletterSubscription
from centra_assets.sandbox.data.nodes.descriptions import (
    AttributeType,
    MappedAttribute,
    MeasurementChart,
    Size,
    SizeChart,
    SizeLocalization,
)
from centra_assets.sandbox.data.nodes.fulfilment import Invoice, InvoiceLine, Return, ReturnLine, Shipment, ShipmentLine
from centra_assets.sandbox.data.nodes.orders import Order, OrderLine, PaymentHistoryEntry
from centra_assets.sandbox.data.nodes.promotions import Campaign, CampaignVariant, Voucher
from centra_assets.sandbox.data.nodes.reference import (
    AdminUser,
    Country,
    CountryState,
    Currency,
    Language,
    Market,
    PaymentTerms,
    Pricelist,
    SalesRepresentative,
    ShippingOption,
    ShippingPriceGroup,
    ShippingTerms,
    Store,
    StorePlugin,
    TaxClass,
    TaxGroup,
    TaxRule,
)
from centra_assets.sandbox.data.nodes.stock import (
    Allocation,
    AllocationRule,
    DeliveryWindow,
    DeliveryWindowGroup,
    PurchaseOrder,
    PurchaseOrderDelivery,
    Stock,
    StockChange,
    StockChangeLine,
    Supplier,
    Warehouse,
)
from centra_assets.sandbox.data.pricing import build_prices
from centra_assets.sandbox.data.promotions import build_promotions
from centra_assets.sandbox.data.reference import build_reference
from centra_assets.sandbox.data.shop import Shop
from centra_assets.sandbox.data.sizing import build_sizes
from centra_assets.sandbox.data.table import Table
from centra_assets.sandbox.data.timeline import Timeline
from centra_assets.sandbox.data.traffic import Traffic
from centra_assets.sandbox.data.truth import Truth, tell_truth

Kind = TypeVar("Kind", bound=Node)


@dataclass(frozen=True)
class Change:
    """Something that happened to an object, as Centra's events name it. For orders the reference is the number."""

    object_type: str
    change_type: str
    reference: int
    store_id: int | None
    market_id: int | None
    at: datetime


class World:
    """Everything a Centra instance knows. Whoever changes it holds `lock`; readers walk snapshots of the tables.

    Conventions for readers: a to-many relation is a sequence (list or tuple); `Order.lines` holds the fully cancelled
    ones too (quantity 0, cancelledQuantity above 0); Python's keywords `return` and `from` work through getattr.
    """

    def __init__(self, *, seed: int, scale: float, timeline: Timeline) -> None:
        self.seed = seed
        self.scale = scale
        self.timeline = timeline
        self.lock = threading.RLock()
        self.on_change: list[Callable[[Change], None]] = []
        self.tables: dict[str, Table[Any]] = {}
        self.mints: dict[str, Mint] = {}
        # Rate to the base currency per currency code and day of the window, oldest first.
        self.rates: dict[str, list[Decimal]] = {}
        self.faults = Faults(self)
        self.traffic: Traffic
        self._lay_out_tables()

    def rng(self, purpose: str) -> random.Random:
        """A generator of its own for each purpose, so that one part's draws do not shift another's."""
        return random.Random(f"{self.seed}/{purpose}")

    def emit(self, object_type: str, change_type: str, reference: int, store: Store | None, at: datetime) -> None:
        """Tell the listeners of a change."""
        if not self.on_change:
            return
        market = order.market if object_type == "Order" and (order := self.orders.get(reference)) else None
        change = Change(
            object_type, change_type, reference, store.id if store else None, market.id if market else None, at
        )
        for listener in self.on_change:
            listener(change)

    def truth(self, from_: datetime | None, to: datetime | None) -> dict[str, Truth]:
        """What a warehouse filled from this world must hold, per core table."""
        with self.lock:
            return tell_truth(self, from_, to)

    def step(self, rng: random.Random, now: datetime, only: Sequence[str] = ()) -> str:
        """One unit of live traffic, of one of these kinds if any are named; says in a word what happened."""
        with self.lock:
            return self.traffic.step(rng, now, only)

    def _table(self, name: str, kind: type[Kind], key: str | None = "id", alias: str | None = None) -> Table[Kind]:
        table: Table[Kind] = Table(name, key, alias)
        self.tables[name] = table
        return table

    def _lay_out_tables(self) -> None:
        self.currencies = self._table("Currency", Currency)
        self.languages = self._table("Language", Language)
        self.countries = self._table("Country", Country)
        self.country_states = self._table("CountryState", CountryState)
        self.admin_users = self._table("AdminUser", AdminUser)
        self.stores = self._table("Store", Store)
        self.store_plugins = self._table("StorePlugin", StorePlugin)
        self.markets = self._table("Market", Market)
        self.pricelists = self._table("Pricelist", Pricelist)
        self.shipping_options = self._table("ShippingOption", ShippingOption)
        self.shipping_price_groups = self._table("ShippingPriceGroup", ShippingPriceGroup)
        self.payment_terms = self._table("PaymentTerms", PaymentTerms)
        self.shipping_terms = self._table("ShippingTerms", ShippingTerms)
        self.sales_representatives = self._table("SalesRepresentative", SalesRepresentative)
        self.tax_classes = self._table("TaxClass", TaxClass)
        self.tax_groups = self._table("TaxGroup", TaxGroup)
        self.tax_rules = self._table("TaxRule", TaxRule)
        self.warehouses = self._table("Warehouse", Warehouse)
        self.allocation_rules = self._table("AllocationRule", AllocationRule)
        self.delivery_windows = self._table("DeliveryWindow", DeliveryWindow)
        self.delivery_window_groups = self._table("DeliveryWindowGroup", DeliveryWindowGroup)
        self.attribute_types = self._table("AttributeType", AttributeType, key=None)
        self.mapped_attributes = self._table("MappedAttribute", MappedAttribute)
        self.size_charts = self._table("SizeChart", SizeChart)
        self.sizes = self._table("Size", Size)
        self.size_localizations = self._table("SizeLocalization", SizeLocalization)
        self.measurement_charts = self._table("MeasurementChart", MeasurementChart)
        self.brands = self._table("Brand", Brand)
        self.categories = self._table("Category", Category)
        self.collections = self._table("Collection", Collection)
        self.folders = self._table("Folder", Folder)
        self.products = self._table("Product", Product)
        self.variants = self._table("ProductVariant", ProductVariant)
        self.product_sizes = self._table("ProductSize", ProductSize)
        self.media = self._table("ProductMedia", ProductMedia)
        self.bundles = self._table("Bundle", Bundle)
        self.displays = self._table("Display", Display)
        self.display_items = self._table("DisplayItem", DisplayItem)
        self.prices = self._table("Price", Price)
        self.lowest_prices = self._table("LowestPrice", LowestPrice, key=None)
        self.price_alterations = self._table("PriceAlteration", PriceAlteration)
        self.campaigns = self._table("Campaign", Campaign)
        self.campaign_variants = self._table("CampaignVariant", CampaignVariant)
        self.vouchers = self._table("Voucher", Voucher)
        self.suppliers = self._table("Supplier", Supplier)
        self.purchase_orders = self._table("PurchaseOrder", PurchaseOrder)
        self.deliveries = self._table("PurchaseOrderDelivery", PurchaseOrderDelivery)
        self.stock = self._table("Stock", Stock, key=None)
        self.stock_changes = self._table("StockChange", StockChange)
        self.stock_change_lines = self._table("StockChangeLine", StockChangeLine)
        self.allocations = self._table("Allocation", Allocation)
        self.customers = self._table("Customer", Customer)
        self.newsletter_subscriptions = self._table("NewsletterSubscription", NewsletterSubscription)
        self.accounts = self._table("Account", Account)
        self.buyers = self._table("Buyer", Buyer)
        self.orders = self._table("Order", Order, key="number", alias="id")
        self.order_lines = self._table("OrderLine", OrderLine)
        self.payments = self._table("PaymentHistoryEntry", PaymentHistoryEntry)
        self.shipments = self._table("Shipment", Shipment)
        self.shipment_lines = self._table("ShipmentLine", ShipmentLine)
        self.returns = self._table("Return", Return)
        self.return_lines = self._table("ReturnLine", ReturnLine)
        self.invoices = self._table("Invoice", Invoice)
        self.invoice_lines = self._table("InvoiceLine", InvoiceLine)


def build_world(*, seed: int = 7, scale: float = 1.0, now: datetime, months: int = 15) -> World:
    """A fashion retailer's Centra, the same for the same seed, with the `months` months before `now` in it."""
    world = World(seed=seed, scale=scale, timeline=Timeline.of(now, months))
    # Nothing made here is garbage: without the collector a world is ready in half the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        build_reference(world)
        build_logistics(world)
        book = AttributeBook(world)
        build_sizes(world)
        build_catalogue(world, book)
        build_bundles(world, book)
        build_displays(world, book)
        build_prices(world)
        build_promotions(world, book)
        build_accounts(world, book)
        world.traffic = Traffic(live_through(Shop(world, book)))
    finally:
        if collecting:
            gc.enable()
    return world
