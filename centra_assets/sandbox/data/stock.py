"""Keeps stock: levels, movements that explain them, allocations of orders. Buying new stock lives in purchasing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from centra_assets.sandbox.data.nodes.stock import Allocation, Stock, StockChange, StockChangeLine

if TYPE_CHECKING:
    from centra_assets.sandbox.data.nodes.catalogue import ProductSize
    from centra_assets.sandbox.data.nodes.fulfilment import ShipmentLine
    from centra_assets.sandbox.data.nodes.orders import OrderLine
    from centra_assets.sandbox.data.nodes.stock import AllocationRule, Warehouse
    from centra_assets.sandbox.data.world import World


class StockKeeper:
    """Moves stock so that two identities always hold, per size and warehouse.

    The movements' quantities add up to the physical quantity; what is left on inbound movements adds up to the
    quantity that is free to allocate.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.levels: dict[tuple[int, int], Stock] = {}
        # Inbound movements that still have free units, oldest first.
        self._free: dict[Stock, deque[StockChangeLine]] = {}
        self._waiting: dict[Stock, deque[OrderLine]] = {}
        # Levels that ran out, for purchasing to look at.
        self.short: dict[Stock, None] = {}

    def open_level(self, size: ProductSize, warehouse: Warehouse) -> Stock:
        """The level of a size in a warehouse; made empty if there is none."""
        level = self.levels.get((size.id, warehouse.id))
        if level is None:
            level = self.world.stock.add(Stock(productSize=size, warehouse=warehouse))
            self.levels[size.id, warehouse.id] = level
            size.stock = [*size.stock, level]
            # Grown in place: a warehouse has thousands of levels.
            if not isinstance(warehouse.stock, list):
                warehouse.stock = []
            warehouse.stock.append(level)
        return level

    def move(
        self,
        at: datetime,
        warehouse: Warehouse,
        moves: Sequence[tuple[ProductSize, int]],
        comment: str,
        *,
        by: int | None,
    ) -> StockChange:
        """Change the physical stock of a warehouse by deltas. Never takes more than is free to allocate."""
        change = self._change(at, warehouse, comment, by)
        lines = []
        for size, units in moves:
            level = self.open_level(size, warehouse)
            units = max(units, -level.freeToAllocateQuantity)
            level.physicalQuantity += units
            line = self._line(change, size, units, None)
            lines.append(line)
            if units > 0:
                line.freeToAllocateQuantity = units
                self._free.setdefault(level, deque()).append(line)
            elif units < 0:
                self._take(level, -units, at)
        change.lines = lines
        self.world.emit("StockChange", "CREATED", change.id, None, at)
        for line in lines:
            if line.deliveredQuantity > 0 and line.productSize is not None:
                self._serve_waiting(self.levels[line.productSize.id, warehouse.id], at)
        return change

    def allocate(self, line: OrderLine, rule: AllocationRule | None, at: datetime, *, preorder: bool = False) -> None:
        """Reserve a line's units in the first warehouse of the rule that has them all; else they become demand."""
        size, warehouses = line.productSize, _warehouses(rule)
        if size is None or not warehouses:
            return
        if not preorder:
            for warehouse in warehouses:
                level = self.levels.get((size.id, warehouse.id))
                if level is not None and level.freeToAllocateQuantity >= line.quantity:
                    self._reserve(line, level, at)
                    return
        level = self.open_level(size, warehouses[0])
        level.demandQuantity += line.quantity
        self._waiting.setdefault(level, deque()).append(line)
        self.short[level] = None

    def is_allocated(self, line: OrderLine) -> bool:
        """Whether every unit that is still to be shipped is reserved."""
        return sum(allocation.quantity for allocation in line.allocations) >= line.quantity - line.shippedQuantity

    def release(self, line: OrderLine, units: int, at: datetime) -> None:
        """Give units of a line back, reserved ones to the shelf, waiting ones to nobody."""
        if not line.allocations:
            for waiting_level in line.productSize.stock if line.productSize else ():
                queue = self._waiting.get(waiting_level)
                if queue is not None and line in queue:
                    waiting_level.demandQuantity -= units
                    if line.quantity - units <= 0:
                        queue.remove(line)
                    return
            return
        for allocation in list(line.allocations):
            taken = min(units, allocation.quantity)
            level = self.levels[self._place(allocation)]
            level.allocatedQuantity -= taken
            allocation.quantity -= taken
            source = allocation.stockChangeLine
            source.freeToAllocateQuantity += taken
            self._tell(source, at)
            self._free.setdefault(level, deque()).append(source)
            units -= taken
        line.allocations = [allocation for allocation in line.allocations if allocation.quantity]

    def ship(self, at: datetime, shipment_number: str, lines: Sequence[ShipmentLine]) -> None:
        """Take shipped units off the shelf; one movement per warehouse."""
        changes: dict[int, tuple[StockChange, list[StockChangeLine]]] = {}
        for shipped in lines:
            units = shipped.quantity
            for allocation in list(shipped.orderLine.allocations):
                taken = min(units, allocation.quantity)
                if not taken:
                    continue
                units -= taken
                allocation.quantity -= taken
                level = self.levels[self._place(allocation)]
                level.allocatedQuantity -= taken
                level.physicalQuantity -= taken
                if allocation.warehouse.id not in changes:
                    change = self._change(at, allocation.warehouse, f"Shipment {shipment_number}", None)
                    changes[allocation.warehouse.id] = (change, [])
                change, movement = changes[allocation.warehouse.id]
                movement.append(self._line(change, level.productSize, -taken, shipped))
            shipped.orderLine.allocations = [a for a in shipped.orderLine.allocations if a.quantity]
            shipped.allocations = ()
        for change, movement in changes.values():
            change.lines = movement
            self.world.emit("StockChange", "CREATED", change.id, None, at)

    def _reserve(self, line: OrderLine, level: Stock, at: datetime) -> None:
        units, allocations = line.quantity - line.shippedQuantity, []
        for source, taken in self._take(level, units, at):
            allocations.append(
                Allocation(
                    id=self.world.allocations.take_id(),
                    quantity=taken,
                    orderLine=line,
                    warehouse=level.warehouse,
                    stockChangeLine=source,
                )
            )
        level.allocatedQuantity += units
        line.allocations = allocations

    def _take(self, level: Stock, units: int, at: datetime) -> list[tuple[StockChangeLine, int]]:
        taken = []
        queue = self._free.get(level, deque())
        while units > 0:
            source = queue[0]
            part = min(units, source.freeToAllocateQuantity)
            source.freeToAllocateQuantity -= part
            units -= part
            if part:
                taken.append((source, part))
                self._tell(source, at)
            if source.freeToAllocateQuantity == 0:
                queue.popleft()
        return taken

    def _serve_waiting(self, level: Stock, at: datetime) -> None:
        queue = self._waiting.get(level)
        while queue and level.freeToAllocateQuantity >= queue[0].quantity:
            line = queue.popleft()
            level.demandQuantity -= line.quantity
            if line.quantity:
                self._reserve(line, level, at)
        if not queue:
            self.short.pop(level, None)

    def _tell(self, source: StockChangeLine, at: datetime) -> None:
        """What is left of an inbound movement has changed, and no movement says so."""
        self.world.emit("StockChange", "DEPENDENT_DATA_CHANGED", source.stockChange.id, None, at)

    def _change(self, at: datetime, warehouse: Warehouse, comment: str, by: int | None) -> StockChange:
        world = self.world
        change = StockChange(
            id=world.stock_changes.take_id(),
            createdAt=at,
            comment=comment,
            type="UNKNOWN_VALUE",
            adminUser=world.admin_users.one(by) if by else None,
            warehouse=warehouse,
        )
        if not isinstance(warehouse.stockChanges, list):
            warehouse.stockChanges = []
        warehouse.stockChanges.append(change)
        return world.stock_changes.add(change)

    def _line(
        self, change: StockChange, size: ProductSize, units: int, shipment_line: ShipmentLine | None
    ) -> StockChangeLine:
        line = StockChangeLine(
            id=self.world.stock_change_lines.take_id(),
            deliveredQuantity=units,
            freeToAllocateQuantity=0,
            isAvailable=units > 0,
            unitCost=size.productVariant.unitCost,
            currencyBaseRate=Decimal(1),
            productSize=size,
            createdFromShipmentLine=shipment_line,
            warehouse=change.warehouse,
            stockChange=change,
        )
        size.stockChangeLines = [*size.stockChangeLines, line]
        return self.world.stock_change_lines.add(line)

    @staticmethod
    def _place(allocation: Allocation) -> tuple[int, int]:
        size = allocation.orderLine.productSize
        return (size.id if size else 0, allocation.warehouse.id)


def _warehouses(rule: AllocationRule | None) -> list[Warehouse]:
    if rule is None:
        return []
    return [priority.warehouse for group in rule.geographyAllocationPrioritySets for priority in group.priorities]
