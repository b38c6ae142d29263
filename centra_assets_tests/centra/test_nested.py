"""Lists inside a record that reach their limit are completed, or the reading fails loudly."""

import json
from dataclasses import replace
from typing import Any

import pytest

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import Query
from centra_assets.centra.errors import NestedListCutError, PageDriftError
from centra_assets_tests.centra.orders import ORDERS, Shop, order
from centra_assets_tests.centra.peer import Asked, Peer, answer


def payments(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": number, "value": {"value": 10}} for number in range(first, first + count)]


def owners(asked: Asked) -> dict[str, Any]:
    """Whose list is asked for, by the response key of the answer: many in one request, or one by itself."""
    many = {f"of{name[2:]}": value for name, value in asked.variables.items() if name.startswith("id") and name != "id"}
    return many or {"": asked.variables["id"]}


class Till(Shop):
    """Orders whose payments come cut at two, and whole when asked for."""

    def __init__(self, *counts: int) -> None:
        self.paid = {number: payments(number * 1000, count) for number, count in enumerate(counts, start=1)}
        super().__init__([order(number, paymentHistory=paid[:2]) for number, paid in self.paid.items()])

    def reply(self, asked: Asked) -> Any:
        if asked.operation != "OrderPayments":
            return super().reply(asked)
        limit, page = asked.variables["limit"], asked.variables["page"]
        return answer(
            {
                key or "orders": [{"paymentHistory": self.paid[number][(page - 1) * limit : page * limit]}]
                for key, number in owners(asked).items()
            }
        )


def test_a_list_that_reached_its_limit_is_read_whole(peer: Peer, client: BlockingClient) -> None:
    till = Till(0, 1, 2, 5, 230)
    peer.reply = till.reply
    [(_, page)] = client.stream(ORDERS, [{}])
    found = [json.loads(payload)["paymentHistory"] for payload in page.payloads]
    assert found == list(till.paid.values())
    completions = [asked for asked in peer.asked if asked.operation == "OrderPayments"]
    # One request for all that is full, then the pages of the one that is longer.
    assert [(sorted(owners(asked).values()), asked.variables["page"]) for asked in completions] == [
        ([3, 4, 5], 1),
        ([5], 1),
        ([5], 2),
        ([5], 3),
    ]


def test_many_full_lists_take_few_requests(peer: Peer, client: BlockingClient) -> None:
    till = Till(*[3] * 95)
    peer.reply = till.reply
    pages = [page for _, page in client.stream(ORDERS, [{}])]
    assert sum(len(json.loads(payload)["paymentHistory"]) for page in pages for payload in page.payloads) == 95 * 3
    assert sum(asked.operation == "OrderPayments" for asked in peer.asked) <= 5 + len(pages)


def test_numbers_of_a_completed_record_stay_exact(peer: Peer, client: BlockingClient) -> None:
    node = b'{"number":1,"currencyBaseRate":0.12345678901234567890,"paymentHistory":[{"id":1},{"id":2}]}'
    page_info = b'"totalCount":1,"pageInfo":{"hasNextPage":false,"endCursor":"1"}'
    whole = b'{"data":{"of0":[{"paymentHistory":[{"id":1,"value":{"value":100.10}},{"id":2}]}]}}'
    orders = b'{"data":{"orderConnection":{' + page_info + b',"edges":[{"node":' + node + b"}]}}}"
    peer.reply = lambda asked: whole if asked.operation == "OrderPayments" else orders
    [(_, page)] = client.stream(ORDERS, [{}])
    assert '"currencyBaseRate":0.12345678901234567890' in page.payloads[0]
    assert '"value":100.10' in page.payloads[0]


@pytest.mark.parametrize("owner", [[], [None], [{"paymentHistory": []}], [{"paymentHistory": [{"id": 1}]}]])
def test_an_owner_that_is_not_found_does_not_empty_its_list(peer: Peer, client: BlockingClient, owner: Any) -> None:
    till = Till(5)
    peer.reply = lambda asked: (
        answer(dict.fromkeys(owners(asked), owner)) if asked.operation == "OrderPayments" else till.reply(asked)
    )
    with pytest.raises(PageDriftError, match="2 came with the record"):
        list(client.stream(ORDERS, [{}]))


def test_without_an_operation_that_reads_it_whole_a_full_list_is_an_error(peer: Peer, client: BlockingClient) -> None:
    peer.reply = Till(1, 2).reply
    with pytest.raises(NestedListCutError, match="paymentHistory has reached its limit of 2"):
        list(client.stream(replace(ORDERS, nested={}), [{}]))


def test_the_schemas_own_limit_counts_where_the_document_names_none(peer: Peer, client: BlockingClient) -> None:
    text = """query Sizes($limit: Int!, $page: Int!) {
        productSizes(limit: $limit, page: $page) { id stock { __typename } }
    }"""
    size = {"id": 1, "stock": [{"__typename": "Stock"}] * 20}
    peer.reply = lambda asked: answer({"productSizes": [size]})
    with pytest.raises(NestedListCutError, match="stock has reached its limit of 20"):
        list(client.stream(Query(text=text, operations=("Sizes",)), [{}]))


DEEP = Query(
    text="""
    query Variants($limit: Int!, $page: Int!) {
      products(limit: $limit, page: $page) {
        id variants { id productSizes { id stock(limit: 1) { physicalQuantity } } }
      }
    }
    query SizeStock($id: Int!, $limit: Int!, $page: Int!) {
      productSize(id: $id) { stock(limit: $limit, page: $page) { physicalQuantity } }
    }
    """,
    operations=("Variants",),
    nested={"variants.productSizes.stock": "SizeStock"},
)


def test_a_list_deep_inside_is_asked_for_by_the_object_that_holds_it(peer: Peer, client: BlockingClient) -> None:
    product = {
        "id": 1,
        "variants": [
            {"id": 10, "productSizes": [{"id": 100, "stock": [{"physicalQuantity": 1}]}, {"id": 101, "stock": []}]},
            {"id": 11, "productSizes": []},
        ],
    }

    def reply(asked: Asked) -> Any:
        if asked.operation == "Variants":
            return answer({"products": [product]})
        return answer({"of0": {"stock": [{"physicalQuantity": n} for n in (1, 2, 3)]}})

    peer.reply = reply
    [(_, page)] = client.stream(DEEP, [{}])
    sizes = json.loads(page.payloads[0])["variants"][0]["productSizes"]
    assert [len(size["stock"]) for size in sizes] == [3, 0]
    assert [owners(asked) for asked in peer.asked[1:]] == [{"of0": 100}]
