"""The inbox: what was stored is there once, one drainer at a time, and nothing that he left behind is lost."""

import threading
import time
from datetime import UTC, datetime

import psycopg
import pytest

from centra_assets.storage import inbox
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.storage.inbox import Delivery, Hint, Inbox, Stored
from centra_assets.storage.warehouse import Warehouse


@pytest.fixture
def box(database_url: str) -> Inbox:
    return Inbox(database_url)


def delivery(name: str, *references: str, entity: str = "orders") -> Delivery:
    hints = [
        Hint(entity, "", "order", "update", reference, '{"id": 1}', position)
        for position, reference in enumerate(references)
    ]
    return Delivery("webhook", "erp", name, hints, sent_at=datetime.now(UTC))


def free(box: Inbox) -> None:
    """Returns when nobody drains: a server notices a little later that a connection is gone."""
    deadline = time.monotonic() + 20
    while box.is_drained():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def states(database_url: str) -> dict[str, int]:
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM ops.inbox GROUP BY 1").fetchall())


def test_a_repeat_is_recognised_in_the_same_group_and_later(box: Inbox, database_url: str) -> None:
    assert box.store([delivery("a", "1", "2"), delivery("a", "1", "2")]) == Stored(new=2, repeated=0)
    assert box.store([delivery("a", "1", "2"), delivery("b", "1")]) == Stored(new=1, repeated=2)
    with psycopg.connect(database_url) as connection:
        repeats = connection.execute("SELECT delivery, sum(repeats) FROM ops.inbox GROUP BY 1 ORDER BY 1").fetchall()
    assert repeats == [("a", 4), ("b", 0)]


def test_nothing_is_nothing(box: Inbox) -> None:
    assert box.store([]) == Stored(new=0, repeated=0)
    assert box.waiting().total == 0


def test_what_no_entity_stands_for_is_kept_and_not_waited_for(box: Inbox, database_url: str) -> None:
    box.store([delivery("a", "1", entity="")])
    assert states(database_url) == {"unknown": 1}
    assert box.waiting().total == 0


def test_only_one_may_drain_and_the_next_one_may_when_he_is_gone(box: Inbox) -> None:
    with box.drainer("first") as first:
        assert first is not None
        assert box.is_drained()
        with box.drainer("second") as second:
            assert second is None
    free(box)
    with box.drainer("second") as second:
        assert second is not None


def test_the_right_to_drain_goes_with_the_connection(box: Inbox, database_url: str) -> None:
    with pytest.raises(WarehouseUnavailableError), box.drainer("killed") as drainer:
        assert drainer is not None
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'centra_inbox' AND datname = current_database()"
            )
        free(box)
        drainer.claim(1)


def test_what_a_dead_drainer_had_claimed_is_claimed_again(box: Inbox) -> None:
    box.store([delivery("a", "1", "2")])
    with box.drainer("first") as first:
        assert first is not None
        assert [hint.reference for hint in first.claim(10)] == ["1", "2"]
    free(box)
    with box.drainer("second") as second:
        assert second is not None
        assert [hint.reference for hint in second.claim(10)] == ["1", "2"]


def test_a_mark_stands_or_falls_with_its_transaction(box: Inbox, database_url: str) -> None:
    box.store([delivery("a", "1", "2")])
    with box.drainer("a run") as drainer:
        assert drainer is not None
        one, two = drainer.claim(10)

    def break_off(cursor: psycopg.Cursor[tuple[object, ...]]) -> None:
        inbox.done(cursor, [two.id], "a run")
        raise KeyError

    warehouse = Warehouse(database_url)
    warehouse.transact(lambda cursor: inbox.done(cursor, [one.id], "a run"))
    with pytest.raises(KeyError):
        warehouse.transact(break_off)
    assert states(database_url) == {"done": 1, "waiting": 1}


def test_whoever_waits_hears_of_a_hint_at_once(box: Inbox) -> None:
    heard: list[bool] = []
    waiter = threading.Thread(target=lambda: heard.append(box.wait_for_hints(30)))
    waiter.start()
    box.store([delivery("a", "1")])
    waiter.join(20)
    assert heard == [True]


def test_without_a_hint_the_wait_has_an_end(box: Inbox) -> None:
    assert box.wait_for_hints(0.05) is False


def test_hints_are_claimed_in_the_order_in_which_they_came(box: Inbox) -> None:
    for number in range(7):
        box.store([delivery(f"d{number}", str(number))])
    with box.drainer("a run") as drainer:
        assert drainer is not None
        assert [hint.reference for hint in drainer.claim(3)] == ["0", "1", "2"]
