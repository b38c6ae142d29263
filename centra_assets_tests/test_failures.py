"""Failures told apart: every kind of exception is transient or permanent, and none of them gives a value away."""

import errno
import http.client
import socket
import ssl
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy.exc
from psycopg import errors

from centra_assets.centra.errors import AuthenticationError, ServerError
from centra_assets.failures import InternalError, UnnamedOutageError, code_of, is_transient, places, translated
from centra_assets.rhythm import duration
from centra_assets.storage.errors import CollapseError
from centra_assets.storage.failures import translated as in_storage

REQUEST = httpx.Request("POST", "https://brand.example/graphql")
SECRET = "Åsa Öberg, asa@example.com"


def named_as(name: str, *bases: type[Exception], **attributes: Any) -> Exception:
    """An error as a library that is not installed here would raise it."""
    module, _, kind = name.rpartition(".")
    made = type(kind, bases or (Exception,), {"__module__": module})(SECRET)
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


def from_a_bucket(status: int) -> Exception:
    answer = {"Error": {"Code": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return named_as("botocore.exceptions.ClientError", response=answer)


_AIOHTTP = "aiohttp.client_exceptions"


def answered(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=REQUEST, response=httpx.Response(status, request=REQUEST))


PASSING: list[BaseException] = [
    ServerError("The instance is out of order."),
    psycopg.OperationalError("the connection is closed"),
    psycopg.InterfaceError("the connection is lost"),
    errors.DeadlockDetected(),
    errors.SerializationFailure(),
    errors.AdminShutdown(),
    errors.CannotConnectNow(),
    errors.TooManyConnections(),
    errors.LockNotAvailable(),
    errors.QueryCanceled(),
    httpx.ConnectError("no route"),
    httpx.ReadTimeout("late"),
    httpx.RemoteProtocolError("cut"),
    answered(503),
    answered(429),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    ConnectionResetError("Connection lost"),
    BrokenPipeError(),
    http.client.RemoteDisconnected("closed"),
    ssl.SSLEOFError(8, "the end came too soon"),
    named_as(f"{_AIOHTTP}.ClientConnectionResetError", ConnectionResetError),
    type("ClientOSError", (type(named_as(f"{_AIOHTTP}.ClientConnectionError")), OSError), {})("cut"),
    named_as(f"{_AIOHTTP}.ClientPayloadError"),
    from_a_bucket(503),
    TimeoutError(),
    socket.gaierror(socket.EAI_AGAIN, "no name yet"),
    OSError(errno.EMFILE, "too many files"),
    sqlalchemy.exc.OperationalError("select", {}, Exception("gone")),
    KeyboardInterrupt(),
    ExceptionGroup("both", [TimeoutError(), httpx.ConnectError("no")]),
]
LASTING: list[BaseException] = [
    AuthenticationError("no"),
    CollapseError("Too much would go."),
    errors.UniqueViolation(),
    errors.UndefinedTable(),
    errors.InsufficientPrivilege(),
    errors.InvalidPassword(),
    errors.DiskFull(),
    errors.ProgramLimitExceeded(),
    errors.ConfigurationLimitExceeded(),
    httpx.UnsupportedProtocol("ftp"),
    answered(400),
    answered(404),
    from_a_bucket(403),
    ssl.SSLCertVerificationError(1, "who is that"),
    type("WrongHost", (type(named_as(f"{_AIOHTTP}.ClientConnectorCertificateError")), ConnectionError), {})("who"),
    OSError("no number"),
    OSError(errno.ENOSPC, "no space"),
    OSError(errno.EROFS, "read only"),
    PermissionError(errno.EACCES, "no"),
    FileNotFoundError(errno.ENOENT, "none"),
    MemoryError(),
    RecursionError(),
    KeyError(SECRET),
    ValueError(SECRET),
    sqlalchemy.exc.ProgrammingError("select", {}, Exception("no")),
    ExceptionGroup("both", [TimeoutError(), KeyError(SECRET)]),
]


def named(error: BaseException) -> str:
    return f"{type(error).__name__} {getattr(error, 'errno', '') or getattr(error, 'sqlstate', '') or ''}".strip()


@pytest.mark.parametrize("error", PASSING, ids=named)
def test_what_may_go_well_the_next_time_is_transient(error: BaseException) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", LASTING, ids=named)
def test_what_will_fail_again_is_permanent(error: BaseException) -> None:
    assert not is_transient(error)


def test_no_error_is_no_reason_to_try_again() -> None:
    assert not is_transient(None)


def test_an_error_of_ours_keeps_its_code_and_its_words() -> None:
    error = CollapseError("Too much would go.")
    assert translated(error) is error
    assert code_of(error) == "STORAGE_COLLAPSE"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [(KeyError(SECRET), InternalError, "INTERNAL_ERROR"), (TimeoutError(SECRET), UnnamedOutageError, "UNNAMED_OUTAGE")],
)
def test_an_error_that_is_not_ours_is_told_by_its_type_without_its_words(
    error: Exception, kind: type[Exception], code: str
) -> None:
    known = translated(error)
    assert type(known) is kind
    assert known.code == code_of(error) == code
    assert type(error).__name__ in str(known)
    assert "Åsa" not in str(known) and "example.com" not in str(known)
    assert known.transient == is_transient(error)


def test_the_place_is_the_innermost_of_our_own_lines() -> None:
    with pytest.raises(ValueError, match="Åsa") as caught:
        duration(SECRET)
    first, *outer = places(caught.value)
    module, rest = first.split(":")
    assert module == "centra_assets.rhythm"
    assert int(rest.split()[0]) > 1
    assert rest.endswith("in duration")
    assert outer == []
    assert first in str(translated(caught.value))
    assert "Åsa" not in str(translated(caught.value))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DiskFull(), "STORAGE_WAREHOUSE_REFUSED"),
        (errors.DeadlockDetected(), "STORAGE_WAREHOUSE_UNAVAILABLE"),
        (psycopg.OperationalError("the connection is closed"), "STORAGE_WAREHOUSE_UNAVAILABLE"),
        (errors.InsufficientPrivilege(), "STORAGE_WAREHOUSE_REFUSED"),
    ],
    ids=named,
)
def test_the_warehouse_judges_the_database_by_the_same_rule(error: psycopg.Error, code: str) -> None:
    with pytest.raises(Exception) as caught, in_storage():
        raise error
    assert code_of(caught.value) == code
    assert is_transient(caught.value) == is_transient(error)
