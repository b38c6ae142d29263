"""Nodes of the catalogue: products to sizes, displays, bundles, media, prices. No stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from centra_assets.sandbox.data.nodes.base import Node
from centra_assets.sandbox.data.nodes.stock import total_of

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money
    from centra_assets.sandbox.data.nodes.descriptions import (
        Attribute,
        LanguageTranslation,
        MeasurementTable,
        Size,
        SizeChart,
    )
    from centra_assets.sandbox.data.nodes.promotions import CampaignVariant
    from centra_assets.sandbox.data.nodes.reference import Country, Market, Pricelist, Store, TaxGroup
    from centra_assets.sandbox.data.nodes.stock import (
        DeliveryWindow,
        ProductVariantSupply,
        PurchaseOrder,
        PurchaseOrderDelivery,
        Stock,
        StockChangeLine,
        StockTotals,
    )


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Brand(Node):
    id: int
    name: str
    uri: str | None = None
    stores: Sequence[Store] = ()
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Category(Node):
    id: int
    name: str
    status: str
    isTopCategory: bool = False
    uri: str
    metaTitle: str | None = None
    metaDescription: str | None = None
    metaKeywords: str | None = None
    childCategories: Sequence[Category] = ()
    displayConnection: Sequence[Display] = ()
    translations: Sequence[LanguageTranslation] = ()
    parentCategory: Category | None = None
    store: Store
    attributes: Sequence[Attribute] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Collection(Node):
    id: int
    name: str
    status: str
    uri: str
    products: Sequence[Product] = ()
    externalId: str | None = None

    @property
    def totalProducts(self) -> int:
        return len(self.products)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Folder(Node):
    id: int
    name: str
    isTopFolder: bool = False
    childFolders: Sequence[Folder] = ()
    parentFolder: Folder | None = None
    products: Sequence[Product] = ()
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Weight(Node):
    value: Decimal
    unit: str
    formattedValue: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class WeightSettings(Node):
    weight: Weight | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Dimensions(Node):
    length: Decimal | None = None
    width: Decimal | None = None
    height: Decimal | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DimensionsSettings(Node):
    dimensions: Dimensions | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShippingSpecificationSettings(Node):
    weight: WeightSettings | None = None
    dimensions: DimensionsSettings | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ShippingSpecifications(Node):
    weight: Weight | None = None
    dimensions: Dimensions | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Product(Node):
    id: int
    name: str
    status: str
    productNumber: str
    createdAt: datetime
    updatedAt: datetime
    harmonizedCommodityCode: str | None = None
    harmonizedCommodityCodeDescription: str | None = None
    internalComment: str | None = None
    isBundle: bool = False
    isSerializableProduct: bool = False
    weight: Weight | None = None
    attributes: Sequence[Attribute] = ()
    brand: Brand | None = None
    bundle: Bundle | None = None
    collection: Collection | None = None
    countryOfOrigin: Country | None = None
    displays: Sequence[Display] = ()
    folder: Folder | None = None
    translations: Sequence[LanguageTranslation] = ()
    measurementTable: MeasurementTable | None = None
    media: Sequence[ProductMedia] = ()
    variants: Sequence[ProductVariant] = ()
    externalId: str | None = None
    localized: ClassVar[Sequence[Node]] = ()
    # Not in the schema: the price in öre that every pricelist's price is derived from.
    listPrice: int = 0


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ProductVariant(Node):
    id: int
    name: str | None = None
    variantNumber: str | None = None
    status: str
    internalName: str | None = None
    unitCost: Money | None = None
    updatedAt: datetime
    stockOffset: int
    shippingSpecificationSettings: ShippingSpecificationSettings | None = None
    attributes: Sequence[Attribute] = ()
    subscriptionPlans: ClassVar[Sequence[Node]] = ()
    campaignVariants: Sequence[CampaignVariant] = ()
    displays: Sequence[Display] = ()
    displayItems: Sequence[DisplayItem] = ()
    translations: Sequence[LanguageTranslation] = ()
    media: Sequence[ProductMedia] = ()
    prices: Sequence[Price] = ()
    product: Product
    productSizes: Sequence[ProductSize] = ()
    sizeChart: SizeChart | None = None
    supply: Sequence[ProductVariantSupply] = ()
    purchaseOrders: Sequence[PurchaseOrder] = ()
    purchaseOrderDeliveries: Sequence[PurchaseOrderDelivery] = ()
    externalId: str | None = None
    localized: ClassVar[Sequence[Node]] = ()

    @property
    def stock(self) -> Sequence[Stock]:
        return [stock for size in self.productSizes for stock in size.stock]

    @property
    def stockTotals(self) -> StockTotals:
        return total_of(self.stock)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ProductSize(Node):
    id: int
    description: str | None = None
    preorder: bool = False
    sizeNumber: str | None = None
    EAN: str | None = None
    UPC: str | None = None
    comment: str | None = None
    weight: Weight | None = None
    shippingSpecifications: ShippingSpecifications | None = None
    updatedAt: datetime
    isActive: bool = False
    size: Size
    productVariant: ProductVariant
    stockChangeLines: Sequence[StockChangeLine] = ()
    stock: Sequence[Stock] = ()
    purchaseOrderDeliveries: Sequence[PurchaseOrderDelivery] = ()
    purchaseOrders: Sequence[PurchaseOrder] = ()

    @property
    def SKU(self) -> str:
        return "".join((self.product.productNumber, self.productVariant.variantNumber or "", self.sizeNumber or ""))

    @property
    def GTIN(self) -> str | None:
        return self.EAN

    @property
    def product(self) -> Product:
        return self.productVariant.product

    @property
    def quantity(self) -> int:
        return sum(stock.physicalQuantity for stock in self.stock)

    @property
    def stockTotals(self) -> StockTotals:
        return total_of(self.stock)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ProductMedia(Node):
    id: int
    attributes: Sequence[Attribute] = ()
    source: MediaSource | None = None
    metaDataJSON: str | None = None
    altText: str | None = None
    product: Product


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class MediaSource(Node):
    mediaSize: MediaSize
    url: str
    mimeType: str | None = None
    type: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class MediaSize(Node):
    name: str
    quality: int | None = None
    maxWidth: int | None = None
    maxHeight: int | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Bundle(Node):
    id: int
    createdAt: datetime
    updatedAt: datetime
    type: str
    priceType: str
    sizeChart: SizeChart | None = None
    sizes: Sequence[Size] = ()
    sections: Sequence[BundleSection] = ()
    prices: Sequence[Price] = ()
    maxPrices: Sequence[Price] = ()
    product: Product
    subscriptionPlans: ClassVar[Sequence[Node]] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class BundleSection(Node):
    id: int
    quantity: int
    createdAt: datetime
    updatedAt: datetime
    productVariants: Sequence[ProductVariant] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Display(Node):
    id: int
    name: str
    status: str
    uri: str
    minimumOrderQuantity: int | None = None
    orderQuantityDenominator: int | None = None
    description: str | None = None
    shortDescription: str | None = None
    metaTitle: str | None = None
    metaDescription: str | None = None
    metaKeywords: str | None = None
    comment: str | None = None
    tags: Sequence[str] = ()
    updatedAt: datetime
    attributes: Sequence[Attribute] = ()
    categories: Sequence[Category] = ()
    canonicalCategory: Category | None = None
    campaignVariants: Sequence[CampaignVariant] = ()
    displayItems: Sequence[DisplayItem] = ()
    translations: Sequence[LanguageTranslation] = ()
    markets: Sequence[Market] = ()
    media: Sequence[ProductMedia] = ()
    prices: Sequence[Price] = ()
    product: Product
    productVariants: Sequence[ProductVariant] = ()
    related: Sequence[DisplayRelation] = ()
    store: Store
    taxGroup: TaxGroup | None = None
    localized: ClassVar[Sequence[Node]] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DisplayItem(Node):
    id: int
    display: Display
    productVariant: ProductVariant

    @property
    def store(self) -> Store:
        return self.display.store


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class DisplayRelation(Node):
    id: int
    type: str
    targetDisplay: Display


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Price(Node):
    id: int
    price: Money | None = None
    recommendedRetailPrice: Money | None = None
    pricelist: Pricelist
    product: Product
    productVariant: ProductVariant

    @property
    def store(self) -> Store:
        return self.pricelist.store


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class LowestPrice(Node):
    productVariant: ProductVariant
    pricelist: Pricelist
    originalPrice: Money
    price: Money
    startDate: datetime
    markets: Sequence[Market] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class PriceAlteration(Node):
    id: int
    name: str
    status: str
    store: Store
    startDate: date
    endDate: date | None = None
    deliveryWindows: Sequence[DeliveryWindow] = ()
    prices: Sequence[Price] = ()
