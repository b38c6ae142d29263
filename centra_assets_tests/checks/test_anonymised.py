"""What stands for a person who is gone, and what only says so; what the inbox may still have of one."""

from datetime import timedelta

import psycopg
import pytest

from centra_assets.checks.anonymised import _STAND_IN, _without_stand_ins, in_inbox
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.checks.evaluating import MOMENT, fill, hours_later, prepare

_HINT = """
INSERT INTO ops.inbox (source, channel, delivery, position, entity, via, object_type, action, reference, element,
  state, received_at)
VALUES ('webhook', 'test', %(reference)s, 0, 'customers', '', 'Customer', 'UPDATED', %(reference)s, %(element)s, 'done',
  %(at)s)
"""


@pytest.mark.parametrize("value", ["", " ", "anonymized", "anonymised-17", "anonymized-17@anonymized.invalid", "***"])
def test_a_stand_in_is_nothing_personal(value: str) -> None:
    assert _STAND_IN.fullmatch(value)
    assert _without_stand_ins(f'{{"email":"{value}"}}' if "anonym" in value else '{"email":""}') == '{"email":null}'


@pytest.mark.parametrize("value", ["Ada Lovelace, asked to be anonymized", "anonymized: Ada", "ada@anonymized.invalid"])
def test_a_text_that_speaks_of_it_is_no_stand_in(value: str) -> None:
    assert not _STAND_IN.fullmatch(value)
    assert _without_stand_ins(f'{{"comment":"{value}"}}') == f'{{"comment":"{value}"}}'


def test_what_was_delivered_before_somebody_was_anonymised_must_have_gone_from_the_inbox(database_url: str) -> None:
    prepare(database_url, ["customers"])
    known = [{"id": number, "is_anonymized": number != 3, "_loaded_at": MOMENT} for number in (1, 2, 3, 4)]
    fill(database_url, {"customers": known})
    said = {"1": '{"name": "Ada"}', "2": "{}", "3": '{"name": "Bo"}', "4": '{"name": "Cy"}'}
    with psycopg.connect(database_url) as connection:
        for reference, element in said.items():
            # Of the fourth something came when Centra had nothing personal of him any more.
            at = hours_later(1 if reference == "4" else -1)
            connection.execute(_HINT, {"reference": reference, "element": element, "at": at})
    store = Warehouse(database_url)
    assert in_inbox(store, MOMENT + timedelta(days=2)) == ["ops.inbox 1"]
    assert in_inbox(store, MOMENT + timedelta(hours=2)) == []
