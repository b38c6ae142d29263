"""Logs: one form for all, with the ids of the work, and nothing in them that is not to be read, whoever logs it."""

import io
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import yaml

from centra_assets import logs
from centra_assets.centra.blocking import connect
from centra_assets.centra.errors import AuthenticationError
from centra_assets.logs import JSON, Lines, hide, mark, redacted, work, working_on
from centra_assets.sandbox.serve import RunningSandbox
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.errors import WarehouseUnavailableError
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.assets.conftest import MakePlatform, make_platform
from centra_assets_tests.commands.environment import installed_at

__all__ = ["make_platform"]

MAIL, TOKEN, PASSWORD = "anna.andersson@example.com", "tok-5f2e-very-secret", "pa%40ss-w0rd"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """What hide changes for a whole process is changed for one test."""
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What a logger of somebody else's writes, tracebacks included."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("somebody.elses")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield written
    logger.removeHandler(handler)


def installed_instance() -> dg.DagsterInstance:
    """An instance that treats logs as the project's dagster.yaml says."""
    configuration = yaml.safe_load((Path(__file__).parent.parent / "dagster.yaml").read_text(encoding="utf-8"))
    return dg.DagsterInstance.ephemeral(settings={"python_logs": configuration["python_logs"]})


def made(message: str, *args: object, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("a.logger").makeRecord(
        "a.logger", logging.WARNING, "f.py", 1, message, args, None, **extra
    )


def test_a_secret_may_be_marked_while_a_line_is_redacted() -> None:
    mark(TOKEN, "another-secret")
    reading = iter(logs._marked)
    first = next(reading)
    mark("a-secret-of-another-thread")
    assert {first, *reading} == {TOKEN, "another-secret"}
    assert redacted("a-secret-of-another-thread") == logs.HIDDEN


class TestRedaction:
    @pytest.mark.parametrize(
        ("text", "hidden", "left"),
        [
            (f"Authorization: Bearer {TOKEN}", TOKEN, "Authorization"),
            (f"sent with bearer {TOKEN}.", TOKEN, "sent with bearer"),
            (f"postgresql://app:{PASSWORD}@db.internal:5432/shop is away", PASSWORD, "db.internal:5432/shop is away"),
            ("postgresql://app:se@cr:et@db/shop", "cr:et", "db/shop"),
            (f"https://shop.example/hook?token={TOKEN}&page=2", TOKEN, "page=2"),
            ("https://shop.example/hook?api_key=abcdefg&x=1", "abcdefg", "x=1"),
            (f"host=db password='{PASSWORD} x' user=app", f"{PASSWORD} x", "user=app"),
            ('{"api_token": "abc123", "page": 2}', "abc123", '"page": 2'),
            ("CENTRA_WEBHOOK_SECRET=whsec_1234", "whsec_1234", "CENTRA_WEBHOOK_SECRET"),
            (f"x-centra-signature: t=1718,v1={'ab' * 32}", "ab" * 32, "x-centra-signature"),
            ("https://hooks.slack.com/services/T0/B0/XyZ123 answered 404", "XyZ123", "answered 404"),
            (f"customer {MAIL} asked", "anna", "customer [e-mail] asked"),
            ("customer anna%40example.com asked", "anna", "asked"),
            ("kund åsa.öberg@exempel.se frågade", "åsa", "kund [e-mail] frågade"),
            ('{"email": "anna\\u0040example.com"}', "anna", '"email"'),
            ("seen by o'brien@example.com today", "brien", "seen by"),
            ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7", "wJalr", "AWS_SECRET_ACCESS_KEY="),
            ("aws_secret_access_key: wJalrXUtnFEMI/K7", "wJalr", "aws_secret_access_key"),
            ("secret_key=abcdefgh private_key=ijklmnop", "efgh", "secret_key"),
            ("secret_key=abcdefgh private_key=ijklmnop", "mnop", "private_key"),
            ('tokens=["first-one", "second-one"] page=2', "second-one", "page=2"),
            ("refreshToken: abcdefgh, page: 2", "abcdefgh", "page: 2"),
            ("passphrase=abcdefgh", "abcdefgh", "passphrase"),
            ('password="a\\"b rest" user=app', "rest", "user=app"),
            ("Cookie: session=abcdefgh; id=ijklmnop", "mnop", "Cookie"),
            ("https://hooks.slack.com/triggers/T0/B0/XyZ123 answered 404", "XyZ123", "answered 404"),
        ],
    )
    def test_secrets_and_addresses_go_and_the_rest_stays(self, text: str, hidden: str, left: str) -> None:
        assert hidden not in redacted(text)
        assert left in redacted(text)

    @pytest.mark.parametrize(
        "text",
        [
            "orders by updated: 12 records read, 3 new in raw, 4 requests, 800 points, 1.2 s",
            "raw/orders: 500 records in 31 partitions for 12 requests and 54000 complexity points.",
            "CENTRA_AUTHENTICATION: Centra answered HTTP 403: the token is invalid or has expired.",
            "CENTRA_API_TOKEN, CENTRA_DATABASE_URL not set.",
            "token_expires_at: 2027-01-31, tokens_count=2, secret_env: CENTRA_PAGER_SECRET",
            "listening on http://127.0.0.1:8801/webhooks/shop?page=2",
            "2026-01-02T03:04:05+01:00 core/order_lines 2026-01-02 3f21aa77",
        ],
    )
    def test_what_is_neither_is_left_as_it_is(self, text: str) -> None:
        assert redacted(text) == text

    def test_what_was_marked_goes_wherever_it_stands(self) -> None:
        mark("marked-value", "tiny")
        assert redacted("xmarked-valuey tiny") == "x[hidden]y tiny"

    @pytest.mark.parametrize("part", ["a", "aB3-", "a.b'c", "token ", "a+b%40", "[[", "'\"", "a://b", "cookie: "])
    def test_a_long_line_takes_no_longer_than_its_length(self, part: str) -> None:
        def seconds(length: int) -> float:
            begun = time.process_time()
            redacted(part * (length // len(part)))
            return time.process_time() - begun

        # Twenty times the length would be four hundred times the time if any rule began at every letter.
        assert seconds(200_000) < 100 * max(seconds(10_000), 0.001)

    def test_of_two_that_begin_alike_nothing_is_left(self) -> None:
        mark(*(f"marked-{'x' * length}" for length in range(1, 20)))
        assert redacted(f"marked-{'x' * 19}.") == "[hidden]."


class TestRecords:
    def test_every_handler_gets_the_record_without_them(self, stream: io.StringIO) -> None:
        hide()
        logger = logging.getLogger("somebody.elses")
        logger.info("mail to %s", MAIL)
        logger.warning(f"token={TOKEN}")
        try:
            raise ValueError(f"no such customer: {MAIL}")
        except ValueError:
            logger.exception("it failed")
        logger.error("%s and %s", MAIL)
        told = stream.getvalue()
        assert told.count("[e-mail]") == 2
        assert "ValueError: no such customer: [e-mail]" in told
        assert "its arguments do not fit" in told
        assert MAIL not in told
        assert TOKEN not in told

    def test_an_innocent_record_keeps_message_arguments_and_exception(self) -> None:
        hide()
        record = made("%d rows", 3)
        assert (record.msg, record.args) == ("%d rows", (3,))
        try:
            raise ValueError("plain")
        except ValueError:
            kept = logging.getLogger("x").makeRecord("x", 40, "f", 1, "failed", (), sys.exc_info())
        assert kept.exc_info is not None

    def test_hiding_twice_is_hiding_once(self) -> None:
        hide()
        once = logging.getLogRecordFactory()
        hide()
        assert logging.getLogRecordFactory() is once


class TestLines:
    def test_json_has_ids_fields_and_where_an_exception_came_from(self) -> None:
        hide()
        with working_on(entity="orders", partition="2025-03-01", request="7f3a", run=""):
            try:
                raise KeyError(MAIL)
            except KeyError:
                record = logging.getLogger("x").makeRecord("x", 40, "f", 1, "failed", (), sys.exc_info())
        record.fields = {"count": 3, "url": "http://u:secret@host/", "to": [MAIL]}
        line = Lines(JSON).format(record)
        told = json.loads(line)
        assert (told["level"], told["event"], told["logger"]) == ("error", "failed", "x")
        assert (told["entity"], told["partition"], told["request"]) == ("orders", "2025-03-01", "7f3a")
        assert (told["exception"], told["place"].split(":")[0]) == ("KeyError", "test_logs.py")
        assert told["count"] == 3
        assert "run" not in told
        assert MAIL not in line
        assert "secret" not in line
        assert "\n" not in line

    def test_a_line_for_people_says_the_same(self) -> None:
        hide()
        with working_on(entity="orders"):
            record = made("two\nlines of %s", MAIL)
        told = Lines().format(record)
        assert "WARNING a.logger: two" in told
        assert "[entity=orders]" in told
        assert MAIL not in told

    def test_a_record_made_before_hiding_is_clean_as_well(self) -> None:
        assert MAIL not in Lines(JSON).format(made("mail to %s", MAIL))

    def test_ids_are_of_the_block_and_of_its_thread(self) -> None:
        seen: list[dict[str, str]] = []
        with working_on(entity="orders"):
            with working_on(partition="p"):
                assert work() == {"entity": "orders", "partition": "p"}
            other = threading.Thread(target=lambda: seen.append(dict(work())))
            other.start()
            other.join()
            assert work() == {"entity": "orders"}
        assert work() == {}
        assert seen == [{}]

    @pytest.mark.parametrize(("value", "is_json"), [("json", True), (" JSON ", True), ("text", False), (None, False)])
    def test_the_environment_chooses_the_form(
        self, monkeypatch: pytest.MonkeyPatch, value: str | None, is_json: bool
    ) -> None:
        installed_at(monkeypatch, **({} if value is None else {"log_format": value}))
        written = io.StringIO()
        handler = logs.handler(written)
        handler.handle(made("hello"))
        assert written.getvalue().startswith("{") == is_json
        assert (Settings.load().log_format == "json") == is_json

    @pytest.mark.parametrize(("value", "lines"), [("json", 1), ("text", 0)])
    def test_a_runs_json_is_written_where_it_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], value: str, lines: int
    ) -> None:
        monkeypatch.setenv(logs.FORMAT_VARIABLE, value)
        logs.RunLines().handle(made("hello"))
        assert len(capfd.readouterr().err.splitlines()) == lines

    def test_another_form_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        installed_at(monkeypatch, log_format="xml")
        with pytest.raises(SettingsError, match="CENTRA_LOG_FORMAT"):
            Settings.load()


class TestProvokedFailures:
    """Whatever goes wrong, neither a record nor an event holds what must not be seen."""

    def test_a_refused_token_is_in_no_record(self, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture) -> None:
        hide()
        caplog.set_level(logging.DEBUG)
        with connect(url=sandbox.url, token=TOKEN) as client, pytest.raises(AuthenticationError) as refused:
            client.execute("{ stores { id } }")
        logging.getLogger("somebody.elses").warning("the client was made with %s", TOKEN)
        assert "[hidden]" in caplog.text
        assert TOKEN not in caplog.text + str(refused.value)

    def test_a_databases_password_is_in_no_record(self, caplog: pytest.LogCaptureFixture) -> None:
        hide()
        caplog.set_level(logging.DEBUG)
        url = f"postgresql://app:{PASSWORD}@127.0.0.1:1/shop"
        with pytest.raises(WarehouseUnavailableError) as refused:
            Warehouse(url).query("SELECT 1")
        try:
            psycopg.connect(url)
        except psycopg.OperationalError:
            logging.getLogger("somebody.elses").exception("no connection with %s", url)
        assert "no connection with" in caplog.text
        assert "127.0.0.1:1/shop" in caplog.text
        assert PASSWORD not in caplog.text + str(refused.value)

    def test_a_run_tells_nobody_a_token_or_an_address(
        self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide()
        monkeypatch.setenv(logs.FORMAT_VARIABLE, "json")

        @dg.op
        def careless(context: dg.OpExecutionContext) -> None:
            context.log.warning(f"fetched as Bearer {TOKEN} for {MAIL}")
            logging.getLogger("centra_assets.somewhere").warning("payload %s", {"email": MAIL})

        @dg.job(executor_def=dg.in_process_executor)
        def job() -> None:
            careless()

        with installed_instance() as instance:
            result = job.execute_in_process(instance=instance)
            stored = [str(entry) for entry in instance.all_logs(result.run_id)]
        shown = capfd.readouterr().err
        assert any("fetched as Bearer [hidden] for [e-mail]" in line for line in stored)
        assert any("payload" in line and "[e-mail]" in line for line in stored)
        for told in (*stored, shown):
            assert TOKEN not in told
            assert MAIL not in told
        lines = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
        (fetched,) = [line for line in lines if line["event"].startswith("fetched as")]
        assert (fetched["run"], fetched["job"], fetched["step"]) == (result.run_id, "job", "careless")

    def test_a_run_with_a_dead_token_names_its_entity_and_not_the_token(
        self, make_platform: MakePlatform, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide()
        monkeypatch.setenv(logs.FORMAT_VARIABLE, "json")
        platform = make_platform(("stores",), token=TOKEN)
        platform.instance = installed_instance()
        job = platform.definitions.resolve_job_def("refresh_reference")
        result = job.execute_in_process(instance=platform.instance, raise_on_error=False)
        assert not result.success
        shown = capfd.readouterr().err
        told = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
        failed = [line for line in told if line.get("happened") == "STEP_FAILURE"]
        assert {line["step"] for line in failed} == {"raw__stores"}
        events = "".join(str(entry) for entry in platform.instance.all_logs(result.run_id))
        assert "CENTRA_AUTHENTICATION" in events
        assert TOKEN not in events + shown


def test_dagster_hides_from_the_moment_it_loads_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed_at(monkeypatch)
    monkeypatch.chdir(tmp_path)
    from centra_assets.definitions import definitions

    definitions()
    assert MAIL not in str(made("mail to %s", MAIL).getMessage())
