"""A shop whose orders change while they are read, behind the questions that are derived from `ORDERS`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from centra_assets.centra.rewriting import changed_since
from centra_assets_tests.centra.orders import ORDERS
from centra_assets_tests.centra.peer import Asked, answer

_CHANGED = changed_since(ORDERS)
_CHANGED_LIST = changed_since(replace(ORDERS, operations=("OrderList",)))
assert _CHANGED is not None
assert _CHANGED_LIST is not None
CHANGED, CHANGED_LIST = _CHANGED, _CHANGED_LIST

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


@dataclass
class Changing:
    """Orders by number with the moment of their last change, sorted and filtered by it as Centra does.

    A cursor is a mere place in the list of that moment, the least that a cursor can be. Instants are told to the
    second, however exactly they are kept.
    """

    changed: dict[int, datetime]
    is_to_inclusive: bool = True
    # What happens in the shop after each answer.
    then: Callable[["Changing"], None] = lambda shop: None
    states: dict[int, int] = field(default_factory=dict)

    def change(self, number: int, at: datetime) -> None:
        self.changed[number] = at
        self.states[number] = self.states.get(number, 0) + 1

    def forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.changed.pop(number, None)

    def reply(self, asked: Asked) -> Any:
        rows = self._rows(asked.variables)
        if asked.operation == "OrderListChanged":
            limit, page = asked.variables["limit"], asked.variables["page"]
            data: Any = {"orders": rows[(page - 1) * limit : page * limit]}
        else:
            start = int(asked.variables["after"] or 0)
            end = start + asked.variables["first"]
            data = {
                "orderConnection": {
                    "totalCount": len(rows),
                    "pageInfo": {"hasNextPage": end < len(rows), "endCursor": str(end)},
                    "edges": [{"node": row} for row in rows[start:end]],
                }
            }
        reply = answer(data)
        self.then(self)
        return reply

    def state(self, number: int) -> tuple[str, str, int]:
        """What a reader has seen of an order when it has seen all."""
        return str(number), _told(self.changed[number]), self.states.get(number, 0)

    def _rows(self, variables: dict[str, Any]) -> Sequence[dict[str, Any]]:
        begin = datetime.fromisoformat(variables["from"])
        end = datetime.fromisoformat(variables["to"]) if variables.get("to") else None
        return [
            {"number": number, "createdAt": None, "updatedAt": _told(at), "isInternal": self.states.get(number, 0)}
            for number, at in sorted(self.changed.items(), key=lambda pair: (pair[1], pair[0]))
            if at >= begin and (end is None or at < end or (at == end and self.is_to_inclusive))
        ]


def _told(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()


def spread(count: int, apart: timedelta = timedelta(seconds=1)) -> dict[int, datetime]:
    """Orders from 1 on, each changed a little later than the one before."""
    return {number: NOON + (number - 1) * apart for number in range(1, count + 1)}
