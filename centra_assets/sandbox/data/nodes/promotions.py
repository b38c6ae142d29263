"""Nodes of campaigns, vouchers and what they did to an order. No prices of the pricelist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.base import Node

if TYPE_CHECKING:
    from centra_assets.sandbox.data.money import Money
    from centra_assets.sandbox.data.nodes.catalogue import ProductVariant
    from centra_assets.sandbox.data.nodes.descriptions import Attribute
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.nodes.reference import AdminUser, GiftCertificateGenerator, Market, Pricelist, Store
    from centra_assets.sandbox.data.nodes.stock import DeliveryWindow


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Campaign(Node):
    id: int
    name: str
    createdAt: datetime
    updatedAt: datetime
    status: str
    campaignVariants: Sequence[CampaignVariant] = ()
    markets: Sequence[Market] = ()
    pricelists: Sequence[Pricelist] = ()
    deliveryWindows: Sequence[DeliveryWindow] = ()
    store: Store
    attributes: Sequence[Attribute] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class CampaignVariant(Node):
    id: int
    discountPercent: Decimal | None = None
    fixedPrice: Money | None = None
    type: str
    createdAt: datetime
    startAt: datetime
    stopAt: datetime
    status: str
    showSale: bool = False
    showNews: bool = False
    campaign: Campaign
    productVariant: ProductVariant

    @property
    def store(self) -> Store:
        return self.campaign.store


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class OrderLineCampaign(Node):
    discount: Money
    originalDiscount: Money
    type: str
    discountPercent: Decimal | None = None
    fixedPrice: Money | None = None
    showSale: bool = False
    showNews: bool = False
    startAt: datetime
    stopAt: datetime
    name: str
    campaign: Campaign


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Voucher(Node):
    id: int
    status: str
    name: str
    method: str
    type: str
    code: str | None = None
    entryPointStrategy: str
    startAt: datetime | None = None
    stopAt: datetime | None = None
    attributes: Sequence[Attribute] = ()
    actions: Sequence[VoucherAction] = ()
    adminUser: AdminUser | None = None
    giftCertificateGenerator: GiftCertificateGenerator | None = None
    markets: Sequence[Market] = ()
    store: Store
    url: str | None = None
    conversionHTML: str | None = None
    combineWithOtherVouchers: bool = False
    createdAt: datetime | None = None
    maxUsages: int | None = None
    priority: int
    reuse: bool = False
    successfulUsages: int
    updatedAt: datetime
    parentVoucher: Voucher | None = None
    isExternal: bool | None = None
    externalId: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class VoucherAction(Node):
    id: int
    isEntryPoint: bool = False
    entryPoint: VoucherAction | None = None
    continueStrategy: str
    criteria: Sequence[VoucherActionCriteria] = ()
    result: VoucherActionResult | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class VoucherActionCriteria(Node):
    id: int
    type: str
    paramsJSON: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class VoucherActionResult(Node):
    id: int
    type: str
    paramsJSON: str | None = None
    reusableValues: Sequence[VoucherReusableValue] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class VoucherReusableValue(Node):
    id: int
    voucher: Voucher
    voucherActionResult: VoucherActionResult
    subvoucher: Subvoucher | None = None
    pricelist: Pricelist
    originalValue: Money
    remainingValue: Money


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Subvoucher(Node):
    id: int
    voucher: Voucher
    startAt: datetime | None = None
    stopAt: datetime | None = None
    code: str | None = None
    url: str | None = None
    email: str | None = None
    domain: str | None = None
    successfulUsages: int
    reusableValues: Sequence[VoucherReusableValue] = ()


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class OrderDiscount(Node):
    value: Money
    date: datetime


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AdminDiscount(OrderDiscount):
    adminUser: AdminUser | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedDiscount(OrderDiscount):
    discount: Voucher | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedVoucher(OrderDiscount):
    paramsJSON: str | None = None
    voucher: Voucher | None = None
    voucherActionResult: VoucherActionResult | None = None
    order: Order | None = None
    voucherName: str | None = None
    voucherMethod: str | None = None
    url: str | None = None
    code: str | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedVoucherDiscount(AppliedVoucher):
    shippingValue: Money | None = None


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedVoucherCredit(AppliedVoucher):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedVoucherFreeProduct(AppliedVoucher):
    pass


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class AppliedVoucherFreeShipping(AppliedVoucher):
    pass
