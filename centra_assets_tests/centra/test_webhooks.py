"""A delivery is taken when a holder of the secret signed it just now, and it is read whatever it speaks of."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centra_assets.centra.webhooks import (
    MOST_NOTICES,
    MalformedError,
    Notice,
    OutsideWindowError,
    SignatureMalformedError,
    SignatureWrongError,
    UnsignedError,
    WebhookKind,
    parse,
    verify,
)

WINDOW = timedelta(seconds=300)
# The example of Centra's documentation, which shows the signature's ends only.
SECRET, MOMENT, BODY = "test123", 12345678, b"payload=%7B%22x%22%3A%22test%22%7D"
NOW = datetime.fromtimestamp(MOMENT, UTC)


def signature(body: bytes = BODY, secret: str = SECRET, moment: int | str = MOMENT) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def form(payload: str) -> bytes:
    return b"payload=" + quote_plus(payload).encode()


def test_the_documented_example_is_verified() -> None:
    signed = signature()
    assert signed.startswith("0b9cd84f")
    assert signed.endswith("c549")
    assert verify(f"t={MOMENT},v1={signed}", BODY, [SECRET], NOW, WINDOW).signed_at == NOW


@pytest.mark.parametrize(
    "header",
    [
        "v1={good},t=12345678",
        " t=12345678 , v1={good}",
        "t=12345678,v0=abc,v1={good},scheme",
        "t=12345678,v1={bad},v1={good}",
        "t=12345678,v1={good},v1={bad}",
        "t=12345678,v1={upper}",
    ],
)
def test_the_parts_of_the_header_may_come_in_any_order_and_number(header: str) -> None:
    written = header.format(good=signature(), bad="0" * 64, upper=signature().upper())
    assert verify(written, BODY, [SECRET], NOW, WINDOW).signed_at == NOW


@pytest.mark.parametrize("secrets", [["new", SECRET], [SECRET, "new"], [SECRET, SECRET]])
def test_any_of_the_secrets_of_a_rotation_will_do(secrets: list[str]) -> None:
    assert verify(f"t={MOMENT},v1={signature()}", BODY, secrets, NOW, WINDOW)


@pytest.mark.parametrize("header", [None, ""])
def test_an_unsigned_delivery_is_refused_as_unsigned(header: str | None) -> None:
    with pytest.raises(UnsignedError):
        verify(header, BODY, [SECRET], NOW, WINDOW)


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        "t=12345678",
        "v1={good}",
        "t=,v1={good}",
        "t=now,v1={good}",
        "t=-5,v1={good}",
        "t=123456789012,v1={good}",
        "t=12345678,t=12345678,v1={good}",
        "t=12345678,v1=",
        "t=12345678,v1=zz",
        "t=12345678,v1={good}0",
        "t=12345678,v1=\u0661" + "0" * 63,
        "t=\u0661\u0662,v1={good}",
        "t=12345678" + ",v1={good}" * 9,
    ],
)
def test_a_header_of_another_form_is_refused_as_malformed(header: str) -> None:
    with pytest.raises(SignatureMalformedError):
        verify(header.format(good=signature()), BODY, [SECRET], NOW, WINDOW)


@pytest.mark.parametrize("secrets", [[], ["other"], [SECRET + " "]])
def test_a_signature_of_another_secret_is_wrong(secrets: list[str]) -> None:
    with pytest.raises(SignatureWrongError):
        verify(f"t={MOMENT},v1={signature()}", BODY, secrets, NOW, WINDOW)


@given(
    body=st.binary(min_size=1), secret=st.text(st.characters(codec="utf-8"), min_size=1), bit=st.integers(min_value=0)
)
def test_one_flipped_bit_anywhere_makes_a_signature_wrong(body: bytes, secret: str, bit: int) -> None:
    header = f"t={MOMENT},v1={signature(body, secret)}"
    assert verify(header, body, [secret], NOW, WINDOW)
    flipped = bytearray(body)
    flipped[bit // 8 % len(body)] ^= 1 << bit % 8
    with pytest.raises(SignatureWrongError):
        verify(header, bytes(flipped), [secret], NOW, WINDOW)


def test_the_moment_is_part_of_what_is_signed() -> None:
    with pytest.raises(SignatureWrongError):
        verify(f"t={MOMENT + 1},v1={signature()}", BODY, [SECRET], NOW, WINDOW)


@pytest.mark.parametrize(("seconds", "taken"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_the_window_reaches_as_far_into_the_future_as_into_the_past(seconds: int, taken: bool) -> None:
    header, now = f"t={MOMENT},v1={signature()}", NOW + timedelta(seconds=seconds)
    if taken:
        assert verify(header, BODY, [SECRET], now, WINDOW)
    else:
        with pytest.raises(OutsideWindowError):
            verify(header, BODY, [SECRET], now, WINDOW)


def test_a_wrong_signature_is_never_told_that_it_is_old() -> None:
    with pytest.raises(SignatureWrongError):
        verify(f"t={MOMENT},v1={'0' * 64}", BODY, [SECRET], NOW + timedelta(days=365), WINDOW)


def test_events_of_the_integration_api_are_read_with_what_they_say() -> None:
    first = '{"type":"order","action":"update","date":"2021-01-29 14:40:58.628033","id":39790}'
    second = '{"type":"brand_new","action":"melted","id":"a-1","more":{"x":[1]}}'
    assert parse(WebhookKind.INTEGRATION_API, form(f'{{"events":[{first},{second}]}}')) == [
        Notice("order", "update", "39790", first),
        Notice("brand_new", "melted", "a-1", second),
    ]


@pytest.mark.parametrize("kind", [WebhookKind.CHECKOUT_API, WebhookKind.STOREFRONT_API])
def test_lists_of_ids_are_read_whether_they_are_text_or_numbers(kind: WebhookKind) -> None:
    assert parse(kind, form('{"products":["52",53],"newThings":["x_1"],"none":[]}')) == [
        Notice("products", "", "52", '"52"'),
        Notice("products", "", "53", "53"),
        Notice("newThings", "", "x_1", '"x_1"'),
    ]


@pytest.mark.parametrize("kind", list(WebhookKind))
@pytest.mark.parametrize(
    ("payload", "reference", "element"),
    [
        ('{"x":"test"}', "test", '"test"'),
        ('{"x":"two words"}', "", '"two words"'),
        ('{"x":{"deep":1}}', "", '{"deep":1}'),
        ('{"x":true}', "", "true"),
        ('{"x":[null]}', "", "null"),
        ('{"x":[{"id":1}]}', "", '{"id":1}'),
    ],
)
def test_what_is_of_no_known_shape_is_kept_without_a_reference(
    kind: WebhookKind, payload: str, reference: str, element: str
) -> None:
    assert parse(kind, form(payload)) == [Notice("x", "", reference, element)]


def test_an_event_without_an_id_is_kept() -> None:
    assert [
        notice.reference for notice in parse(WebhookKind.INTEGRATION_API, form('{"events":[{"type":"ping"}]}'))
    ] == [""]


@pytest.mark.parametrize("payload", ["{}", '{"events":[]}', '{"products":[]}'])
def test_a_delivery_may_speak_of_nothing(payload: str) -> None:
    assert parse(WebhookKind.INTEGRATION_API, form(payload)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload",
        b"payload=",
        b"other=%7B%7D",
        b"payload=%7B%7D&payload=%7B%7D",
        b"payload=%FF",
        b"\xff\xfe",
        b"&".join(b"a=1" for _ in range(40)),
        form("nonsense"),
        form('{"events":'),
        form("[]"),
        form("7"),
        form('{"events":[7]}'),
        form('{"events":[{"action":"update","id":1}]}'),
        form('{"events":[{"type":7,"id":1}]}'),
        form('{"events":[{"type":"","id":1}]}'),
        form('{"events":[{"type":"order","action":"a\\u0000","id":1}]}'),
        form('{"events":[{"type":"order","id":1.5}]}'),
        form('{"events":[{"type":"order","id":"1; DROP TABLE"}]}'),
        form('{"events":[{"type":"order","id":"' + "9" * 65 + '"}]}'),
        form('{"events":[{"type":"order","id":' + "9" * 65 + "}]}"),
        form('{"' + "k" * 101 + '":["1"]}'),
        form('{"products":["\u00e5"]}'),
        form("[" * 100_000),
        form('{"x":' + "[" * 100_000 + "]" * 100_000 + "}"),
        form('{"products":[' + ",".join(["1"] * (MOST_NOTICES + 1)) + "]}"),
    ],
)
def test_a_broken_body_is_malformed_and_not_quoted(body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse(WebhookKind.INTEGRATION_API, body)
    assert "DROP" not in str(caught.value)
    assert len(str(caught.value)) < 400


@given(st.binary())
def test_whatever_arrives_is_read_or_malformed(body: bytes) -> None:
    for kind in WebhookKind:
        try:
            parse(kind, b"payload=" + body)
        except MalformedError as error:
            assert error.code == "WEBHOOK_MALFORMED"
