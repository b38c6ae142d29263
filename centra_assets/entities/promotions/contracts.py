"""The tables of campaigns and vouchers. How they are read from Centra's answer is in `transform`."""

import dataframely as dy
import polars as pl

from centra_assets.entities.attributes import AttributeContract
from centra_assets.entities.contract import Contract, flag, instant, money, rate, text, whole


class Campaigns(Contract):
    """One campaign: lower prices for some variants for a time (inferred: the list of all was not seen)."""

    table = "campaigns"
    id = whole("Id of the campaign.", key=True)
    store_id = whole("Store of the campaign (inferred).", source="store.id")
    name = text("Name of the campaign.")
    status = text("ACTIVE or INACTIVE.")
    created_at = instant("When the campaign was made.", source="createdAt")
    updated_at = instant("When the campaign was last changed.", source="updatedAt")


class CampaignVariants(Contract):
    """One variant in a campaign, with its price there and the time for which it holds."""

    table = "campaign_variants"
    id = whole("Id of the campaign variant.", source="campaignVariants.id", key=True)
    campaign_id = whole("The campaign.", source="id")
    product_variant_id = whole("The variant.", source="campaignVariants.productVariant.id")
    type = text("How the price is made: by a percentage or as a fixed price.", source="campaignVariants.type")
    status = text("ACTIVE or INACTIVE.", source="campaignVariants.status")
    discount_percent = rate(
        "Percentage taken off the price, where the type says so.", source="campaignVariants.discountPercent"
    )
    fixed_price = money("The price, where the type says so.", source="campaignVariants.fixedPrice.value")
    currency = text(
        "ISO 4217 code of the currency of the fixed price.", source="campaignVariants.fixedPrice.currency.code"
    )
    start_at = instant("From when the price holds.", source="campaignVariants.startAt")
    stop_at = instant("Until when the price holds.", source="campaignVariants.stopAt")
    show_sale = flag("Whether the variant is shown as on sale.", source="campaignVariants.showSale")
    show_news = flag("Whether the variant is shown as new.", source="campaignVariants.showNews")
    created_at = instant("When the variant was added to the campaign.", source="campaignVariants.createdAt")

    @dy.rule()
    def fixed_price_not_negative(cls) -> pl.Expr:
        return pl.col("fixed_price") >= 0


class CampaignMarkets(Contract):
    """One market in which a campaign applies."""

    table = "campaign_markets"
    campaign_id = whole("The campaign.", source="id", key=True)
    market_id = whole("The market.", source="markets.id", key=True)


class CampaignPricelists(Contract):
    """One pricelist to which a campaign applies."""

    table = "campaign_pricelists"
    campaign_id = whole("The campaign.", source="id", key=True)
    pricelist_id = whole("The pricelist.", source="pricelists.id", key=True)


class CampaignAttributes(AttributeContract):
    """One element of one attribute value assigned to a campaign."""

    table = "campaign_attributes"


class Vouchers(Contract):
    """One voucher: a discount that a code, an address or a condition brings about (inferred: the list of all)."""

    table = "vouchers"
    id = whole("Id of the voucher.", key=True)
    store_id = whole("Store of the voucher.", source="store.id")
    name = text("Name of the voucher.")
    status = text("ACTIVE or INACTIVE.")
    method = text("What brings it about: CODE, AUTO or URL.")
    type = text("Kind of voucher.")
    code = text("The code that a customer enters.")
    url = text("The address that a customer follows.")
    entry_point_strategy = text("How its first action is chosen.", source="entryPointStrategy")
    start_at = instant("From when it can be used.", source="startAt")
    stop_at = instant("Until when it can be used.", source="stopAt")
    max_usages = whole("How often it can be used in all; null for no limit.", source="maxUsages")
    successful_usages = whole("How often it was used.", source="successfulUsages")
    reuse = flag("Whether what is left of its value can be used again, as with a gift certificate.")
    priority = whole("Which of several vouchers comes first.")
    combine_with_other_vouchers = flag(
        "Whether it works together with other vouchers.", source="combineWithOtherVouchers"
    )
    parent_voucher_id = whole("Voucher that it was made from (inferred).", source="parentVoucher.id")
    gift_certificate_generator_id = whole(
        "What made it, if it is a gift certificate (inferred).", source="giftCertificateGenerator.id"
    )
    admin_user_id = whole("Id of the member of staff who made it.", source="adminUser.id")
    is_external = flag("Whether another system manages it (inferred).", source="isExternal")
    external_id = text("Id of the voucher in the system of the token's integration (inferred).", source="externalId")
    created_at = instant("When the voucher was made.", source="createdAt")
    updated_at = instant("When the voucher was last changed.", source="updatedAt")

    @dy.rule()
    def usages_not_negative(cls) -> pl.Expr:
        return (pl.col("successful_usages") >= 0) & (pl.col("max_usages").fill_null(0) >= 0)


class VoucherMarkets(Contract):
    """One market in which a voucher can be used."""

    table = "voucher_markets"
    voucher_id = whole("The voucher.", source="id", key=True)
    market_id = whole("The market.", source="markets.id", key=True)


class VoucherActions(Contract):
    """One action of a voucher: what it does when its conditions hold. The worth is not in it, orders have that."""

    table = "voucher_actions"
    id = whole("Id of the action.", source="actions.id", key=True)
    voucher_id = whole("The voucher.", source="id")
    is_entry_point = flag("Whether the voucher begins with it.", source="actions.isEntryPoint")
    continue_strategy = text("What happens after it.", source="actions.continueStrategy")
    result_type = text("What it does, such as taking off a percentage.", source="actions.result.type")


class VoucherAttributes(AttributeContract):
    """One element of one attribute value assigned to a voucher."""

    table = "voucher_attributes"
