"""The Centra API as a Dagster resource. How it is spoken to is in `centra_assets.centra`."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from centra_assets.centra.blocking import BlockingClient, connect
from centra_assets.centra.budget import Priority


class CentraResource(dg.ConfigurableResource):
    """Opens clients that share one budget through PostgreSQL with every other process of ours."""

    api_url: str = Field(description="GraphQL endpoint of the instance.")
    api_token: str = Field(description="Integration API token; keep it in the environment.")
    database_url: str = Field(description="PostgreSQL that holds the shared budget and the schema cache.")
    concurrency: int = Field(default=4, ge=1, le=32, description="Requests in flight at once.")

    @contextmanager
    def client(self, priority: Priority = Priority.BACKFILL) -> Iterator[BlockingClient]:
        """A client for the length of a step."""
        with connect(
            url=self.api_url,
            token=self.api_token,
            database_url=self.database_url,
            priority=priority,
            concurrency=self.concurrency,
        ) as client:
            yield client
