"""Messages over real SMTP and real HTTP: what arrives, what is a refusal, what passes, and what never leaves."""

import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from centra_assets.alerts import outbox
from centra_assets.alerts.channels import mail, send, web
from centra_assets.alerts.delivery import pause_after
from centra_assets.alerts.errors import (
    AlertChannelRefusedError,
    AlertChannelUnavailableError,
    AlertError,
    AlertSecretMissingError,
)
from centra_assets.alerts.model import Event, Kind
from centra_assets.alerts.settings import CHANNEL_TYPES, Channel
from centra_assets_tests.alerts.conditions import WORDING, condition, message
from centra_assets_tests.alerts.endpoint import Endpoint
from centra_assets_tests.alerts.mailbox import CERTIFICATE, Mailbox, free_port, text_of


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as made:
        yield made


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as made:
        yield made


def channel(**told: Any) -> Channel:
    made: Channel = CHANNEL_TYPES[told["type"]](**told)
    return made


def http(endpoint: Endpoint, **others: Any) -> Channel:
    return channel(type="http", url=endpoint.url, **others)


@contextmanager
def dribbling(word: bytes, greeting: bytes = b"") -> Iterator[int]:
    """The port of a server that says a word again and again, never so slowly that a single read would be given up."""
    over = threading.Event()

    def dribble() -> None:
        with suppress(OSError), listening.accept()[0] as caller:
            caller.sendall(greeting)
            while not over.wait(0.05):
                caller.sendall(word)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=dribble)
        server.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            server.join(30)


@contextmanager
def drawn_out() -> Iterator[None]:
    """Half a second and no more than a busy machine may add."""
    begun = time.monotonic()
    with pytest.raises(AlertChannelUnavailableError):
        yield
    assert 0.5 < time.monotonic() - begun < 20


class TestMail:
    def test_a_mail_has_text_and_html_and_says_from_whom_to_whom(self, mailbox: Mailbox) -> None:
        to = ["one@shop.example", "two@shop.example"]
        about = condition(title="Orders <b>wrong</b>", text="Fewer than 5 & more.\nMend them.")
        assert send(channel(**mailbox.settings(to=to)), message(Event.OPENED, about), WORDING) == "250"
        (mail,) = mailbox.mails
        assert mailbox.recipients == [to]
        assert mail["Subject"] == "[error] Orders <b>wrong</b>"
        assert (mail["From"], mail["To"]) == ("alerts@shop.example", ", ".join(to))
        assert "Fewer than 5 & more." in text_of(mail)
        assert "Orders &lt;b&gt;wrong&lt;/b&gt;" in text_of(mail, "html")
        link = "https://dagster.shop.example/assets/core/orders"
        assert f'<a href="{link}">{link}</a>' in text_of(mail, "html")

    def test_the_same_message_has_the_same_id_whenever_it_is_sent(self, mailbox: Mailbox) -> None:
        for number in ("m-1", "m-1", "m-2"):
            send(channel(**mailbox.settings()), message(number=number), WORDING)
        first, again, other = (mail["Message-ID"] for mail in mailbox.mails)
        assert first == again != other

    def test_a_title_of_several_lines_adds_no_header(self, mailbox: Mailbox) -> None:
        sly = condition(title="Orders\r\nBcc: somebody@else.example\n\nHello")
        send(channel(**mailbox.settings()), message(Event.OPENED, sly), WORDING)
        (mail,) = mailbox.mails
        assert mail["Bcc"] is None
        assert mailbox.recipients == [["operator@shop.example"]]

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    def test_a_password_is_read_from_the_environment_and_sent_encrypted(
        self, security: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        monkeypatch.setenv("MAIL_USER", "alerts")
        monkeypatch.setenv("MAIL_PASSWORD", "right")
        with Mailbox(password="right", security=security) as mailbox:
            login = {"user_env": "MAIL_USER", "password_env": "MAIL_PASSWORD"}
            send(channel(**mailbox.settings(**login)), message(), WORDING)
            monkeypatch.setenv("MAIL_PASSWORD", "wrong-secret")
            with pytest.raises(AlertChannelRefusedError, match="535") as caught:
                send(channel(**mailbox.settings(**login)), message(), WORDING)
        assert len(mailbox.mails) == 1
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    def test_a_server_that_cannot_prove_who_it_is_gets_nothing(self, security: str) -> None:
        untrusted = pytest.raises(AlertChannelRefusedError, match="certificate is not trusted")
        with Mailbox(security=security) as mailbox, untrusted:
            send(channel(**mailbox.settings()), message(), WORDING)
        assert mailbox.mails == []

    def test_nothing_is_sent_in_the_clear_where_encryption_was_asked_for(self, mailbox: Mailbox) -> None:
        with pytest.raises(AlertChannelRefusedError, match="does not offer"):
            send(channel(**mailbox.settings(security="starttls")), message(), WORDING)
        assert mailbox.mails == []

    @pytest.mark.parametrize(
        ("answer", "wrong"),
        [("451 try later", AlertChannelUnavailableError), ("554 spam from x@y.example", AlertChannelRefusedError)],
    )
    def test_what_passes_is_told_from_what_does_not(
        self, mailbox: Mailbox, answer: str, wrong: type[AlertError]
    ) -> None:
        mailbox.refusals = [answer]
        with pytest.raises(wrong, match=answer[:3]) as caught:
            send(channel(**mailbox.settings()), message(), WORDING)
        assert answer[4:] not in str(caught.value)

    def test_one_refused_recipient_does_not_double_the_mail_for_the_others(self, mailbox: Mailbox) -> None:
        mailbox.refused_recipients = frozenset({"gone@shop.example"})
        both = channel(**mailbox.settings(to=["gone@shop.example", "here@shop.example"]))
        assert send(both, message(), WORDING) == "250, 1 of 2 recipients refused"
        assert mailbox.recipients == [["here@shop.example"]]

    def test_recipients_that_are_all_refused_are_an_error_without_their_addresses(self, mailbox: Mailbox) -> None:
        mailbox.refused_recipients = frozenset({"gone@shop.example"})
        with pytest.raises(AlertChannelRefusedError, match="550") as caught:
            send(channel(**mailbox.settings(to="gone@shop.example")), message(), WORDING)
        assert "gone@" not in str(caught.value)

    def test_a_server_that_draws_out_its_words_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("centra_assets.alerts.channels.mail._STEPS", 0.5)
        with dribbling(b"2") as port, drawn_out():
            send(channel(**Mailbox(port=port).settings(timeout_seconds=1)), message(), WORDING)

    def test_a_server_that_is_not_there_may_come_back(self) -> None:
        with pytest.raises(AlertChannelUnavailableError, match="ConnectionRefusedError"):
            send(channel(**Mailbox(port=free_port()).settings()), message(), WORDING)


class TestHttp:
    def test_the_document_is_what_the_documentation_says(self, endpoint: Endpoint) -> None:
        assert send(http(endpoint), message(), WORDING) == "200"
        (call,) = endpoint.calls
        assert call.headers["Idempotency-Key"] == call.document["id"] == "m-1"
        assert set(call.document) == {"version", "id", "event", "severity", "subject", "alerts"}
        (alert,) = call.document["alerts"]
        assert set(alert) == {
            *("key", "kind", "severity", "owner", "subject", "title", "text", "link", "count", "event", "since", "at")
        }
        assert alert["link"] == "https://dagster.shop.example/assets/core/orders"

    def test_a_signature_proves_body_and_moment(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PAGER_SECRET", "s3cret")
        send(http(endpoint, secret_env="PAGER_SECRET"), message(), WORDING)
        (call,) = endpoint.calls
        signed = dict(part.split("=") for part in call.headers["X-Centra-Assets-Signature"].split(","))
        expected = hmac.new(b"s3cret", f"{signed['t']}.".encode() + call.body, hashlib.sha256).hexdigest()
        assert signed["v1"] == expected

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    def test_what_passes_is_tried_again(self, endpoint: Endpoint, status: int) -> None:
        endpoint.answers = [(status, {}, b"")]
        with pytest.raises(AlertChannelUnavailableError, match=str(status)):
            send(http(endpoint), message(), WORDING)

    @pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
    def test_what_somebody_must_mend_is_a_refusal(self, endpoint: Endpoint, status: int) -> None:
        endpoint.answers = [(status, {"Location": "/elsewhere"}, b"")]
        with pytest.raises(AlertChannelRefusedError, match=str(status)):
            send(http(endpoint), message(), WORDING)
        assert len(endpoint.calls) == 1

    def test_a_channel_that_asks_for_time_gets_it(self, endpoint: Endpoint) -> None:
        endpoint.answers = [(429, {"Retry-After": "90"}, b"")]
        with pytest.raises(AlertChannelUnavailableError) as caught:
            send(http(endpoint), message(), WORDING)
        assert pause_after(caught.value, attempts=1) == timedelta(seconds=90)

    def test_an_endpoint_that_is_not_there_may_come_back(self) -> None:
        with pytest.raises(AlertChannelUnavailableError, match="ConnectError"):
            send(channel(type="http", url=f"http://127.0.0.1:{free_port()}/x"), message(), WORDING)

    @pytest.mark.parametrize(("greeting", "word"), [(b"", b"H"), (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")])
    def test_an_answer_that_is_drawn_out_is_cut_off(
        self, greeting: bytes, word: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("centra_assets.alerts.channels.web._STEPS", 0.5)
        with dribbling(word, greeting) as port, drawn_out():
            send(channel(type="http", url=f"http://127.0.0.1:{port}/x", timeout_seconds=1), message(), WORDING)


@pytest.mark.parametrize("kind", sorted(CHANNEL_TYPES))
def test_no_message_takes_as_long_as_its_lease(kind: str) -> None:
    longest = next(
        limit.le for limit in CHANNEL_TYPES[kind].model_fields["timeout_seconds"].metadata if hasattr(limit, "le")
    )
    assert timedelta(seconds=max(mail._STEPS, web._STEPS) * longest) < outbox.LEASE


class TestSlack:
    @pytest.fixture
    def slack(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Channel:
        monkeypatch.setenv("SLACK_URL", endpoint.url)
        return channel(type="slack", url_env="SLACK_URL")

    def test_blocks_are_within_slacks_limits_and_mention_nobody(self, endpoint: Endpoint, slack: Channel) -> None:
        sly = condition(title="<!channel> " + "t" * 400, text="<!here> & <https://evil.example|click>" + "x" * 9000)
        send(slack, message(Event.OPENED, sly), WORDING)
        body = endpoint.calls[0].document
        header, *sections = body["blocks"]
        assert header["type"] == "header"
        assert len(header["text"]["text"]) <= 150
        texts = [block["text"]["text"] for block in sections if block["type"] == "section"]
        assert all(len(text) <= 3000 for text in texts)
        assert "&lt;!here&gt; &amp;" in texts[0]
        assert "<!" not in json.dumps([body["text"], *sections])
        assert "<https://dagster.shop.example/assets/core/orders|Open in Dagster>" in texts

    def test_slacks_own_word_for_a_refusal_is_told(self, endpoint: Endpoint, slack: Channel) -> None:
        endpoint.answers = [(404, {}, b"no_service"), (403, {}, b"<html>not a word</html>")]
        with pytest.raises(AlertChannelRefusedError, match=r"404 \(no_service\)"):
            send(slack, message(), WORDING)
        with pytest.raises(AlertChannelRefusedError, match=r"403\."):
            send(slack, message(), WORDING)

    def test_the_url_is_in_no_log_and_no_error(
        self, endpoint: Endpoint, slack: Channel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            send(slack, message(), WORDING)
            endpoint.answers = [(500, {}, b"")]
            with pytest.raises(AlertError) as answered:
                send(slack, message(), WORDING)
            monkeypatch.setenv("SLACK_URL", f"http://127.0.0.1:{free_port()}/alerts/secret-path")
            with pytest.raises(AlertError) as refused:
                send(slack, message(), WORDING)
        assert len(endpoint.calls) == 2
        for text in (caplog.text, str(answered.value), str(refused.value)):
            assert "secret-path" not in text


@pytest.mark.parametrize("value", [None, "", "  ", "not a url", "ftp://shop.example/x", "https://shop.example/a b"])
def test_a_secret_that_is_missing_or_no_url_is_named_by_its_variable_alone(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLACK_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("SLACK_URL", value)
    with pytest.raises(AlertSecretMissingError, match="SLACK_URL") as caught:
        send(channel(type="slack", url_env="SLACK_URL"), message(), WORDING)
    assert "shop.example" not in str(caught.value)


@pytest.mark.parametrize("kind", ["hints", "quarantine"])
def test_an_end_that_leaves_something_aside_does_not_say_that_nothing_is_left(kind: str) -> None:
    over = message(Event.RECOVERED, condition(kind=Kind(kind), subject="orders"))
    for told in (WORDING.plain(over), WORDING.slack(over).decode()):
        assert "Over at" in told
        assert "Nothing is left" not in told


def test_pauses_grow_to_ten_minutes_and_a_refusal_waits_for_somebody() -> None:
    away = AlertChannelUnavailableError("away.")
    pauses = [pause_after(away, attempts).total_seconds() for attempts in range(1, 12)]
    assert pauses[0] < 20
    assert pauses[3] > 3 * pauses[0]
    assert max(pauses) <= 660
    assert pause_after(AlertChannelRefusedError("no."), 1) == timedelta(minutes=15)
