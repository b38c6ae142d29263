"""Filters, sorts, limits, pages and cursors, as a client meets them."""

from datetime import datetime

import pytest


def _walk(caller, arguments, node="number", size=50):
    """Every node of orderConnection, cursor by cursor."""
    found, after = [], None
    while True:
        part = caller.data(
            f"query Q($after: String) {{ orderConnection(first: {size}, after: $after, {arguments}) "
            f"{{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ {node} }} }} }} }}",
            after=after,
        )["orderConnection"]
        found += [edge["node"] for edge in part["edges"]]
        after = part["pageInfo"]["endCursor"]
        if not part["pageInfo"]["hasNextPage"]:
            return found, part["totalCount"]


@pytest.mark.parametrize("sort", ["createdAt_ASC", "createdAt_DESC", "updatedAt_ASC, id_ASC", "id_DESC"])
def test_a_connection_gives_every_order_once_however_many_share_a_second(shared, sort):
    found, total = _walk(shared, f"sort: [{sort}]")
    numbers = [node["number"] for node in found]
    assert len(numbers) == total == len(set(numbers)) == len(shared.sandbox.world.orders)


def test_a_connection_follows_its_sort(shared):
    found, _ = _walk(shared, "sort: [updatedAt_DESC]", node="updatedAt")
    moments = [datetime.fromisoformat(node["updatedAt"]) for node in found]
    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) > 10


def test_a_cursor_stays_good_when_orders_arrive_before_it(make_sandbox, call):
    caller = call(make_sandbox(own_world=True))
    arguments = "sort: [createdAt_DESC]"
    first = caller.data(f"{{ orderConnection(first: 5, {arguments}) {{ edges {{ cursor node {{ number }} }} }} }}")
    edges = first["orderConnection"]["edges"]
    known = {order.number for order in caller.sandbox.world.orders}
    while {order.number for order in caller.sandbox.world.orders} == known:
        caller.admin("traffic", {"steps": 1})
    cursor = edges[2]["cursor"]
    second = caller.data(
        f'{{ orderConnection(first: 2, after: "{cursor}", {arguments}) {{ edges {{ node {{ number }} }} }} }}'
    )
    assert [e["node"] for e in second["orderConnection"]["edges"]] == [e["node"] for e in edges[3:]]


def test_last_and_before_walk_backwards(shared):
    fields = "pageInfo { hasPreviousPage startCursor } edges { node { number } }"
    query = f"{{ orderConnection(sort: [number_ASC], %s) {{ {fields} }} }}"
    end = shared.data(query % "last: 3")["orderConnection"]
    before = shared.data(query % f'last: 3, before: "{end["pageInfo"]["startCursor"]}"')["orderConnection"]
    numbers = sorted(order.number for order in shared.sandbox.world.orders)
    assert [e["node"]["number"] for e in end["edges"]] == numbers[-3:]
    assert [e["node"]["number"] for e in before["edges"]] == numbers[-6:-3]
    assert before["pageInfo"]["hasPreviousPage"]


def test_a_cursor_of_another_sort_is_refused(shared):
    query = "{ orderConnection(first: 1, sort: [id_ASC]) { pageInfo { endCursor } } }"
    cursor = shared.data(query)["orderConnection"]["pageInfo"]["endCursor"]
    refused = shared.error(f'{{ orderConnection(first: 1, sort: [id_DESC], after: "{cursor}") {{ totalCount }} }}')
    assert "cursor" in refused["message"]


def test_both_ends_of_a_date_range_are_inside(shared):
    orders = sorted(shared.sandbox.world.orders, key=lambda order: order.createdAt)
    low, high = orders[len(orders) // 3].createdAt, orders[len(orders) // 2].createdAt
    wanted = {order.number for order in orders if low <= order.createdAt <= high}
    # By the index (sorted by what is filtered), and without it.
    for sort in ("createdAt_ASC", "createdAt_DESC", "id_ASC"):
        span = f'{{from: "{low.isoformat()}", to: "{high.isoformat()}"}}'
        found, total = _walk(shared, f"sort: [{sort}], where: {{createdAt: {span}}}")
        assert {node["number"] for node in found} == wanted
        assert total == len(wanted) > 2


def test_a_date_without_an_offset_is_read_in_the_instances_zone(shared):
    moment = sorted(order.createdAt for order in shared.sandbox.world.orders)[5]
    local = moment.astimezone(shared.sandbox.instance.zone).strftime("%Y-%m-%d %H:%M:%S")
    data = shared.data(f'{{ counters {{ orders(where: {{createdAt: {{from: "{local}", to: "{local}"}}}}) }} }}')
    assert data["counters"]["orders"] == sum(o.createdAt == moment for o in shared.sandbox.world.orders)


def test_a_phrase_is_a_date_relative_to_the_clock(make_sandbox, call):
    caller = call(make_sandbox())
    now = caller.sandbox.clock.now()
    caller.sandbox.clock.freeze()
    query = '{ counters { orders(where: {createdAt: {from: "-90 days", to: "now"}}) } }'
    recent = sum((now - order.createdAt).days < 90 for order in caller.sandbox.world.orders)
    assert caller.data(query)["counters"]["orders"] == recent > 0
    caller.admin("clock", {"advance_seconds": 400 * 86400})
    assert caller.data(query)["counters"]["orders"] == 0


def test_filters_by_relation_by_list_and_negated(shared):
    orders = list(shared.sandbox.world.orders)
    store = orders[0].store.id
    count = "{ counters { orders(where: %s) } }"
    in_store = sum(order.store.id == store for order in orders)
    assert shared.data(count % f"{{storeId: {store}}}")["counters"]["orders"] == in_store
    negated = shared.data(count % f'{{storeId: [{store}], negate: ["storeId"]}}')["counters"]["orders"]
    assert negated == len(orders) - in_store > 0
    both = shared.data(count % "{status: [SHIPPED, CANCELLED]}")["counters"]["orders"]
    assert both == sum(order.status in ("SHIPPED", "CANCELLED") for order in orders) > 0


def test_a_text_matches_without_regard_to_case_and_not_null_asks_for_a_value(shared):
    customers = list(shared.sandbox.world.customers)
    word = next(c.firstName for c in customers if c.firstName and c.firstName.isascii())[:3].upper()
    query = "{ counters { customers(where: %s) } }"
    found = shared.data(query % f'{{firstName: {{startsWith: "{word}"}}}}')["counters"]["customers"]
    assert found == sum((c.firstName or "").upper().startswith(word) for c in customers) > 0
    named = shared.data(query % '{notNull: ["firstName"]}')["counters"]["customers"]
    assert named == sum(c.firstName is not None for c in customers)


def test_orders_are_found_by_number_and_by_hash(shared):
    order = shared.sandbox.world.orders.rows()[3]
    by_number = shared.data(f"{{ orders(where: {{number: {order.number}}}) {{ id }} }}")["orders"]
    by_hash = shared.data(f'{{ order(id: "{order.id}") {{ number }} }}')["order"]
    assert by_number == [{"id": order.id}]
    assert by_hash == {"number": order.number}
    assert shared.data('{ order(id: "none") { number } }')["order"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        "orders(limit: 201) { number }",
        "orders(limit: 0) { number }",
        "orders(limit: -1) { number }",
        "orders(limit: 10, page: 0) { number }",
        "orderConnection(first: 201) { totalCount }",
        "markets(limit: 1) { displays(limit: 101) { id } }",
    ],
)
def test_a_limit_outside_its_band_is_an_error_and_no_clamp(shared, arguments):
    message = shared.error(f"{{ {arguments} }}")["message"]
    assert "must be" in message


def test_pages_cover_a_list_and_end_with_a_short_one(shared):
    seen, page = [], 1
    while True:
        rows = shared.data(f"{{ products(limit: 4, page: {page}, sort: [id_ASC]) {{ id }} }}")["products"]
        seen += [row["id"] for row in rows]
        if len(rows) < 4:
            break
        page += 1
    assert seen == [product.id for product in shared.sandbox.world.products]


def test_a_root_list_without_a_limit_gives_20_and_a_nested_one_everything(shared):
    variant = max(shared.sandbox.world.products, key=lambda product: len(product.variants))
    assert len(shared.data("{ orders { number } }")["orders"]) == 20
    nested = shared.data(f"{{ product(id: {variant.id}) {{ variants {{ id }} }} }}")["product"]["variants"]
    assert len(nested) == len(variant.variants)


def test_nested_lists_are_filtered_sorted_and_paged_too(shared):
    warehouse = max(shared.sandbox.world.warehouses, key=lambda each: len(each.stock))
    query = "{ warehouse(id: %d) { stock(limit: 50, page: %d, sort: [productSizeId_ASC]) { productSize { id } } } }"
    seen = []
    for page in range(1, len(warehouse.stock) // 50 + 2):
        rows = shared.data(query % (warehouse.id, page))["warehouse"]["stock"]
        seen += [row["productSize"]["id"] for row in rows]
    assert seen == sorted(stock.productSize.id for stock in warehouse.stock)


def test_fully_cancelled_lines_are_left_out_unless_asked_for(shared):
    gone = next(ln for ln in shared.sandbox.world.order_lines if not ln.quantity and ln.cancelledQuantity)
    order = next(order for order in shared.sandbox.world.orders if gone in order.lines)
    query = "{ orders(where: {number: %d}) { lines%s { id } } }"
    short = shared.data(query % (order.number, ""))["orders"][0]["lines"]
    whole = shared.data(query % (order.number, "(includeFullyCancelled: true)"))["orders"][0]["lines"]
    assert len(short) < len(whole) == len(order.lines)


def test_totals_of_stock_follow_their_filter(shared):
    size = next(s for s in shared.sandbox.world.product_sizes if len(s.stock) > 1)
    one = size.stock[0].warehouse.id
    fields = "all: stockTotals { physicalQuantity } one: stockTotals(where: {warehouseId: %d}) { physicalQuantity }"
    query = f"{{ productSize(id: %d) {{ {fields} }} }}"
    totals = shared.data(query % (size.id, one))["productSize"]
    assert totals["all"]["physicalQuantity"] == sum(stock.physicalQuantity for stock in size.stock)
    assert totals["one"]["physicalQuantity"] == size.stock[0].physicalQuantity


def test_a_filter_that_the_world_cannot_answer_is_an_error_and_not_ignored(shared):
    assert "affiliateId" in shared.error("{ orders(where: {affiliateId: 1}) { number } }")["message"]
