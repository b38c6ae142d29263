"""Questions and answers about orders that several tests share. Made up, and no more than the tests look at."""

from collections.abc import Sequence
from typing import Any

from centra_assets.centra.documents import Query
from centra_assets_tests.centra.peer import Asked, answer

DOCUMENT = """
query Orders($first: Int!, $after: String, $from: DateTimeTz, $to: DateTimeTz) {
  orderConnection(first: $first, after: $after, sort: [createdAt_ASC, id_ASC],
                  where: {createdAt: {from: $from, to: $to}}) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node { ...Record } }
  }
}
query OrderList($limit: Int!, $page: Int!, $from: DateTimeTz, $to: DateTimeTz) {
  orders(limit: $limit, page: $page, sort: [id_ASC], where: {createdAt: {from: $from, to: $to}}) { ...Record }
}
query OrderPayments($id: Int!, $limit: Int!, $page: Int!) {
  orders(where: {number: [$id]}) { paymentHistory(limit: $limit, page: $page) { ...Payment } }
}
fragment Record on Order {
  number createdAt updatedAt userIP isInternal currencyBaseRate
  grandTotal { value currency { code } }
  paymentHistory(limit: 2) { ...Payment }
  ... on DirectToConsumerOrder { customer { id } }
}
fragment Payment on PaymentHistoryEntry { id value { value } }
"""

ORDERS = Query(
    text=DOCUMENT,
    operations=("Orders",),
    record_id="number",
    updated_at="updatedAt",
    created_at="createdAt",
    page_limit=10,
    nested={"paymentHistory": "OrderPayments"},
)


def order(number: int, **more: Any) -> dict[str, Any]:
    return {"number": number, "createdAt": "2024-03-01T10:00:00+01:00", "updatedAt": None, **more}


class Shop:
    """Orders behind a connection and a list, paged as Centra does. The cursor is the place of the last order."""

    def __init__(self, orders: Sequence[dict[str, Any]]) -> None:
        self.orders = list(orders)

    def reply(self, asked: Asked) -> Any:
        if asked.operation == "OrderList":
            limit, page = asked.variables["limit"], asked.variables["page"]
            return answer({"orders": self.orders[(page - 1) * limit : page * limit]})
        start = int(asked.variables["after"] or 0)
        end = start + asked.variables["first"]
        return answer({"orderConnection": self.connection(start, end)})

    def connection(self, start: int, end: int) -> dict[str, Any]:
        return {
            "totalCount": len(self.orders),
            "pageInfo": {"hasNextPage": end < len(self.orders), "endCursor": str(end)},
            "edges": [{"node": node} for node in self.orders[start:end]],
        }
