"""From suppliers, purchase orders and deliveries to their tables. What the tables promise is in contracts.py."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.frames import children, field, instant, money, rate, rows
from centra_assets.entities.model import TransformContext


def transform_suppliers(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """One row per supplier, the address in its columns."""
    suppliers = rows(
        records,
        {
            "id": field("id"),
            "name": field("name"),
            "status": field("status"),
            "currency": field("currency.code"),
            "payment_terms_id": field("paymentTerms.id"),
            "payment_terms": field("paymentTerms.description"),
            "shipping_terms_id": field("shippingTerms.id"),
            "shipping_terms": field("shippingTerms.description"),
            "preferred_warehouse_id": field("preferredWarehouse.id"),
            "first_name": field("address.firstName"),
            "last_name": field("address.lastName"),
            "company_name": field("address.companyName"),
            "attention": field("address.attention"),
            "address1": field("address.address1"),
            "address2": field("address.address2"),
            "zip_code": field("address.zipCode"),
            "city": field("address.city"),
            "state_or_province": field("address.stateOrProvince"),
            "country_code": field("address.country.code"),
            "email": field("address.email"),
            "phone_number": field("address.phoneNumber"),
            "cell_phone_number": field("address.cellPhoneNumber"),
            "vat_number": field("address.vatNumber"),
            "comment": field("comment"),
        },
    )
    return {"suppliers": suppliers}


def transform_purchase_orders(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Purchase orders and their lines."""
    purchase_orders = rows(
        records,
        {
            "id": field("id"),
            "supplier_id": field("supplier.id"),
            "status": field("status"),
            "external_id": field("externalId"),
            "our_reference": field("ourReference"),
            "created_at": instant("createdAt"),
            "updated_at": instant("updatedAt"),
            "eta": instant("ETA"),
            "requested_etd": instant("requestedETD"),
            "confirmed_etd": instant("confirmedETD"),
            "preferred_warehouse_id": field("preferredWarehouse.id"),
            "payment_terms_id": field("paymentTerms.id"),
            "payment_terms": field("paymentTerms.description"),
            "shipping_terms_id": field("shippingTerms.id"),
            "shipping_terms": field("shippingTerms.description"),
            "total_quantity": field("totalQuantity"),
            "total_cost": money("totalCost"),
            "currency": field("currency.code"),
            "internal_comment": field("internalComment"),
            "external_comment": field("externalComment"),
        },
    )
    return {"purchase_orders": purchase_orders, "purchase_order_lines": _lines(records, "purchase_order_id", {})}


def transform_deliveries(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Deliveries and their lines."""
    deliveries = rows(
        records,
        {
            "id": field("id"),
            "number": field("number"),
            "purchase_order_id": field("purchaseOrder.id"),
            "supplier_id": field("supplier.id"),
            "warehouse_id": field("warehouse.id"),
            "stock_change_id": field("stockChange.id"),
            "status": field("status"),
            "created_at": instant("createdAt"),
            "ex_factory_date": instant("exFactoryDate"),
            "eta": instant("ETA"),
            "shipping_cost": money("shippingCost"),
            "other_costs": money("otherCosts"),
            "shipping_distribution_method": field("shippingDistributionMethod"),
            "currency": field("currency.code"),
            "admin_user_id": field("adminUser.id"),
            "comment": field("comment"),
        },
    )
    lines = _lines(records, "delivery_id", {"landed_cost": money("landedCost")})
    return {"deliveries": deliveries, "delivery_lines": lines}


def _lines(records: pl.DataFrame, owner: str, more: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The lines of purchase orders or deliveries, which are alike. `owner` names the column with the header's id."""
    parent = {owner: field("id"), "currency": field("currency.code")}
    return rows(
        children(records, "lines", position="position", **parent),
        {
            "product_id": field("product.id"),
            "product_variant_id": field("productVariant.id"),
            "product_size_id": field("productSize.id"),
            "quantity": field("quantity"),
            "linked_quantity": field("linkedQuantity"),
            "unlinked_quantity": field("unlinkedQuantity"),
            "currency": pl.col("currency"),
            "unit_cost": money("unitCost"),
            "customs_type": field("customsType"),
            "customs_percent": rate("customsPercent"),
            "customs_value": money("customsValue"),
            owner: pl.col(owner),
            "position": pl.col("position"),
            **more,
        },
    )
