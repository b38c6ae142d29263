"""From customer and subscription records to tables. Personal data passes through and is logged nowhere."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.addresses import address_columns
from centra_assets.entities.attributes import attribute_rows
from centra_assets.entities.frames import carried, day, field, instant, rows
from centra_assets.entities.model import TransformContext


def transform_customers(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Every table read from decoded customer records."""
    return {
        "customers": customers(records),
        "customer_addresses": customer_addresses(records),
        "customer_attributes": attribute_rows(records, "Customer", field("id")),
    }


def customers(records: pl.DataFrame) -> pl.DataFrame:
    """One row per customer."""
    return rows(
        records,
        {
            "id": field("id"),
            "store_id": field("store.id"),
            "market_id": field("market.id"),
            "pricelist_id": field("pricelist.id"),
            "country_code": field("country.code"),
            "language_code": field("language.code"),
            "status": field("status"),
            "is_anonymized": field("isAnonymized"),
            "receives_newsletters": field("receiveNewsletters"),
            "total_orders": field("totalOrders"),
            "created_at": instant("createdAt"),
            "updated_at": instant("updatedAt"),
            "last_login_at": instant("lastLoginAt"),
            "email": field("email"),
            "first_name": field("firstName"),
            "last_name": field("lastName"),
            "phone_number": field("phoneNumber"),
            "cell_phone_number": field("cellPhoneNumber"),
            "birthdate": day("birthdate"),
            "gender": field("gender"),
            "website_url": field("websiteUrl"),
            "internal_comment": field("internalComment"),
            "external_id": field("externalId"),
        },
    )


def customer_addresses(records: pl.DataFrame) -> pl.DataFrame:
    """The billing address of each customer that has one."""
    return records.filter(field("billingAddress").is_not_null()).select(
        field("id").alias("customer_id"),
        pl.lit("billing").alias("kind"),
        *address_columns("billingAddress"),
        *carried(),
    )


def transform_subscriptions(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """The table read from decoded newsletter subscription records."""
    subscriptions = rows(
        records,
        {
            "id": field("id"),
            "store_id": field("store.id"),
            "country_code": field("country.code"),
            "product_variant_id": field("productVariant.id"),
            "product_size_id": field("productSize.id"),
            "is_active": field("isActive"),
            "created_at": instant("createdAt"),
            "email": field("email"),
        },
    )
    return {"newsletter_subscriptions": subscriptions}
