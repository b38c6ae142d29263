"""Campaigns and vouchers as they are configured. What they took off an order is on the order."""

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.promotions.contracts import (
    CampaignAttributes,
    CampaignMarkets,
    CampaignPricelists,
    Campaigns,
    CampaignVariants,
    VoucherActions,
    VoucherAttributes,
    VoucherMarkets,
    Vouchers,
)
from centra_assets.entities.promotions.transform import campaigns, vouchers

CAMPAIGNS = Entity(
    name="campaigns",
    family="promotions",
    description="Campaigns, which replace the base price of variants for a time, and where they apply.",
    package=__name__,
    document="campaigns",
    operations=("Campaigns", "CampaignsOfStores"),
    axis=Axis.NONE,
    tables=(Campaigns, CampaignVariants, CampaignMarkets, CampaignPricelists, CampaignAttributes),
    transform=campaigns,
    created_at="createdAt",
    updated_at="updatedAt",
    nested={
        "campaignVariants": "CampaignVariants",
        "markets": "CampaignMarkets",
        "pricelists": "CampaignPricelists",
    },
    attributes_of=("Campaign",),
    attribute_paths=("attributes",),
)
VOUCHERS = Entity(
    name="vouchers",
    family="promotions",
    description="Vouchers and what they do, where and how often; each use is a discount on an order.",
    package=__name__,
    document="vouchers",
    operations=("Vouchers",),
    axis=Axis.NONE,
    tables=(Vouchers, VoucherMarkets, VoucherActions, VoucherAttributes),
    transform=vouchers,
    created_at="createdAt",
    updated_at="updatedAt",
    attributes_of=("Voucher",),
    attribute_paths=("attributes",),
)

PROMOTIONS: tuple[Entity, ...] = (CAMPAIGNS, VOUCHERS)

__all__ = ["CAMPAIGNS", "PROMOTIONS", "VOUCHERS"]
