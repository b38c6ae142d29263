"""Pages of a range, split by the merchant's days: every record in its own day, once, in the order it came."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from centra_assets.assets.extract import CreationTimeMissingError, UnsortedPagesError, extract
from centra_assets.calendar import Calendar
from centra_assets.centra.paging import Page
from centra_assets.entities.model import Entity
from centra_assets.entities.orders import ORDERS
from centra_assets.storage.lake import Lake

CALENDAR = Calendar(date(2024, 1, 1), ZoneInfo("Europe/Stockholm"))
# The second of them has 23 hours.
DAYS = ["2024-03-30", "2024-03-31", "2024-04-01"]
FETCHED_AT = datetime(2024, 4, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
PLAIN = replace(ORDERS, attributes_of=())


class Pages:
    """As much of a client as an extraction needs: it answers with the pages it was given."""

    def __init__(self, *pages: Sequence[tuple[str, str | None]]) -> None:
        self._pages = pages

    def measure(self, entity: str = "") -> AbstractContextManager[Any]:
        return nullcontext(SimpleNamespace(requests=len(self._pages), complexity=0, throttled=0))

    def prepare(self, query: object) -> Any:
        return SimpleNamespace(pruned=())

    def stream(self, query: object, requests: Sequence[Any]) -> Iterator[tuple[int, Page]]:
        assert len(requests) == 1
        for records in self._pages:
            ids = [number for number, _ in records]
            created = [at for _, at in records]
            payloads = [f'{{"number":{number}}}' for number in ids]
            yield 0, Page(ids, created, created, payloads, None, FETCHED_AT, 100)


def split(
    folder: Path, *pages: Sequence[tuple[str, str | None]], entity: Entity = PLAIN
) -> tuple[dict[str, list[str]], dict[str, float]]:
    """Ids and share of the complexity per day."""
    lake = Lake(str(folder))
    client: Any = Pages(*pages)
    report = extract(entity, DAYS, client=client, lake=lake, calendar=CALENDAR, run_id="run", slices=1)
    found = lake.read("orders", DAYS)
    assert set(found["fetched_at"].to_list()) <= {FETCHED_AT.astimezone(UTC)}
    ids = {day: found.filter(partition=day)["id"].to_list() for day in lake.partitions("orders")}
    return ids, {day: round(part.complexity, 3) for day, part in report.partitions.items()}


def test_days_begin_at_midnight_in_the_merchants_zone_also_when_the_clocks_change(tmp_path: Path) -> None:
    ids, complexity = split(
        tmp_path,
        [("1", "2024-03-30T00:00:00+01:00"), ("2", "2024-03-30T22:59:59Z"), ("3", "2024-03-30T23:00:00Z")],
        [("4", "2024-03-31T23:59:59+02:00"), ("5", "2024-04-01T00:00:00+02:00")],
    )
    assert ids == {DAYS[0]: ["1", "2"], DAYS[1]: ["3", "4"], DAYS[2]: ["5"]}
    assert complexity == {DAYS[0]: 66.667, DAYS[1]: 83.333, DAYS[2]: 50.0}


def test_what_lies_outside_the_range_is_dropped(tmp_path: Path) -> None:
    outside = [("1", "2024-03-29T22:59:59Z"), ("2", "2024-03-30T12:00:00Z"), ("3", "2024-04-01T22:00:00Z")]
    ids, _ = split(tmp_path, outside)
    assert ids == {DAYS[0]: ["2"], DAYS[1]: [], DAYS[2]: []}


def test_records_that_come_in_any_order_find_their_days(tmp_path: Path) -> None:
    noons = {day: f"{day}T12:00:00+02:00" for day in DAYS}
    mixed = [("1", noons[DAYS[2]]), ("2", noons[DAYS[0]]), ("3", noons[DAYS[2]]), ("4", noons[DAYS[1]])]
    unsorted = replace(PLAIN, sorted_by_creation=False)
    ids, complexity = split(tmp_path, mixed, [("5", noons[DAYS[0]])], entity=unsorted)
    assert ids == {DAYS[0]: ["2", "5"], DAYS[1]: ["4"], DAYS[2]: ["1", "3"]}
    assert complexity == {DAYS[0]: 125.0, DAYS[1]: 25.0, DAYS[2]: 50.0}


def test_a_record_of_a_day_that_had_ended_is_refused_and_nothing_of_the_open_days_is_kept(tmp_path: Path) -> None:
    noons = {day: f"{day}T12:00:00+02:00" for day in DAYS}
    with pytest.raises(UnsortedPagesError):
        split(tmp_path, [("1", noons[DAYS[0]]), ("2", noons[DAYS[1]])], [("3", noons[DAYS[0]])])
    assert Lake(str(tmp_path)).read("orders", DAYS)["id"].to_list() == ["1"]


@pytest.mark.parametrize("created", [None, "yesterday", "2024-03-30T12:00:00"])
def test_a_record_that_does_not_say_when_it_was_created_is_refused(tmp_path: Path, created: str | None) -> None:
    with pytest.raises(CreationTimeMissingError, match="1 records"):
        split(tmp_path, [("1", "2024-03-30T12:00:00Z"), ("2", created)])
