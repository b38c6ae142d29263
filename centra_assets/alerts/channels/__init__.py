"""Channels: how a message leaves the house. What it says is in wording, when it is sent in outbox and delivery."""

from centra_assets.alerts.model import Message
from centra_assets.alerts.settings import Channel, EmailChannel, SlackChannel
from centra_assets.alerts.wording import Wording

__all__ = ["send"]


def send(channel: Channel, message: Message, wording: Wording) -> str:
    """Sends a message now and returns what was answered, in a word.

    Raises AlertSecretMissingError, AlertChannelRefusedError or AlertChannelUnavailableError.
    """
    # What a channel speaks with is dear to import, and most processes that know of channels send nothing.
    from centra_assets.alerts.channels.mail import send_mail
    from centra_assets.alerts.channels.web import send_http, send_slack

    if isinstance(channel, SlackChannel):
        return send_slack(channel, message, wording)
    if isinstance(channel, EmailChannel):
        return send_mail(channel, message, wording)
    return send_http(channel, message, wording)
