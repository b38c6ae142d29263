"""The trail: what is written stands, and nobody changes or removes it."""

import psycopg
import pytest

from centra_assets.storage.audit import AuditEntry, local_actor, write

ENTRY = AuditEntry(kind="load", subject="core/orders", actor="sensor:inbox", outcome="done", counts={"updated": 3})


def test_an_entry_stands_if_what_it_tells_of_stands(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        with connection.cursor() as cursor:
            write(cursor, [ENTRY])
        connection.rollback()
        with connection.cursor() as cursor:
            write(cursor, [ENTRY, ENTRY])
        connection.commit()
        rows = connection.execute("SELECT kind, subject, actor, outcome, counts->>'updated' FROM ops.audit").fetchall()
    assert rows == [("load", "core/orders", "sensor:inbox", "done", "3")] * 2


@pytest.mark.parametrize(
    "statement", ["UPDATE ops.audit SET actor = 'x'", "DELETE FROM ops.audit", "TRUNCATE ops.audit"]
)
def test_the_database_refuses_to_change_or_remove_an_entry(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url) as connection:
        with connection.cursor() as cursor:
            write(cursor, [ENTRY])
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only added to"):
            connection.execute(statement)
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM ops.audit").fetchone() == (1,)


def test_a_command_says_who_asked() -> None:
    assert local_actor("forget").startswith("command:forget")
