"""From account records to tables. Their orders, returns and invoices are read elsewhere."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.addresses import address_columns
from centra_assets.entities.attributes import attribute_rows
from centra_assets.entities.frames import big, carried, children, field, instant, money, rate, rows
from centra_assets.entities.model import TransformContext


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Every table of the accounts family from decoded account records."""
    return {
        "accounts": accounts(records),
        "buyers": buyers(records),
        "account_addresses": account_addresses(records),
        "account_attributes": attribute_rows(records, "Account", big("id")),
    }


def accounts(records: pl.DataFrame) -> pl.DataFrame:
    """One row per account."""
    return rows(records, _identity() | _terms())


def _identity() -> dict[str, pl.Expr]:
    return {
        "id": big("id"),
        "name": field("name"),
        "status": field("status"),
        "is_internal": field("isInternal"),
        "created_at": instant("createdAt"),
        "updated_at": instant("updatedAt"),
        "vat_number": field("vatNumber"),
        "website_url": field("websiteUrl"),
        "account_email": field("accountEmail"),
        "billing_email": field("billingEmail"),
        "shipping_email": field("shippingEmail"),
        "internal_comment": field("internalComment"),
        "other_comment": field("otherComment"),
        "external_id": field("externalId"),
    }


def _terms() -> dict[str, pl.Expr]:
    return {
        "market_id": field("market.id"),
        "pricelist_id": field("pricelist.id"),
        "allocation_rule_id": field("allocationRule.id"),
        "tax_class_id": field("taxClass.id"),
        "payment_terms_id": field("paymentTerms.id"),
        "payment_terms": field("paymentTerms.description"),
        "shipping_terms_id": field("shippingTerms.id"),
        "shipping_terms": field("shippingTerms.description"),
        "sales_representative_id": field("salesRepresentative.id"),
        "sales_representative_name": field("salesRepresentative.name"),
        "commission_percent": rate("salesRepresentative.commissionPercent"),
        "carrier_name": field("carrierInformation.carrierName"),
        "carrier_service_name": field("carrierInformation.serviceName"),
        "discount_percent": rate("discountPercent"),
        "is_discount_visible": field("isDiscountVisible"),
        "credit_limit": money("creditLimit"),
        "credit_limit_currency": field("creditLimit.currency.code"),
        "applies_credit_limit": field("applyCreditLimit"),
        "allows_consignation": field("allowConsignation"),
        "blocks_if_unpaid_invoices": field("blockIfUnpaidInvoices"),
        "has_brands_restriction": field("hasBrandsRestriction"),
    }


def buyers(records: pl.DataFrame) -> pl.DataFrame:
    """The buyers of each account."""
    return rows(
        children(records, "buyers", account_id=big("id")),
        {
            "id": field("id"),
            "account_id": pl.col("account_id"),
            "store_id": field("store.id"),
            "status": field("status"),
            "receives_auto_emails": field("receiveAutoEmails"),
            "receives_newsletters": field("receiveNewsletters"),
            "email": field("email"),
            "first_name": field("firstName"),
            "last_name": field("lastName"),
            "website_url": field("websiteUrl"),
            "billing_country_code": field("billingAddress.country.code"),
        },
    )


def account_addresses(records: pl.DataFrame) -> pl.DataFrame:
    """The addresses of each account, those of its address book last."""
    own = [_own_address(records, kind) for kind in ("account", "billing", "shipping")]
    book = children(records, "addressBook", position="position", account_id=big("id")).select(
        pl.col("account_id"),
        pl.lit("book").alias("kind"),
        pl.col("position"),
        field("id").alias("address_book_entry_id"),
        field("name").alias("address_book_entry_name"),
        field("externalId").alias("external_id"),
        *address_columns("address"),
        *carried(),
    )
    return pl.concat([*own, book])


def _own_address(records: pl.DataFrame, kind: str) -> pl.DataFrame:
    path = f"{kind}Address"
    return records.filter(field(path).is_not_null()).select(
        big("id").alias("account_id"),
        pl.lit(kind).alias("kind"),
        pl.lit(1, dtype=pl.Int64).alias("position"),
        pl.lit(None, dtype=pl.Int64).alias("address_book_entry_id"),
        pl.lit(None, dtype=pl.String).alias("address_book_entry_name"),
        pl.lit(None, dtype=pl.String).alias("external_id"),
        *address_columns(path),
        *carried(),
    )
