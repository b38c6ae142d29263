"""Requests to forget beside each other and beside what else rewrites the lake. What is erased is in test_forgetting."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from centra_assets.privacy import forgetting as forgetting_module
from centra_assets.privacy.errors import ForgettingBusyError, RewriteRefusedError
from centra_assets.privacy.requests import LOOK_AGAIN_AFTER
from centra_assets.retention import raw
from centra_assets.retention.model import Deadline, Moment, Outcome
from centra_assets.storage.lake import Lake
from centra_assets.storage.lake_file import Spill
from centra_assets.storage.lake_leftovers import LONGEST_FETCH
from centra_assets.storage.locks import LAKE_UPKEEP, alone
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.privacy.house import DAY, House, names, write


def tidied(lake: Lake) -> Outcome:
    """What retention did in the lake."""
    moment, deadline = Moment(datetime.now(UTC)), Deadline.within(60)
    return raw.tidy(
        lake, ["customers"], days=0, moment=moment, deadline=deadline, run_id="tidying", sleep=lambda _: None
    )


def test_two_requests_whose_customers_share_a_file_both_end(house: House) -> None:
    write(house.plain, 7, 8, 9, at=datetime.now(UTC) - timedelta(days=2))
    house.forgetting().ask([7], by="user: the test")
    house.forgetting().ask([8], by="user: the test")
    done = house.forgetting().carry_out()
    assert [request.state for request in done] == ["done", "done"]
    assert names(house.plain) == {"7": {None}, "8": {None}, "9": {"Anna"}}


def test_files_with_a_listed_customer_are_merged_and_the_customer_is_masked_in_them(house: House) -> None:
    for days in range(10):
        write(house.plain, 7, 9, at=datetime.now(UTC) - timedelta(days=3 + days))
    house.forgetting().ask([7], by="user: the test")
    assert tidied(house.gated).counts["files_after"] == 1
    assert names(house.plain) == {"7": {None}, "9": {"Anna"}}


def test_a_request_that_somebody_else_ended_meanwhile_is_not_opened_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(house.plain, 7, at=datetime.now(UTC) - timedelta(days=2))
    house.forgetting().ask([7], by="user: the test")

    @contextmanager
    def after_the_other(url: str, what: str) -> Iterator[bool]:
        with monkeypatch.context() as other:
            other.setattr(forgetting_module, "alone", alone)
            house.forgetting().carry_out()
            house.let_time_pass(timedelta(days=2))
            house.forgetting().carry_out()
        with alone(url, what) as is_alone:
            yield is_alone

    monkeypatch.setattr(forgetting_module, "alone", after_the_other)
    assert house.forgetting().carry_out() == []
    assert house.states() == ["verified"]


def test_a_fetch_that_lasts_for_hours_brings_nobody_back(house: House) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=1)
    write(house.plain, 7, at=begun - timedelta(days=2))
    house.forgetting().ask([7], by="user: the test")
    house.forgetting().carry_out()
    # Rows that passed the gate before the customer was on the list; their files appear when the fetch ends.
    for later in (LOOK_AGAIN_AFTER, LONGEST_FETCH):
        assert house.states() == ["done"]
        assert house.forgetting().carry_out() == []
        write(house.plain, 7, at=begun)
        assert names(house.plain) == {"7": {None, "Anna"}}
        house.let_time_pass(later)
        (request,) = house.forgetting().carry_out()
        assert names(house.plain) == {"7": {None}}
    assert request.state == "verified"
    assert request.counts["late raw/customers"] == 2


def test_what_a_killed_process_left_half_written_goes_when_nobody_can_be_writing_it(house: House) -> None:
    write(house.plain, 7, at=datetime.now(UTC) - timedelta(days=2))
    folder = Path(house.plain.files("customers", DAY)[0].path).parent
    abandoned, under_way = folder / ".one.aside", folder / ".two.aside"
    for file in (abandoned, under_way):
        file.write_text("Anna")
    long_ago = (datetime.now(UTC) - LONGEST_FETCH).timestamp() - 1
    os.utime(abandoned, (long_ago, long_ago))
    house.forgetting().ask([7], by="user: the test")
    house.forgetting().carry_out()
    assert not abandoned.exists()
    assert under_way.exists()
    os.utime(under_way, (long_ago, long_ago))
    tidied(house.plain)
    assert not under_way.exists()


def test_two_cannot_rewrite_the_lake_at_once_and_the_request_is_kept(house: House) -> None:
    write(house.plain, 7, at=datetime.now(UTC) - timedelta(days=2))
    number = house.forgetting().ask([7], by="user: the test")
    with alone(house.url, LAKE_UPKEEP) as is_alone:
        assert is_alone
        with pytest.raises(ForgettingBusyError):
            house.forgetting().carry_out()
    (request,) = house.forgetting().carry_out()
    assert request.id == number
    assert request.state == "done"


def test_a_file_that_was_not_written_as_it_should_be_keeps_its_old_content(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(house.plain, 7, 9, at=datetime.now(UTC) - timedelta(days=2))
    (held,) = house.plain.files("customers", DAY)
    before = Path(held.path).read_bytes()

    def losing(spill: Spill, path: Path) -> None:
        pl.concat(spill._frames).head(0).write_parquet(path)

    monkeypatch.setattr(Spill, "write", losing)
    house.forgetting().ask([7], by="user: the test")
    with pytest.raises(RewriteRefusedError):
        house.forgetting().carry_out()
    assert list(Path(held.path).parent.iterdir()) == [Path(held.path)]
    assert Path(held.path).read_bytes() == before
    failed = Warehouse(house.url).query("select error, state from ops.forget_request")
    assert failed.rows() == [("LAKE_REWRITE_REFUSED", "open")]
    monkeypatch.undo()
    house.forgetting().carry_out()
    assert names(house.plain) == {"7": {None}, "9": {"Anna"}}
