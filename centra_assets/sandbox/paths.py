"""From the name of a filter or sort field to values of an object: `storeId` is `store.id`. No comparing here."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Reader = Callable[[Any], Sequence[Any]]

# Names that do not follow from the object's own: (concrete or inherited class, filter field) -> path.
_SPECIAL: dict[tuple[str, str], str] = {
    ("Account", "buyerId"): "buyers.id",
    ("Bundle", "productId"): "product.id",
    ("Category", "customOrder"): "id",
    ("Country", "ISO2"): "code",
    ("DisplayItem", "displayId"): "display.id",
    ("Display", "productVariantId"): "productVariants.id",
    ("Event", "storeId"): "store.id",
    ("Folder", "customOrder"): "id",
    ("Folder", "parentId"): "parentFolder.id",
    ("Category", "parentId"): "parentCategory.id",
    ("Language", "isAvailableForLocalization"): "isAvailableForTranslation",
    ("LanguageTranslation", "languageCode"): "language.code",
    ("LocalizedSize", "sizeId"): "size.id",
    ("LowestPrice", "productId"): "productVariant.product.id",
    ("LowestPrice", "storeId"): "pricelist.store.id",
    ("Market", "assignedCountryId"): "assignedToCountries.id",
    ("Order", "countryStateId"): "shippingAddress.state.id",
    ("Order", "deliveryWindowId"): "lines.deliveryWindow.id",
    ("Order", "languageId"): "customer.language.id",
    ("Order", "salesRepresentativeId"): "account.salesRepresentative.id",
    ("Order", "storeType"): "store.type",
    ("Order", "userIp"): "userIP",
    ("PaymentHistoryEntry", "currencyId"): "value.currency.id",
    ("Price", "storeId"): "pricelist.store.id",
    ("Pricelist", "assignedToCountryId"): "assignedToCountries.id",
    ("Product", "harmonizedCommodityDescription"): "harmonizedCommodityCodeDescription",
    ("Product", "measurementChartId"): "measurementTable.chart.id",
    ("ProductSize", "productId"): "productVariant.product.id",
    ("ProductVariant", "displayId"): "displays.id",
    ("ProductVariant", "sizeId"): "productSizes.size.id",
    ("ProductVariantSupply", "productId"): "productVariant.product.id",
    ("ProductVariantSupply", "productName"): "productVariant.product.name",
    ("PurchaseOrder", "productSizeId"): "lines.productSize.id",
    ("PurchaseOrder", "productVariantId"): "lines.productVariant.id",
    ("PurchaseOrderDelivery", "productSizeId"): "lines.productSize.id",
    ("PurchaseOrderDelivery", "productVariantId"): "lines.productVariant.id",
    ("Return", "orderNumber"): "order.number",
    ("Return", "shipmentNumber"): "shipment.number",
    ("Return", "storeType"): "store.type",
    ("Invoice", "grandTotalExcludingTax"): "grandTotal.net",
    ("Invoice", "grandTotalIncludingTax"): "grandTotal.gross",
    ("CampaignVariant", "storeId"): "campaign.store.id",
    ("Shipment", "storeType"): "store.type",
    ("ShippingPriceGroup", "countryId"): "countries.id",
    ("Stock", "productId"): "productSize.productVariant.product.id",
    ("Stock", "productVariantId"): "productSize.productVariant.id",
    ("Stock", "productSizeSort"): "productSize.size.id",
    ("StockChange", "productVariantId"): "lines.productSize.productVariant.id",
    ("StockChangeLine", "productVariantId"): "productSize.productVariant.id",
    ("StockChangeLine", "productSizeName"): "productSize.size.name",
    ("TaxRule", "countryId"): "countries.id",
    ("Translation", "skipEmpty"): "value",
}
# Attributes are of several types that share only this filter.
_TYPE_NAME = {"typeName": "type.name"}


class UnknownPathError(LookupError):
    """The world has nothing that this filter or sort field could look at."""


_readers: dict[tuple[type[Any], str], Reader] = {}


def reader(kind: type[Any], field_name: str) -> Reader:
    """How to read a field's values from objects of one class: none, one, or several through a list.

    Raises UnknownPathError.
    """
    found = _readers.get((kind, field_name))
    if found is None:
        found = _readers[kind, field_name] = _make_reader(kind, field_name)
    return found


def _make_reader(kind: type[Any], field_name: str) -> Reader:
    names = [base.__name__ for base in kind.__mro__]
    special = next((_SPECIAL[name, field_name] for name in names if (name, field_name) in _SPECIAL), None)
    path = special or _TYPE_NAME.get(field_name) or _plain(kind, field_name)
    if path is None:
        raise UnknownPathError(f"{kind.__name__} has nothing to compare with {field_name}")
    return _walker(tuple(path.split(".")))


def _plain(kind: type, name: str) -> str | None:
    if hasattr(kind, name) or name == "typename":
        return name
    for ending, part in (("Id", "id"), ("Name", "name")):
        stem = name.removesuffix(ending)
        if stem == name:
            continue
        for relation in (stem, f"{stem}s", f"{stem[:-1]}ies"):
            if hasattr(kind, relation):
                return f"{relation}.{part}"
    # Fields that only some types of an interface have (a wholesale order's account): others have no value there.
    return name if name in _OF_SOME_TYPES else _of_some_types(name)


_OF_SOME_TYPES = frozenset(
    {
        "purchaseOrderNumber",
        "preferredShippingDate",
        "estimatedDeliveryDate",
        "cancelDate",
        "orderHoldReason",
        "deliveryStartDate",
        "deliveryEndDate",
        "salesStartDate",
        "salesEndDate",
        "daysFromNow",
    }
)


def _of_some_types(name: str) -> str | None:
    stem = name.removesuffix("Id")
    return f"{stem}.id" if stem in {"account", "buyer", "customer"} and stem != name else None


def _walker(steps: tuple[str, ...]) -> Reader:
    if len(steps) == 1:
        (only,) = steps

        def read_one(node: Any) -> Sequence[Any]:
            return _as_values(_step(node, only))

        return read_one

    def read(node: Any) -> Sequence[Any]:
        return list(_walk(node, steps))

    return read


def _walk(node: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    value = _step(node, steps[0])
    values = _as_values(value)
    if len(steps) == 1:
        yield from values
        return
    for each in values:
        yield from _walk(each, steps[1:])


def _step(node: Any, name: str) -> Any:
    value = getattr(node, name, None)
    return value() if callable(value) else value


def _as_values(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)
