"""A real mail server on loopback that keeps what it is given. It judges nothing: the tests do."""

import email
import email.policy
import socket
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# A certificate for 127.0.0.1 with its key, of these tests alone; nobody trusts it who is not told to.
CERTIFICATE = Path(__file__).parent / "loopback.pem"


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Mailbox:
    """Keeps every mail; answers with `refusals` one after the other before it takes any.

    With a password it wants a login. `security` as a channel has it: unencrypted, STARTTLS demanded, TLS at once.
    """

    password: str | None = None
    security: str = "none"
    refusals: list[str] = field(default_factory=list)
    refused_recipients: frozenset[str] = frozenset()
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused_recipients:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(email.message_from_bytes(content, EmailMessage, policy=email.policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"

    def _judge(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and data.password == (self.password or "").encode()
        return AuthResult(success=is_right, handled=False) if not is_right else AuthResult(success=True)

    def __enter__(self) -> Self:
        options: dict[str, Any] = {}
        if self.security != "none":
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(CERTIFICATE)
            options |= {"starttls": {"tls_context": tls, "require_starttls": True}, "tls": {"ssl_context": tls}}[
                self.security
            ]
        if self.password is not None:
            # It does not see that TLS was there from the beginning.
            is_starttls = self.security == "starttls"
            options |= {"authenticator": self._judge, "auth_required": True, "auth_require_tls": is_starttls}
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=60, **options)
        self._controller.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._controller.stop()

    @property
    def subjects(self) -> list[str]:
        """The subjects of the mails, in the order in which they came."""
        return [str(mail["Subject"]) for mail in self.mails]

    def settings(self, **others: Any) -> dict[str, Any]:
        """The channel that leads here."""
        here = {"type": "email", "host": "127.0.0.1", "port": self.port, "security": self.security}
        return {**here, "from": "alerts@shop.example", "to": ["operator@shop.example"], **others}


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """What a mail says."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
