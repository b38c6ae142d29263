"""A lake with a few customers and a database without tables, for requests beside each other. No claims."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg

from centra_assets.privacy.forgetting import Forgetting
from centra_assets.privacy.forgotten import Admission, ForgottenList
from centra_assets.storage.lake import SCHEMA, Lake
from centra_assets.storage.warehouse import Warehouse

DAY = "2025-03-01"


def write(lake: Lake, *customers: int, at: datetime) -> None:
    """A file of changes with one customer each, whose name is known."""
    cells = [(str(number), None, json.dumps({"id": number, "firstName": "Anna"}), at, "test") for number in customers]
    with lake.writer("customers", DAY, kind="changes", run_id="a-run", fetched_at=at) as writer:
        writer.append(pl.DataFrame(cells, schema=SCHEMA, orient="row"))


def names(lake: Lake) -> dict[str, set[str | None]]:
    """Every first name that any file has of each customer."""
    found: dict[str, set[str | None]] = {}
    for record, payload in lake.rows(lake.files("customers", DAY)).select("id", "payload").iter_rows():
        found.setdefault(record, set()).add(json.loads(payload)["firstName"])
    return found


class House:
    """A lake and a database in which requests are made; core has no tables yet."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.plain = Lake(str(folder))
        self.gated = Lake(str(folder), Admission(ForgottenList(url)))

    def forgetting(self) -> Forgetting:
        """As a process of its own has it."""
        return Forgetting(self.gated, Warehouse(self.url), self.url)

    def states(self) -> list[str]:
        with psycopg.connect(self.url) as connection:
            return [state for (state,) in connection.execute("SELECT state FROM ops.forget_request ORDER BY id")]

    def let_time_pass(self, time: timedelta) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "UPDATE ops.forget_request SET finished_at = finished_at - %(time)s,"
                " look_again_at = look_again_at - %(time)s",
                {"time": time},
            )
