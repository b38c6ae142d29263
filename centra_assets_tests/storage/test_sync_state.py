"""How far sweeps have come, and which were asked for: marks only move forward, and no wish is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from centra_assets.storage import sync_state
from centra_assets.storage.sync_state import SyncState
from centra_assets.storage.warehouse import Warehouse

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def state(database_url: str) -> SyncState:
    return SyncState(database_url)


def advance(database_url: str, moment: datetime) -> None:
    Warehouse(database_url).transact(
        lambda cursor: sync_state.advance(cursor, "orders", "updated", moment, run_id="a run")
    )


def test_a_watermark_never_goes_back(state: SyncState, database_url: str) -> None:
    advance(database_url, NOON)
    advance(database_url, NOON - timedelta(hours=1))
    assert state.mark("orders", "updated").watermark == NOON
    advance(database_url, NOON + timedelta(hours=1))
    assert state.mark("orders", "updated").watermark == NOON + timedelta(hours=1)


def test_a_mark_that_is_not_there_has_no_times(state: SyncState) -> None:
    assert state.mark("orders", "updated").watermark is None
    assert state.mark("orders", "updated").checked_at is None


def test_a_finished_sweep_keeps_the_watermark(state: SyncState, database_url: str) -> None:
    advance(database_url, NOON)
    Warehouse(database_url).transact(
        lambda cursor: sync_state.checked(cursor, "orders", "updated", run_id="a run", detail={"rows": 3})
    )
    mark = state.mark("orders", "updated")
    assert mark.watermark == NOON
    assert mark.checked_at is not None


def test_a_wish_that_comes_while_a_sweep_serves_an_older_one_is_not_settled_with_it(state: SyncState) -> None:
    state.ask_for(["prices"], reason="hint", partition="3")
    (read,) = state.requests()
    state.ask_for(["prices"], reason="hint", partition="3")
    state.settle([read.id])
    (left,) = state.requests()
    assert (left.entity, left.partition) == ("prices", "3")


def test_the_same_wish_many_times_is_one_request(state: SyncState) -> None:
    for _ in range(5):
        state.ask_for(["orders", "stock"], reason="hint")
    state.ask_for(["orders"], reason="catch-up", since=NOON)
    assert sorted((wish.entity, wish.since) for wish in state.requests() if wish.since is None) == [
        ("orders", None),
        ("stock", None),
    ]
    assert [wish.since for wish in state.requests() if wish.since] == [NOON]
