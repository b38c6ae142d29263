"""The client and the sandbox, written apart from each other, agree on how Centra behaves."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import polars as pl
import pytest

from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.buckets import Kind
from centra_assets.centra.decode import decode_records
from centra_assets.centra.errors import AuthenticationError, PermissionDeniedError, RequestRefusedError
from centra_assets.centra.schema import INTROSPECTION
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets_tests.centra.orders import ORDERS
from centra_assets_tests.fixtures.sandbox import MakeSandbox

Connect = Callable[..., BlockingClient]

QUERY = replace(ORDERS, page_limit=50)


@pytest.fixture
def connected() -> Iterator[Connect]:
    with ExitStack() as clients:

        def open_client(sandbox: RunningSandbox, token: str | None = None, **options: Any) -> BlockingClient:
            return clients.enter_context(connect(url=sandbox.url, token=token or sandbox.token, **options))

        yield open_client


def admin(sandbox: RunningSandbox, path: str, **body: Any) -> Any:
    response = httpx.post(f"{sandbox.admin_url}/{path}", json=body, timeout=30)
    response.raise_for_status()
    return response.json()


def test_every_order_arrives_with_its_exact_total(sandbox: RunningSandbox, connected: Connect) -> None:
    client = connected(sandbox)
    prepared = client.prepare(QUERY)
    payloads = [payload for _, page in client.stream(prepared, [{}]) for payload in page.payloads]
    decoded = decode_records(pl.Series(payloads), prepared.response)
    assert decoded.undecodable == []
    truth = httpx.get(f"{sandbox.admin_url}/truth", timeout=30).json()["orders"]
    assert len(payloads) == truth["count"]
    sums: dict[str, Decimal] = {}
    for record in decoded.records:
        total = record["grandTotal"]
        code = total["currency"]["code"]
        sums[code] = sums.get(code, Decimal(0)) + Decimal(total["value"])
    assert sums == {code: Decimal(amount) for code, amount in truth["sums"]["grand_total"].items()}


def test_the_computed_complexity_is_the_one_that_is_charged(sandbox: RunningSandbox, connected: Connect) -> None:
    client = connected(sandbox)
    prepared = client.prepare(QUERY)
    _, page = next(iter(client.stream(prepared, [{}], concurrency=1)))
    assert page.complexity == prepared.plan.base_cost + 50 * prepared.record_cost


def test_a_token_without_permissions_of_fields_still_reads_the_rest(
    make_sandbox: MakeSandbox, connected: Connect
) -> None:
    sandbox = make_sandbox()
    token = admin(sandbox, "tokens", permissions=["Order:read", "Currency:read"])["token"]
    client = connected(sandbox, token)
    prepared = client.prepare(QUERY)
    assert sum(len(page.ids) for _, page in client.stream(prepared, [{}])) > 0
    assert {entry.path for entry in prepared.pruned} >= {"userIP", "customer", "paymentHistory"}
    assert "grandTotal" not in {entry.path for entry in prepared.pruned}


def test_a_token_that_may_not_read_orders_is_told_so(make_sandbox: MakeSandbox, connected: Connect) -> None:
    sandbox = make_sandbox()
    token = admin(sandbox, "tokens", permissions=["Product:read"])["token"]
    with pytest.raises(PermissionDeniedError, match="Order:read"):
        list(connected(sandbox, token).stream(QUERY, [{}]))
    with pytest.raises(AuthenticationError):
        connected(sandbox, "no-such-token").rate_limits()


def test_fields_that_another_version_lacks_are_pruned(make_sandbox: MakeSandbox, connected: Connect) -> None:
    sandbox = make_sandbox()
    admin(sandbox, "schema", removed=["Order.isInternal", "OrderSort.createdAt_ASC"])
    client = connected(sandbox)
    prepared = client.prepare(QUERY)
    reasons = {entry.path: entry.reason for entry in prepared.pruned}
    assert reasons["isInternal"] == "the live schema lacks it (Order.isInternal)"
    assert sum(len(page.ids) for _, page in client.stream(prepared, [{}])) > 0


def test_a_document_that_does_not_fit_is_refused(sandbox: RunningSandbox, connected: Connect) -> None:
    with pytest.raises(RequestRefusedError, match="nonsense"):
        connected(sandbox).execute("{ nonsense }")
    assert "__schema" in connected(sandbox).execute(INTROSPECTION).data


def test_the_limits_of_the_plan_are_read(make_sandbox: MakeSandbox, connected: Connect) -> None:
    limits = connected(make_sandbox(plan=Plan.GROWTH)).rate_limits()
    quotas = {(limit.kind, limit.interval_seconds): limit.quota for limit in limits}
    assert quotas[Kind.COMPLEXITY, 10] == 250_000
    assert quotas[Kind.REQUESTS, 3600] == 5_000
    assert len(limits) == 6


@pytest.mark.slow
def test_two_clients_that_need_more_than_the_default_plan_are_never_refused(
    make_sandbox: MakeSandbox, connected: Connect, database_url: str
) -> None:
    sandbox = make_sandbox(plan=Plan.GROWTH)
    one, other = (connected(sandbox, database_url=database_url) for _ in range(2))
    # Seventy small pages want more requests than ten seconds bring.
    small = replace(QUERY, page_limit=5)
    for pages in zip(one.stream(small, [{}] * 2), other.stream(small, [{}] * 2), strict=False):
        assert pages
        if one.stats.requests + other.stats.requests > 75:
            break
    stats = httpx.get(f"{sandbox.admin_url}/stats", timeout=30).json()
    assert stats["requests"] > 60
    assert one.stats.throttled + other.stats.throttled == 0
