"""Fills the window with life: how many orders when, the odd days, the odd orders. What an order does is in life."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.life import Life
from centra_assets.sandbox.data.timeline import busyness, day_start, draw_moments, quiet_days, quiet_week

if TYPE_CHECKING:
    from centra_assets.sandbox.data.shop import Shop
    from centra_assets.sandbox.data.world import World

# Share of the orders per store.
_SHARES = {1: 0.64, 2: 0.29, 3: 0.07}
# Where in the window the import of old orders happened, all in one second.
IMPORT_AT = 0.27


def order_count(scale: float) -> int:
    """How many orders a world of this scale has."""
    return max(60, round(6000 * scale))


def import_size(scale: float) -> int:
    """How many orders share one second: 2 %, and more than a page of 200 where the world is not tiny."""
    count = order_count(scale)
    return max(count // 50, 250) if count >= 1000 else count // 5


def live_through(shop: Shop) -> Life:
    """Play everything from the opening count to now."""
    world = shop.world
    life = Life(shop, world.rng("life"))
    life.buyer.build_suppliers()
    _mark_preorders(world)
    life.buyer.open_warehouses(world.rng("opening"), life.plan)
    _plan_orders(world, life)
    _plan_odd_orders(world, life)
    _plan_warehouse_work(world, life)
    _plan_people(world, life)
    life.play(world.timeline.now)
    return life


def _plan_orders(world: World, life: Life) -> None:
    days = world.timeline.days()
    closed, pause = quiet_days(days), quiet_week(days)
    rng = world.rng("moments")
    imported = import_size(world.scale)
    left = order_count(world.scale) - imported

    def weight(day: date, store: int) -> float:
        if day in closed or (store == 2 and day in pause):
            return 0
        if store == 3:
            return 1.0 if day.weekday() < 5 else 0.05
        return busyness(day) * (1 + 0.3 * days.index(day) / len(days))

    for store, share in _SHARES.items():
        weights = {day: weight(day, store) for day in days}
        for moment in draw_moments(rng, world.timeline, round(left * share), weights.__getitem__):
            life.plan(moment, partial(_order, life, store))
    moment = world.timeline.at(IMPORT_AT)
    while moment.date() in closed:
        moment += timedelta(days=1)
    for _ in range(imported):
        life.plan(moment, partial(_import, life))


def _order(life: Life, store: int, at: datetime) -> None:
    life.order(store, at)


def _import(life: Life, at: datetime) -> None:
    order = life.order(1, at, plain=True)
    order.internalComment = "Imported from the old shop"


def _plan_odd_orders(world: World, life: Life) -> None:
    """Midnights, clock changes, an order of 60 lines, one with a dozen payment entries."""
    days = world.timeline.days()
    for share in (0.15, 0.5, 0.8):
        midnight = day_start(days[int(len(days) * share)])
        for seconds in (-1, 0, 1):
            life.plan(midnight + timedelta(seconds=seconds), partial(_order, life, 1))
        utc_midnight = midnight.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        life.plan(utc_midnight, partial(_order, life, 2))
        life.plan(utc_midnight - timedelta(seconds=1), partial(_order, life, 1))
    for change in world.timeline.clock_changes():
        for minutes in (-60, -1, 0, 1, 30, 60):
            life.plan(change + timedelta(minutes=minutes), partial(_order, life, 1))
    life.plan(world.timeline.at(0.4), partial(_long_order, life, 3, 60))
    life.plan(world.timeline.at(0.55), partial(_long_order, life, 1, 24))
    life.plan(world.timeline.at(0.35), partial(_contested_order, life))


def _long_order(life: Life, store: int, lines: int, at: datetime) -> None:
    life.order(store, at, line_count=lines, plain=True)


def _contested_order(life: Life, at: datetime) -> None:
    order = life.order(1, at, line_count=2, plain=True)
    for minute in range(12):
        life.cashier.fail_authorisation(order, at + timedelta(minutes=minute + 1))


def _mark_preorders(world: World) -> None:
    # What came last into the catalogue can be ordered before it is there.
    for product in world.products.rows()[-max(2, len(world.products) // 20) :]:
        for variant in product.variants:
            for size in variant.productSizes:
                size.preorder = not product.isBundle


def _plan_warehouse_work(world: World, life: Life) -> None:
    for number, day in enumerate(world.timeline.days()):
        morning = day_start(day) + timedelta(hours=5)
        if number % 7 == 1:
            life.plan(morning, life.restock)
        if number % 7 == 3:
            life.plan(morning, partial(_count_shelves, life, 1 + number // 7 % 4))
        if number % 30 == 20:
            life.plan(morning, partial(_move_between, life))


def _count_shelves(life: Life, warehouse_id: int, at: datetime) -> None:
    warehouse = life.world.warehouses.one(warehouse_id)
    levels = life.rng.sample(warehouse.stock, min(len(warehouse.stock), life.rng.randint(4, 14)))
    moves = [(level.productSize, life.rng.choice((-2, -1, -1, 1, 2))) for level in levels]
    life.shop.stock.move(at, warehouse, moves, "Count: found / lost", by=2)


def _move_between(life: Life, at: datetime) -> None:
    source, target = life.world.warehouses.one(2), life.world.warehouses.one(1)
    levels = [level for level in life.rng.sample(source.stock, 12) if level.freeToAllocateQuantity > 3]
    moves = [(level.productSize, level.freeToAllocateQuantity // 2) for level in levels]
    if moves:
        life.shop.stock.move(at, source, [(size, -units) for size, units in moves], "Move out", by=2)
        life.shop.stock.move(at, target, moves, "Move in", by=2)


def _plan_people(world: World, life: Life) -> None:
    rng = world.rng("people")
    visits = round(order_count(world.scale) * 0.12)
    for moment in draw_moments(rng, world.timeline, visits, busyness):
        life.plan(moment, partial(_visit, life))
    for number in range(max(3, order_count(world.scale) // 120)):
        moment = world.timeline.at(0.3 + 0.69 * rng.random())
        life.plan(moment, partial(_forget_someone, life, number))


def _visit(life: Life, at: datetime) -> None:
    """Somebody registers, or only wants the newsletter."""
    market = life.rng.choice(life.world.markets.rows()[:6])
    if life.rng.random() < 0.6:
        life.shop.people.arrive(life.rng, market, at, registered=True)
    else:
        email = f"reader{life.world.newsletter_subscriptions.next_id}@mail.example"
        life.shop.people.subscribe(life.rng, email, market.store, at, market.assignedToCountries[0])


def _forget_someone(life: Life, number: int, at: datetime) -> None:
    customers = life.world.customers.rows()
    # Every third has orders to be cleared as well.
    known = [c for c in customers[-400:] if not c.isAnonymized and (number % 3 or c.totalOrders)]
    if known:
        life.anonymise(life.rng.choice(known), at)
