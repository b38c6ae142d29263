"""Campaign and voucher records into their tables. What the columns mean is in `contracts`."""

from collections.abc import Mapping

import polars as pl

from centra_assets.entities.attributes import attribute_rows
from centra_assets.entities.frames import children, field, instant, money, rate, rows
from centra_assets.entities.model import TransformContext


def campaigns(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Campaigns, their variants, and the markets and pricelists they apply to."""
    return {
        "campaigns": rows(
            records,
            {
                "id": field("id"),
                "store_id": field("store.id"),
                "name": field("name"),
                "status": field("status"),
                "created_at": instant("createdAt"),
                "updated_at": instant("updatedAt"),
            },
        ),
        "campaign_variants": _campaign_variants(records),
        "campaign_markets": _related(records, "markets", "campaign_id", "market_id"),
        "campaign_pricelists": _related(records, "pricelists", "campaign_id", "pricelist_id"),
        "campaign_attributes": attribute_rows(records, "Campaign", field("id")),
    }


def _campaign_variants(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        children(records, "campaignVariants", campaign_id=field("id")),
        {
            "id": field("id"),
            "campaign_id": pl.col("campaign_id"),
            "product_variant_id": field("productVariant.id"),
            "type": field("type"),
            "status": field("status"),
            "discount_percent": rate("discountPercent"),
            "fixed_price": money("fixedPrice"),
            "currency": field("fixedPrice.currency.code"),
            "start_at": instant("startAt"),
            "stop_at": instant("stopAt"),
            "show_sale": field("showSale"),
            "show_news": field("showNews"),
            "created_at": instant("createdAt"),
        },
    )


def vouchers(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Vouchers, their actions and the markets in which they can be used."""
    actions = children(records, "actions", voucher_id=field("id"))
    return {
        "vouchers": _vouchers(records),
        "voucher_markets": _related(records, "markets", "voucher_id", "market_id"),
        "voucher_actions": rows(
            actions,
            {
                "id": field("id"),
                "voucher_id": pl.col("voucher_id"),
                "is_entry_point": field("isEntryPoint"),
                "continue_strategy": field("continueStrategy"),
                "result_type": field("result.type"),
            },
        ),
        "voucher_attributes": attribute_rows(records, "Voucher", field("id")),
    }


def _vouchers(records: pl.DataFrame) -> pl.DataFrame:
    return rows(
        records,
        {
            "id": field("id"),
            "store_id": field("store.id"),
            "name": field("name"),
            "status": field("status"),
            "method": field("method"),
            "type": field("type"),
            "code": field("code"),
            "url": field("url"),
            "entry_point_strategy": field("entryPointStrategy"),
            "start_at": instant("startAt"),
            "stop_at": instant("stopAt"),
            "max_usages": field("maxUsages"),
            "successful_usages": field("successfulUsages"),
            "reuse": field("reuse"),
            "priority": field("priority"),
            "combine_with_other_vouchers": field("combineWithOtherVouchers"),
            "parent_voucher_id": field("parentVoucher.id"),
            "gift_certificate_generator_id": field("giftCertificateGenerator.id"),
            "admin_user_id": field("adminUser.id"),
            "is_external": field("isExternal"),
            "external_id": field("externalId"),
            "created_at": instant("createdAt"),
            "updated_at": instant("updatedAt"),
        },
    )


def _related(records: pl.DataFrame, path: str, parent: str, other: str) -> pl.DataFrame:
    related = children(records, path, position="position", **{parent: field("id")})
    return rows(related, {parent: pl.col(parent), other: field("id")})
