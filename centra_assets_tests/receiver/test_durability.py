"""Never a 2xx for what is not stored, and always a 503 when that is in doubt: while databases and receivers fail."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from centra_assets.storage.embedded import EmbeddedPostgres
from centra_assets.storage.migrate import upgrade
from centra_assets_tests.receiver.serving import (
    await_that,
    inbox,
    inbox_locked,
    metric,
    order_event,
    post,
    process,
    serving,
    signed,
    stoppable,
)


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that the test may stop; in a short folder, so that its URL stays the same when it starts again."""
    with tempfile.TemporaryDirectory(prefix="r-") as path:
        server = EmbeddedPostgres(Path(path), durable=False)
        with server:
            upgrade(server.url)
            yield server


def test_while_the_database_is_away_deliveries_are_put_off_and_afterwards_taken(own_server: EmbeddedPostgres) -> None:
    with serving(own_server.url) as receiver:
        assert post(receiver, order_event(1)) == 200
        assert receiver.get("/readyz").status_code == 200
        own_server.stop()
        away = receiver.post("/webhooks/shop", content=order_event(2), headers=signed(order_event(2)))
        assert (away.status_code, away.json()) == (503, {"error": "STORAGE_WAREHOUSE_UNAVAILABLE"})
        assert int(away.headers["retry-after"]) > 0
        assert receiver.get("/healthz").status_code == 200
        await_that(lambda: receiver.get("/readyz").status_code == 503)
        assert receiver.get("/readyz").json() == {"status": "not ready", "reason": "STORAGE_WAREHOUSE_UNAVAILABLE"}
        own_server.start()
        # The very first one: the connection from before is known to be dead and replaced.
        assert post(receiver, order_event(3)) == 200
        await_that(lambda: receiver.get("/readyz").status_code == 200)
        assert inbox(own_server.url) == ["1", "3"]


def test_a_restart_between_two_deliveries_is_not_noticed(own_server: EmbeddedPostgres) -> None:
    with serving(own_server.url) as receiver:
        assert post(receiver, order_event(1)) == 200
        own_server.stop()
        own_server.start()
        assert post(receiver, order_event(2)) == 200
        assert inbox(own_server.url) == ["1", "2"]


def test_a_receiver_starts_while_the_database_is_away(own_server: EmbeddedPostgres) -> None:
    url = own_server.url
    own_server.stop()
    with process(url) as (_, address), httpx.Client(base_url=address, timeout=30) as receiver:
        assert post(receiver, order_event(1)) == 503
        own_server.start()
        assert post(receiver, order_event(1)) == 200
    assert inbox(url, "reference, repeats") == [("1", 0)]


def test_a_database_without_migrations_is_said_to_be_so(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE ops.inbox RENAME TO elsewhere")
    with serving(database_url) as receiver:
        assert post(receiver, order_event(1)) == 503
        assert receiver.get("/readyz").json()["reason"] == "STORAGE_NOT_PREPARED"
        with psycopg.connect(database_url) as connection:
            connection.execute("ALTER TABLE ops.elsewhere RENAME TO inbox")
        assert post(receiver, order_event(1)) == 200


def test_a_blocked_table_is_answered_in_time(database_url: str) -> None:
    with serving(database_url, store_seconds=0.5) as receiver:
        with inbox_locked(database_url):
            started = time.monotonic()
            assert post(receiver, order_event(1)) == 503
            assert time.monotonic() - started < 4
        await_that(lambda: post(receiver, order_event(2)) == 200)
    assert inbox(database_url)[-1] == "2"


def test_a_server_that_hangs_is_answered_in_time_and_left(database_url: str) -> None:
    with serving(database_url, store_seconds=0.5) as receiver:
        assert post(receiver, order_event(1)) == 200
        hanging = _backend(database_url)
        os.kill(hanging, signal.SIGSTOP)
        try:
            started = time.monotonic()
            assert post(receiver, order_event(2)) == 503
            assert time.monotonic() - started < 4
            # It still hangs; the next deliveries go by another connection.
            await_that(lambda: post(receiver, order_event(3)) == 200)
        finally:
            os.kill(hanging, signal.SIGCONT)
    assert [reference for reference in inbox(database_url) if reference != "2"] == ["1", "3"]


def test_one_poisonous_delivery_takes_no_other_down(database_url: str) -> None:
    with serving(database_url, store_seconds=20) as receiver:
        bodies = [*(order_event(number) for number in range(20)), order_event(99, note="\u0000")]
        answers = _while_locked(database_url, receiver, bodies)
    assert answers == [200] * 21 + [400]
    assert sorted(map(int, inbox(database_url))) == [*range(20), 777]


def test_more_than_may_wait_is_put_off_at_once(database_url: str) -> None:
    with serving(database_url, store_seconds=20, most_waiting=3) as receiver, ThreadPoolExecutor(8) as threads:
        with inbox_locked(database_url):
            blocked = _blocked(database_url, receiver, threads)
            waiting = [threads.submit(post, receiver, order_event(n)) for n in range(3)]
            await_that(lambda: metric(receiver, "centra_receiver_queue_depth") == 3)
            refused = receiver.post("/webhooks/shop", content=order_event(9), headers=signed(order_event(9)))
            assert (refused.status_code, refused.json()) == (503, {"error": "RECEIVER_OVERLOADED"})
        assert [answer.result() for answer in (blocked, *waiting)] == [200] * 4
    assert "9" not in inbox(database_url)


def test_what_waits_is_written_in_one_transaction(database_url: str) -> None:
    with serving(database_url, store_seconds=20) as receiver:
        answers = _while_locked(database_url, receiver, [order_event(number) for number in range(10)])
    assert answers == [200] * 11
    # The one that was blocked alone, and all others together.
    assert len(set(inbox(database_url, "xmin::text"))) == 2


def test_whoever_listens_for_hints_is_woken(receiver: httpx.Client, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("LISTEN centra_inbox")
        assert post(receiver, order_event(1)) == 200
        assert [notice.channel for notice in connection.notifies(timeout=10, stop_after=1)] == ["centra_inbox"]


def test_commits_are_durable_whatever_the_database_says(receiver: httpx.Client, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        # The tests' own server is told to forget; the receiver is not.
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)
        connection.execute(
            """
            CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.error := current_setting('synchronous_commit'); RETURN NEW; END $$
            """
        )
        connection.execute("CREATE TRIGGER tell BEFORE INSERT ON ops.inbox FOR EACH ROW EXECUTE FUNCTION tell()")
    assert post(receiver, order_event(1)) == 200
    assert inbox(database_url, "error") == ["on"]


def test_a_receiver_killed_in_a_burst_has_stored_all_that_it_answered(database_url: str) -> None:
    with process(database_url) as (running, url):
        stored, unanswered = asyncio.run(_burst(url, deliveries=20_000, kill_after=300, kill=running.kill))
    assert len(stored) >= 300
    assert unanswered > 0
    assert stored <= set(map(int, inbox(database_url)))


def test_a_receiver_that_is_told_to_end_answers_what_it_has_taken(database_url: str) -> None:
    with stoppable(database_url, store_seconds=20) as (running, receiver), ThreadPoolExecutor(1) as threads:
        with inbox_locked(database_url):
            blocked = _blocked(database_url, receiver, threads)
            running.should_exit = True
            await_that(lambda: _refuses_connections(receiver))
        assert blocked.result() == 200
    assert inbox(database_url) == ["777"]


def test_the_command_ends_when_it_is_told_to(database_url: str) -> None:
    with process(database_url) as (running, url):
        assert httpx.get(f"{url}/readyz", timeout=30).status_code == 200
        running.terminate()
        assert running.wait(30) == -signal.SIGTERM


def _while_locked(database_url: str, receiver: httpx.Client, bodies: Sequence[bytes]) -> list[int]:
    """Delivers while nobody can write, so that all but a first one are written as one group; the statuses."""
    with ThreadPoolExecutor(64) as threads:
        with inbox_locked(database_url):
            answers = [_blocked(database_url, receiver, threads)]
            answers += [threads.submit(post, receiver, body) for body in bodies]
            await_that(lambda: metric(receiver, "centra_receiver_queue_depth") == len(bodies))
        return [answer.result() for answer in answers]


def _blocked(database_url: str, receiver: httpx.Client, threads: ThreadPoolExecutor) -> "Future[int]":
    """A delivery (of order 777) that the writer has in its hands and cannot write."""
    answer = threads.submit(post, receiver, order_event(777))
    await_that(lambda: _backend(database_url, "AND wait_event_type = 'Lock'"))
    return answer


def _backend(database_url: str, condition: str = "") -> int:
    """The process id of the receiver's connection, 0 when there is none."""
    query = f"""
        SELECT pid FROM pg_stat_activity
        WHERE application_name = 'centra_receiver' AND datname = current_database() {condition}
    """
    with psycopg.connect(database_url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
    return row[0] if row else 0


def _refuses_connections(receiver: httpx.Client) -> bool:
    try:
        httpx.get(receiver.base_url.join("/healthz"), timeout=5)
    except httpx.ConnectError:
        return True
    return False


async def _burst(url: str, *, deliveries: int, kill_after: int, kill: Callable[[], None]) -> tuple[set[int], int]:
    """Sends from many connections and kills in the middle; the orders that were answered 200, and how many were not."""
    stored: set[int] = set()
    unanswered = 0
    numbers = iter(range(deliveries))

    async def send(client: httpx.AsyncClient) -> None:
        nonlocal unanswered
        for number in numbers:
            body = order_event(number)
            try:
                answer = await client.post(f"{url}/webhooks/shop", content=body, headers=signed(body))
            except httpx.TransportError:
                unanswered += 1
                return
            if answer.status_code == 200:
                stored.add(number)
            if len(stored) == kill_after:
                kill()

    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(send(client) for _ in range(32)))
    return stored, unanswered
