"""Tells whether PostgreSQL lets nobody in with what it was given: name, password or database. Connects to nothing.

A connection that never came to be has no SQLSTATE: libpq keeps only the server's sentence, in the server's language.
So what counts is whom it names. A server that starts, stops or is full speaks of itself; one that knows no such
database or user, or not this password, quotes it in whatever language.
"""

import psycopg

# What libpq, which speaks English here, writes before what the server said.
_SERVER_SAID = " failed: "
_QUOTES = "\"'`‘’‚“”„«»‹›「『"  # noqa: RUF001 - as servers of many languages quote
# Quotes a user or a database as well, and passes: their own limit of connections is used up.
_FULL = "too many connections"
# What libpq says by itself, and poolers, which quote nothing.
_UNQUOTED = ("no password supplied", "authentication failed", "no such database", "no such user")


def login_refused(error: BaseException | None) -> bool:
    """Whether a connection failed because of its user, its password or its database, and will fail so again."""
    if not isinstance(error, psycopg.OperationalError) or error.sqlstate is not None or error.pgconn is None:
        return False
    connection = error.pgconn
    if connection.status != psycopg.pq.ConnStatus.BAD:
        return False
    said = _text(connection.error_message).rpartition(_SERVER_SAID)[2]
    if _FULL in said.lower():
        return False
    named = (_text(name) for name in (connection.db, connection.user))
    return any(name and _quotes(said, name) for name in named) or any(each in said.lower() for each in _UNQUOTED)


def _quotes(said: str, name: str) -> bool:
    # French leaves a space beside its quotes.
    return any(f"{quote}{name}" in said or f"{quote} {name} " in said for quote in _QUOTES)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
