"""E-mail over SMTP. How a message is worded is in wording."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from centra_assets.alerts.channels.secrets import secret, setting
from centra_assets.alerts.errors import AlertChannelRefusedError, AlertChannelUnavailableError
from centra_assets.alerts.model import Message
from centra_assets.alerts.settings import EmailChannel
from centra_assets.alerts.wording import Wording

if TYPE_CHECKING:
    import smtplib

# A folded subject begins with a space in some programs; 998 is what a line may have.
_POLICY = SMTP.clone(max_line_length=300)
# Every step of the conversation may take the channel's timeout; all of them together no more than this many.
_STEPS = 2


def send_mail(channel: EmailChannel, message: Message, wording: Wording) -> str:
    """Sends one mail to all recipients; returns the server's code. The same message has the same Message-ID."""
    import smtplib

    try:
        with _connected(channel) as server:
            refused = server.send_message(_mail(channel, message, wording))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _judged(f"refused every recipient ({max(codes, default=0)})", max(codes, default=0)) from None
    except smtplib.SMTPResponseException as error:
        # What the server says may quote an address.
        raise _judged(f"answered {error.smtp_code} ({type(error).__name__})", error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        raise AlertChannelRefusedError("The mail server does not offer what the channel's settings ask for.") from None
    except ssl.SSLCertVerificationError:
        raise AlertChannelRefusedError("The mail server's certificate is not trusted.") from None
    except (smtplib.SMTPException, OSError) as error:
        raise AlertChannelUnavailableError(f"{type(error).__name__} while talking to the mail server.") from None
    # Some were served: sending it again would double it for those.
    return f"250, {len(refused)} of {len(channel.to)} recipients refused" if refused else "250"


def _judged(what: str, code: int) -> AlertChannelRefusedError | AlertChannelUnavailableError:
    """Codes from 500 on are for good."""
    wrong = AlertChannelRefusedError if code >= 500 else AlertChannelUnavailableError
    return wrong(f"The mail server {what}.")


@contextmanager
def _connected(channel: EmailChannel) -> "Iterator[smtplib.SMTP]":
    """A session that is encrypted and logged in as the settings say; it never falls back to anything less."""
    import smtplib

    user = setting(channel.user_env) if channel.user_env else None
    password = secret(channel.password_env) if channel.password_env else None
    timeout = channel.timeout_seconds
    server: smtplib.SMTP
    if channel.security == "tls":
        server = smtplib.SMTP_SSL(timeout=timeout, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(timeout=timeout)
    # The name that certificates are checked against; the constructor knows it only when it connects at once, and then
    # nobody could cut off a greeting that is drawn out.
    server._host = channel.host  # type: ignore[attr-defined]
    with _cut_off(server, _STEPS * timeout), server:
        server.connect(channel.host, channel.port)
        if channel.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if user is not None and password is not None:
            server.login(user, password)
        yield server


@contextmanager
def _cut_off(server: "smtplib.SMTP", seconds: float) -> Iterator[None]:
    """Ends a conversation that a slow server draws out: a sensor has no time for it."""

    def cut() -> None:
        with suppress(OSError, AttributeError):
            server.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _mail(channel: EmailChannel, message: Message, wording: Wording) -> EmailMessage:
    mail = EmailMessage(_POLICY)
    mail["Subject"] = wording.subject(message)
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.to)
    mail["Date"] = format_datetime(max(notice.at for notice in message.notices))
    mail["Message-ID"] = f"<{message.id}@{channel.sender.rpartition('@')[2]}>"
    # No vacation replies.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(wording.plain(message))
    mail.add_alternative(wording.html(message), subtype="html")
    return mail
