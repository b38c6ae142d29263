"""What a message says: one alert or many, what is wrong and what is over, each with the link to where it is seen."""

import json

import pytest

from centra_assets.alerts.model import Condition, Event, Message, Severity
from centra_assets_tests.alerts.conditions import WORDING, condition, message


def digest(*news: tuple[Event, Condition]) -> Message:
    """One message about all of these."""
    notices = [notice for event, about in news for notice in message(event, about).notices]
    return Message("m-1", Event.DIGEST, notices)


BAD = condition("bad", severity=Severity.CRITICAL, title="nightly failed: SHUT", link="runs/1")
MILD = condition("mild", severity=Severity.WARNING, title="Hints wait for 30m", link="jobs/incremental_sync")


def sections(told: Message) -> list[str]:
    """The texts that Slack is given below the header."""
    blocks = json.loads(WORDING.slack(told))["blocks"]
    assert len(blocks) <= 50
    return [block["text"]["text"] for block in blocks[1:] if block["type"] == "section"]


@pytest.mark.parametrize(
    ("told", "subject", "severity"),
    [
        ([(Event.OPENED, MILD), (Event.RECOVERED, BAD)], "[warning] 2 changes of alerts", "warning"),
        ([(Event.OPENED, MILD), (Event.ESCALATED, BAD)], "[critical] 2 changes of alerts", "critical"),
        ([(Event.RECOVERED, MILD), (Event.RECOVERED, BAD)], "[recovered] 2 alerts are over", "info"),
        ([(Event.OPENED, BAD)], "[critical] nightly failed: SHUT", "critical"),
        ([(Event.RECOVERED, BAD)], "[recovered] over: nightly failed: SHUT", "info"),
    ],
)
def test_a_digest_is_as_bad_as_what_is_not_over(
    told: list[tuple[Event, Condition]], subject: str, severity: str
) -> None:
    found = digest(*told)
    assert WORDING.subject(found) == subject
    assert json.loads(WORDING.slack(found))["text"] == subject
    assert (WORDING.document(found)["severity"], WORDING.document(found)["event"]) == (severity, "digest")


def test_each_line_of_a_digest_says_what_became_of_it_and_has_its_own_link() -> None:
    found = digest((Event.REMINDER, BAD), (Event.RECOVERED, MILD))
    lines = WORDING.plain(found).splitlines()
    bad, mild = (next(number for number, line in enumerate(lines) if about.title in line) for about in (BAD, MILD))
    assert lines[bad].endswith("[critical] still: nightly failed: SHUT")
    assert lines[mild].endswith("[recovered] over: Hints wait for 30m")
    assert lines[bad + 1].strip() == "https://dagster.shop.example/runs/1"
    assert lines[mild + 1].strip() == "https://dagster.shop.example/jobs/incremental_sync"
    assert '<a href="https://dagster.shop.example/runs/1">' in WORDING.html(found)
    (text, _) = sections(found)
    assert "<https://dagster.shop.example/runs/1|" in text
    assert "[recovered] over: Hints wait for 30m>" in text


def test_a_long_digest_fits_slack_and_no_link_in_it_is_cut() -> None:
    sly = [condition(f"c{n}", title=f"<{n}> " + "x" * 300, link=f"assets/core/a&b{n}") for n in range(60)]
    found = digest(*((Event.OPENED, each) for each in sly))
    texts = sections(found)
    assert all(len(text) <= 3000 for text in texts)
    lines = [line for text in texts for line in text.splitlines()]
    links = [line for line in lines if line.startswith("<https://dagster.shop.example/assets/core/a&amp;b")]
    assert len(links) == 40
    assert all(line.count("<") == line.count(">") == 1 and line.endswith(">") for line in links)
    assert "and 20 more; see centra-assets alerts list" in lines
    assert "and 20 more; see centra-assets alerts list" in WORDING.plain(found)


def test_the_end_of_an_alert_does_not_read_as_the_trouble() -> None:
    found = message(Event.RECOVERED, condition(title="core/orders: the check 'totals add up' fails"))
    assert WORDING.subject(found) == "[recovered] over: core/orders: the check 'totals add up' fails"
    assert WORDING.plain(found).startswith("Over: core/orders: the check 'totals add up' fails\n\nOver at ")
    # Alone it keeps how bad it was: whoever listens by severity hears of the end as well.
    assert WORDING.document(found)["severity"] == "error"


def test_a_digest_of_one_is_told_as_that_one() -> None:
    (notice,) = message(Event.OPENED, BAD).notices
    alone, within = (Message("m-1", event, [notice]) for event in (Event.OPENED, Event.DIGEST))
    assert WORDING.plain(within) == WORDING.plain(alone)
    assert WORDING.slack(within) == WORDING.slack(alone)
