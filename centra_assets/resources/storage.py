"""The lake and the warehouse as Dagster resources. What they do is in `centra_assets.storage`."""

import dagster as dg
from pydantic import Field

from centra_assets.privacy.forgotten import Admission, ForgottenList
from centra_assets.resources.actors import asked_by
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse


class LakeResource(dg.ConfigurableResource):
    """The raw log: a folder or an object store. Forgotten customers come in without their personal data."""

    url: str = Field(description="Folder or s3:// URL of the raw log.")
    database_url: str = Field(description="PostgreSQL that holds the list of forgotten customers.")

    def open(self) -> Lake:
        """The lake; nothing is held open between calls."""
        return Lake(self.url, Admission(ForgottenList(self.database_url)))


class WarehouseResource(dg.ConfigurableResource):
    """The PostgreSQL that holds core, history, marts and ops."""

    database_url: str = Field(description="PostgreSQL URL.")

    def open(self, run: dg.DagsterRun | None = None) -> Warehouse:
        """The warehouse; connections are opened per call. Whoever loads gives his run: the trail says for whom."""
        return Warehouse(self.database_url, **({} if run is None else {"actor": asked_by(run.tags)}))
