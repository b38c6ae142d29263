"""One alerts.yaml says what is told, when and to whom; whatever is wrong in it is told at once, with its place."""

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import pytest

from centra_assets.alerts.errors import AlertsConfigError
from centra_assets.alerts.model import Kind, Severity
from centra_assets.alerts.settings import EmailChannel, Rule, SlackChannel
from centra_assets.alerts.settings_file import read_alert_settings
from centra_assets_tests.alerts.conditions import condition

Written = Callable[[str], Path]

MAIL = "{type: email, host: smtp.shop.example, from: a@shop.example, to: b@shop.example}"


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A merchant's own file."""

    def write(text: str) -> Path:
        path = tmp_path / "ours.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(path: Path) -> str:
    with pytest.raises(AlertsConfigError) as caught:
        read_alert_settings(path)
    return caught.value.cause


def test_the_projects_own_file_has_a_rule_for_every_kind_and_sends_nothing() -> None:
    found = read_alert_settings()
    assert (found.channels, list(found.routes)) == ({}, [])
    for kind in set(Kind) - {Kind.TEST}:
        assert found.kinds[kind].remind >= timedelta(hours=6), kind
    assert found.rule(condition(kind=Kind.RUN, subject="incremental_sync")).at_least == 2
    assert found.rule(condition(kind=Kind.RUN, subject="refresh_days")).at_least == 1
    assert found.channels_of(condition()) == []


def test_a_file_of_ones_own_changes_what_it_names_and_nothing_else(written: Written) -> None:
    before = read_alert_settings()
    found = read_alert_settings(
        written(
            "kinds: {inbox: {hold: 9m}}\n"
            "watch: {quarantine: {growth: 3}}\n"
            "delivery: {storm: 4}\n"
            "subjects: [{kind: run, subject: sweep, enabled: false}]"
        )
    )
    assert found.kinds[Kind.INBOX] == before.kinds[Kind.INBOX].model_copy(update={"hold": timedelta(minutes=9)})
    assert found.watch.quarantine.growth == 3
    assert found.watch.quarantine.total == before.watch.quarantine.total
    assert found.watch.inbox == before.watch.inbox
    assert (found.delivery.storm, found.delivery.give_up) == (4, before.delivery.give_up)
    # Ours comes first, and the others are still there.
    assert not found.rule(condition(kind=Kind.RUN, subject="sweep")).enabled
    assert found.rule(condition(kind=Kind.RUN, subject="incremental_sync")).at_least == 2


def test_channels_and_routes_are_what_the_documentation_shows(written: Written) -> None:
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    first = page.split("```yaml\n")[1].split("```")[0]
    found = read_alert_settings(written(first))
    team, finance = found.channels["team"], found.channels["finance"]
    assert isinstance(team, SlackChannel)
    assert isinstance(finance, EmailChannel)
    assert finance.quiet is not None
    assert (finance.quiet.begin, finance.quiet.except_severity) == (time(20), Severity.CRITICAL)
    mild = condition(owner="finance", severity=Severity.WARNING)
    bad, worst = condition(owner="finance"), condition(owner="logistics", severity=Severity.CRITICAL)
    assert [found.channels_of(each) for each in (mild, bad, worst)] == [
        ["team"],
        ["team", "finance"],
        ["team", "pager"],
    ]


def test_the_other_examples_of_the_documentation_are_understood(written: Written) -> None:
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    second = page.split("```yaml\n")[2].split("```")[0]
    found = read_alert_settings(written(second))
    assert not found.rule(condition(kind=Kind.CHECK, subject="core/stock_levels")).enabled
    assert found.rule(condition(kind=Kind.RUN, subject="refresh_days")).severity is Severity.CRITICAL


def test_a_route_narrows_by_owner_kind_and_severity(written: Written) -> None:
    found = read_alert_settings(
        written(f"channels: {{m: {MAIL}}}\nroutes: [{{to: m, owner: [finance], kind: check, severity: error}}]")
    )
    assert found.channels_of(condition(owner="finance")) == ["m"]
    assert found.channels_of(condition(owner="commerce")) == []
    assert found.channels_of(condition(owner="finance", kind=Kind.RUN)) == []
    assert found.channels_of(condition(owner="finance", severity=Severity.WARNING)) == []


def test_a_rule_of_a_subject_lies_over_that_of_its_kind(written: Written) -> None:
    text = "kinds: {check: {hold: 1m, recover: 2m}}\nsubjects: [{kind: check, subject: core/*, hold: 5m}]"
    found = read_alert_settings(written(text))
    assert found.rule(condition(subject="core/orders")).hold == timedelta(minutes=5)
    assert found.rule(condition(subject="core/orders")).recover == timedelta(minutes=2)
    assert found.rule(condition(subject="raw/orders")).hold == timedelta(minutes=1)
    assert isinstance(found.rule(condition(kind=Kind.TEST)), Rule)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("chanels: {}", "ours.yaml: chanels: is not known; allowed: channels, routes"),
        ("channels: [", "is not YAML (line "),
        ("channels: {a: {type: sms}}", "channels.a.type: must be one of slack, email, http"),
        ("channels: {a: {type: slack, url: x}}", "channels.a.url: is not known; allowed: quiet, timeout_seconds, type"),
        ("channels: {a: {type: email, host: h}}", "channels.a.from: Field required"),
        (f"channels: {{a: {MAIL}}}", "channels.a: no route leads here"),
        (f"channels: {{a: {MAIL}}}\nroutes: [{{to: b}}]", "routes.number 1.to: 'b' is no channel; allowed: a"),
        (f"channels: {{a: {MAIL}}}\nroutes: {{to: a}}", "routes: must be a list"),
        (f"channels: {{a: {MAIL}}}\nroutes: [{{to: a, owner: sales}}]", "'sales' is no owner; allowed: commerce"),
        ("kinds: {runs: {}}", "kinds.runs: is not known; allowed: run, check"),
        ("kinds: {run: {hold: 5}}", "5 is no duration such as 90s"),
        ("kinds: {run: {at_least: 0}}", "greater than or equal to 1"),
        ("watch: {inbox: {warning: 5m}}", "watch.inbox.warning: is not known; allowed: warn, error"),
        ("subjects: [{subject: x}]", "subjects.number 1.kind: Field required"),
        ("delivery: {storms: 3}", "delivery.storms: is not known; allowed: storm"),
        ("delivery: {storm: 3, storm: 4}", "'storm' is written twice"),
        (f"channels: {{a: {MAIL[:-1]}, quiet: {{from: 22:00, to: '07:00'}}}}}}", "must be quoted, such as '22:00'"),
        (f"channels: {{a: {MAIL[:-1]}, user_env: U}}}}", "needs both user_env and password_env"),
        ("channels: {a: {type: http}}", "needs either url or url_env"),
        (
            f"channels: {{a: {MAIL[:-1]}, user_env: U, password_env: P, security: none}}}}",
            "would send the password unencrypted",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(written: Written, text: str, told: str) -> None:
    assert told in refused(written(text))


def test_everything_that_is_wrong_is_told_at_once(written: Written) -> None:
    cause = refused(written("kinds: {run: {hold: 5, remind: soon}}\nwatch: {token: {warn: x}}"))
    assert cause.count("is no duration") == 3


def test_what_is_wrong_with_a_channel_or_a_route_hides_nothing_and_brings_nothing_about(written: Written) -> None:
    routes = "[{to: nobody, severity: worst}, {to: [a, b], owner: sales}]"
    cause = refused(written(f"channels: {{a: {MAIL}, b: {{type: sms}}, c: {MAIL}}}\nroutes: {routes}"))
    assert cause.count("ours.yaml: ") == 5
    assert "routes.number 1.to: 'nobody' is no channel; allowed: a, b, c" in cause
    assert "routes.number 1.severity: " in cause
    assert "routes.number 2.owner" in cause
    assert "channels.b.type: must be one of" in cause
    assert "channels.c: no route leads here" in cause


@pytest.mark.parametrize("text", ["channels: [a]\nroutes: [{to: a}]", "routes: [{to: 5}]", "routes: [5]", "5"])
def test_what_is_no_list_or_mapping_is_told_and_nothing_breaks_of_it(written: Written, text: str) -> None:
    assert refused(written(text)).count("ours.yaml") == 1


def test_a_secret_written_where_its_variable_belongs_is_not_repeated(written: Written) -> None:
    cause = refused(written("channels: {a: {type: slack, url_env: 'https://hooks.slack.example/T0/B0/verysecret'}}"))
    assert "must be the name of an environment variable" in cause
    assert "verysecret" not in cause


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "nowhere.yaml: cannot be read" in refused(tmp_path / "nowhere.yaml")
