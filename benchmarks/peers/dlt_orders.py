"""The peer: orders from the same pages into the same PostgreSQL with dlt, as its experienced users write it.

Settings are dlt's own performance advice, each tried on this load (docs/benchmarks.md says what each brought).
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

# dlt reads its settings from the environment when it is imported.
os.environ.update(
    {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "NORMALIZE__WORKERS": "2",
        "NORMALIZE__START_METHOD": "fork",
        # Without a limit there is one intermediate file, and one file keeps one worker busy.
        "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "2000",
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
        "SOURCES__DATA_WRITER__DISABLE_COMPRESSION": "true",
        "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    }
)

import dlt
import requests
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

from benchmarks.corpus import OPERATION, document_text

DATASET = "peer"


@dlt.resource(name="orders", primary_key="number", write_disposition="merge")
def orders(url: str, token: str, start: str, end: str, page_size: int, exact: bool) -> Iterator[list[dict[str, Any]]]:
    """Pages of orders; dlt makes tables of the nested lists and columns of the nested objects.

    `exact` keeps amounts as decimals; without it they are floats, as `response.json()` makes them.
    """
    client = RESTClient(
        base_url=url,
        auth=BearerTokenAuth(token),
        paginator=JSONResponseCursorPaginator(
            cursor_path="data.orderConnection.pageInfo.endCursor",
            cursor_body_path="variables.after",
            has_more_path="data.orderConnection.pageInfo.hasNextPage",
        ),
    )
    body = {
        "query": document_text(),
        "operationName": OPERATION,
        "variables": {"from": start, "to": end, "first": page_size, "after": None},
    }
    hooks: dict[str, Any] | None = {"response": [_read_decimals]} if exact else None
    for page in client.paginate(method="POST", json=body, data_selector="data.orderConnection.edges", hooks=hooks):
        yield [edge["node"] for edge in page]


def _read_decimals(response: requests.Response, *_: Any, **__: Any) -> None:
    response.json = lambda **__: json.loads(response.content, parse_float=Decimal)  # type: ignore[method-assign]


def _with_host_and_password(url: str) -> str:
    """dlt insists on both; libpq takes the socket's folder in the query over the host, and the server trusts us."""
    return url.replace("@/", ":unused@localhost:5432/", 1)


def main() -> None:
    """Load a range of orders and say how long each of dlt's steps took."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--url", "--token", "--database-url", "--start", "--end"):
        parser.add_argument(name, required=True)
    parser.add_argument("--page-size", type=int, required=True)
    parser.add_argument("--file-format", choices=["csv", "insert_values"], default="csv")
    parser.add_argument("--exact", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            pipeline_name="centra_orders",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(_with_host_and_password(options.database_url)),
            dataset_name=DATASET,
        )
        pipeline.run(
            orders(options.url, options.token, options.start, options.end, options.page_size, options.exact),
            loader_file_format=options.file_format,
        )
        trace = pipeline.last_trace
        assert trace is not None
        seconds = {
            step.step: round((step.finished_at - step.started_at).total_seconds(), 2)
            for step in trace.steps
            if step.finished_at is not None
        }
        print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
