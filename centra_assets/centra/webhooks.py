"""Centra's webhooks as they arrive: a signature is proved, a body is read into notices. Nothing is stored here."""

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qsl

import msgspec

from centra_assets.errors import CentraAssetsError

SIGNATURE_HEADER = "X-Centra-Signature"
# Centra sends 100 events a call unless told otherwise; far more than this is a body made to hurt.
MOST_NOTICES = 20_000

_MOST_FIELDS = 16
_MOST_SIGNATURES = 8
# Eleven digits reach the year 5138.
_SIGNED_AT = re.compile(r"[0-9]{1,11}")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_ID = re.compile(r'"(?P<text>[A-Za-z0-9_-]{1,64})"|(?P<number>-?[0-9]{1,64})')


class WebhookError(CentraAssetsError):
    """A delivery that is not taken."""

    code = "WEBHOOK_REFUSED"


class UnsignedError(WebhookError):
    """The delivery carries no signature."""

    code = "WEBHOOK_UNSIGNED"
    remedy = "Set an endpoint secret in the webhook plugin in Centra; unsigned deliveries are never taken."


class SignatureMalformedError(WebhookError):
    """The signature's header is not of Centra's form."""

    code = "WEBHOOK_SIGNATURE_MALFORMED"
    remedy = "Look at who sends it, and at proxies on the way: Centra's header is t=<unix time>,v1=<hex>."


class SignatureWrongError(WebhookError):
    """No secret of the plugin made this signature over this body."""

    code = "WEBHOOK_SIGNATURE_WRONG"
    remedy = "Compare CENTRA_WEBHOOK_SECRETS with the plugin's secret in Centra; proxies must pass the body unchanged."


class OutsideWindowError(WebhookError):
    """The signature is right, and too old, or of the future."""

    code = "WEBHOOK_OUTSIDE_WINDOW"
    remedy = "See that this machine's clock is right; CENTRA_WEBHOOK_WINDOW_SECONDS says how old a delivery may be."


class MalformedError(WebhookError):
    """The body is not of the form that the plugin's kind has."""

    code = "WEBHOOK_MALFORMED"
    remedy = "See that the plugin's kind in CENTRA_WEBHOOK_SECRETS is its version in Centra; then look at who sends it."


class WebhookKind(StrEnum):
    """The version of a webhook plugin: whose words it speaks."""

    INTEGRATION_API = "integration_api"
    CHECKOUT_API = "checkout_api"
    STOREFRONT_API = "storefront_api"


@dataclass(frozen=True)
class Verified:
    """A delivery that a holder of the secret signed. `signed_at` is in UTC, of whole seconds."""

    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One object that a delivery speaks of. `reference` is "" where it names none; `element` is its JSON, as it came.

    Only the Integration API says an action; the dates of its events have no zone and are left in the element.
    """

    object_type: str
    action: str
    reference: str
    element: str


class _Event(msgspec.Struct):
    type: str
    action: str = ""
    id: msgspec.Raw = msgspec.Raw(b"null")


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_EVENT = msgspec.json.Decoder(_Event)


def verify(header: str | None, body: bytes, secrets: Sequence[str], now: datetime, window: timedelta) -> Verified:
    """Prove that one of the secrets signed this body, and not too far from `now`.

    The signature is `t=<unix>,v1=<hex>`, v1 being the HMAC-SHA256 of "<t>.<body>". Takes the same time whichever
    secret or signature fits. Raises UnsignedError, SignatureMalformedError, SignatureWrongError, OutsideWindowError.
    """
    if not header:
        raise UnsignedError("The delivery has no signature.")
    moment, signatures = _parts(header)
    message = moment.encode() + b"." + body
    fits = False
    for secret in secrets:
        expected = hmac.digest(secret.encode(), message, hashlib.sha256)
        for signature in signatures:
            fits |= hmac.compare_digest(expected, signature)
    if not fits:
        raise SignatureWrongError("The signature fits no secret of the plugin.")
    signed_at = datetime.fromtimestamp(int(moment), UTC)
    if abs(now - signed_at) > window:
        raise OutsideWindowError(f"The delivery was signed more than {window.total_seconds():.0f} seconds from now.")
    return Verified(signed_at)


def _parts(header: str) -> tuple[str, list[bytes]]:
    """The signed moment and the signatures; whatever else stands in the header is of another scheme."""
    moments: list[str] = []
    signatures: list[bytes] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            moments.append(value)
        elif name == "v1":
            if not _SIGNATURE.fullmatch(value):
                raise SignatureMalformedError("A signature is not 64 hexadecimal digits.")
            signatures.append(bytes.fromhex(value))
    if len(moments) != 1 or not _SIGNED_AT.fullmatch(moments[0]):
        raise SignatureMalformedError("The header does not say once, in unix time, when it was signed.")
    if not 1 <= len(signatures) <= _MOST_SIGNATURES:
        raise SignatureMalformedError(f"The header has {len(signatures)} signatures.")
    return moments[0], signatures


def parse(kind: WebhookKind, body: bytes) -> list[Notice]:
    """What a form-encoded body says. Unknown types and keys are notices like all others. Raises MalformedError."""
    try:
        notices = list(_notices(kind, _OBJECT.decode(_payload(body))))
    except (msgspec.DecodeError, RecursionError):
        # Their messages may quote the body.
        raise MalformedError("The payload is not the JSON that a webhook has.") from None
    if len(notices) > MOST_NOTICES:
        raise MalformedError(f"The payload speaks of more than {MOST_NOTICES:,} objects.")
    return notices


def _payload(body: bytes) -> str:
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise MalformedError("The body is not form-encoded UTF-8.") from None
    payloads = [value for name, value in fields if name == "payload"]
    if len(payloads) != 1:
        raise MalformedError(f"The body has {len(payloads)} fields named payload.")
    return payloads[0]


def _notices(kind: WebhookKind, told: dict[str, msgspec.Raw]) -> Iterator[Notice]:
    for key, value in told.items():
        listed = bytes(value).startswith(b"[")
        if kind is WebhookKind.INTEGRATION_API and key == "events":
            yield from map(_of_event, _LIST.decode(value))
        elif listed:
            for item in _LIST.decode(value):
                yield Notice(_name(key), "", _reference(item), _text(item))
        else:
            # Nothing that we know of is told so. It is kept, whatever it is, and an id where it looks like one.
            found = _ID.fullmatch(_text(value))
            yield Notice(_name(key), "", found["text"] or found["number"] if found else "", _text(value))


def _of_event(element: msgspec.Raw) -> Notice:
    event = _EVENT.decode(element)
    return Notice(_name(event.type), event.action and _name(event.action), _reference(event.id), _text(element))


def _reference(value: msgspec.Raw) -> str:
    """An id, or "" where there is something else than a text or a number."""
    text = _text(value)
    found = _ID.fullmatch(text)
    if found:
        return found["text"] or found["number"]
    if text.startswith(("{", "[", "n", "t", "f")):
        return ""
    raise MalformedError("An id is not a whole number or a short text of letters and digits.")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise MalformedError("The name of a type or an action is empty, overlong, or has control characters.")
    return text


def _text(value: msgspec.Raw) -> str:
    return bytes(value).decode()
