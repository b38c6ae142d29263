"""The folder of finished files as a Dagster resource. What it does is in `centra_assets.finance.outbox`."""

import dagster as dg
from pydantic import Field

from centra_assets.finance.outbox import Outbox


class OutboxResource(dg.ConfigurableResource):
    """Where finished files are handed over: a folder or an object store."""

    url: str = Field(description="Folder or s3:// URL of finished files.")

    def open(self) -> Outbox:
        """The folder; nothing is held open between calls."""
        return Outbox(self.url)
