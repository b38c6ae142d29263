"""Decides which discounts an order gets: vouchers, gift certificates, an agent's goodwill. No totals."""

from __future__ import annotations

import random
from datetime import datetime
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.promotions import (
    AdminDiscount,
    AppliedDiscount,
    AppliedVoucherCredit,
    AppliedVoucherDiscount,
    AppliedVoucherFreeProduct,
    AppliedVoucherFreeShipping,
    Voucher,
    VoucherReusableValue,
)
from centra_assets.sandbox.data.promotions import voucher_action

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.orders import Order
    from centra_assets.sandbox.data.nodes.promotions import OrderDiscount
    from centra_assets.sandbox.data.shop import Shop
    from centra_assets.sandbox.data.world import World


def choose_discounts(shop: Shop, rng: random.Random, order: Order, goods: int, shipping: int) -> list[OrderDiscount]:
    """The discounts of a new order of a shopper; together never more than goods and shipping."""
    if order.isInternal:
        # Samples and gifts to colleagues cost nothing, shipping included.
        given = order.terms.mint[goods + shipping]
        return [AdminDiscount(value=given, date=order.createdAt, adminUser=shop.world.admin_users.one(1))]
    chosen: list[OrderDiscount] = []
    left_goods, left_shipping = goods, shipping
    if rng.random() < 0.22:
        for voucher in _pick_vouchers(rng, shop.vouchers[order.store.id]):
            discount, of_goods, of_shipping = _apply(shop, rng, order, voucher, left_goods, left_shipping)
            if of_goods + of_shipping > 0:
                chosen.append(discount)
                left_goods -= of_goods
                left_shipping -= of_shipping
                voucher.successfulUsages += 1
                voucher.updatedAt = order.createdAt
                shop.world.emit("Voucher", "UPDATED", voucher.id, voucher.store, order.createdAt)
    if rng.random() < 0.012 and left_goods > 100:
        amount = shop.world.mints[order.terms.mint.currency.code][left_goods // 20]
        if rng.random() < 0.6:
            chosen.append(AdminDiscount(value=amount, date=order.createdAt, adminUser=shop.world.admin_users.one(2)))
        else:
            chosen.append(AppliedDiscount(value=amount, date=order.createdAt, discount=None))
        left_goods -= amount.minor
    credits = shop.gift_values[order.pricelist.id if order.pricelist else 0]
    if credits and rng.random() < 0.25:
        chosen.extend(_spend_credit(shop.world, order, credits, left_goods))
    return chosen


def _pick_vouchers(rng: random.Random, vouchers: list[Voucher]) -> list[Voucher]:
    first = rng.choice(vouchers)
    others = [v for v in vouchers if v is not first and v.combineWithOtherVouchers]
    if first.combineWithOtherVouchers and others and rng.random() < 0.3:
        return [first, rng.choice(others)]
    return [first]


def _apply(
    shop: Shop, rng: random.Random, order: Order, voucher: Voucher, goods: int, shipping: int
) -> tuple[OrderDiscount, int, int]:
    mint, action = order.terms.mint, voucher.actions[0].result
    kind = action.type if action else ""
    if kind == "SET_FREE_SHIPPING":
        free = AppliedVoucherFreeShipping(value=mint[shipping], date=order.createdAt)
        return _sign(free, order, voucher), 0, shipping
    if kind == "ADD_FREE_PRODUCTS":
        # The cheapest of several units is on the house.
        units = sum(line.quantity for line in order.lines)
        cheapest = min(order.terms.list_price(line.unitPrice) for line in order.lines) if units > 1 else 0
        gift = AppliedVoucherFreeProduct(value=mint[min(cheapest, goods)], date=order.createdAt)
        return _sign(gift, order, voucher), min(cheapest, goods), 0
    percent = {"CHANGE_ORDER_TOTAL": 10, "CHANGE_SELECTED_PRODUCTS_PRICE": 15}.get(kind, 5)
    basis = goods
    if kind == "CHANGE_SELECTED_PRODUCTS_PRICE":
        basis = min(goods, order.terms.list_price(order.lines[0].lineValue))
    of_goods = basis * percent // 100
    of_shipping = shipping * percent // 100 if kind == "CHANGE_ORDER_TOTAL" else 0
    discount = AppliedVoucherDiscount(
        value=mint[of_goods + of_shipping],
        date=order.createdAt,
        shippingValue=mint[of_shipping] if of_shipping else None,
    )
    return _sign(discount, order, voucher), of_goods, of_shipping


def _sign(
    discount: AppliedVoucherDiscount | AppliedVoucherFreeShipping | AppliedVoucherFreeProduct | AppliedVoucherCredit,
    order: Order,
    voucher: Voucher,
) -> OrderDiscount:
    discount.voucher = voucher
    discount.voucherActionResult = voucher.actions[0].result
    discount.voucherName = voucher.name
    discount.voucherMethod = voucher.method
    discount.url = voucher.url
    discount.code = voucher.code
    discount.order = order
    return discount


def _spend_credit(world: World, order: Order, credits: list[VoucherReusableValue], goods: int) -> list[OrderDiscount]:
    value = credits[0]
    spent = min(value.remainingValue.minor, goods)
    if spent <= 0:
        return []
    mint = order.terms.mint
    value.remainingValue = mint[value.remainingValue.minor - spent]
    if value.remainingValue.minor == 0:
        credits.pop(0)
    value.voucher.successfulUsages += 1
    value.voucher.updatedAt = order.createdAt
    world.emit("Voucher", "UPDATED", value.voucher.id, value.voucher.store, order.createdAt)
    return [_sign(AppliedVoucherCredit(value=mint[spent], date=order.createdAt), order, value.voucher)]


def issue_gift_certificate(shop: Shop, order: Order, minor: int, at: datetime) -> None:
    """The voucher that a sold gift certificate turns into, worth what was paid for it."""
    world = shop.world
    number = world.vouchers.take_id()
    voucher = Voucher(
        id=number,
        status="ACTIVE",
        name=f"Gift certificate {order.number}",
        method="CODE",
        type="NORMAL",
        code=f"GIFT-{number:06d}",
        entryPointStrategy="FIRST_MATCH",
        startAt=at,
        stopAt=None,
        actions=[voucher_action(number, "CHANGE_ORDER_TOTAL", "{}")],
        markets=[order.market] if order.market else (),
        store=order.store,
        combineWithOtherVouchers=True,
        createdAt=at,
        maxUsages=None,
        priority=100,
        reuse=True,
        successfulUsages=0,
        updatedAt=at,
        isExternal=False,
    )
    result = voucher.actions[0].result
    if result is not None and order.pricelist is not None:
        amount = order.terms.mint[minor]
        value = VoucherReusableValue(
            id=number,
            voucher=voucher,
            voucherActionResult=result,
            pricelist=order.pricelist,
            originalValue=amount,
            remainingValue=amount,
        )
        result.reusableValues = [value]
        shop.gift_values[order.pricelist.id].append(value)
    world.vouchers.add(voucher)
    world.emit("Voucher", "CREATED", number, order.store, at)
