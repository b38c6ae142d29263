"""The sensor `alerts`: what fails is told once, what is over is told once, and old news is not told at all."""

from datetime import timedelta

import dagster as dg
import psycopg
import pytest

from centra_assets_tests.alerts.mailbox import text_of
from centra_assets_tests.sensors.alerting import SECRET, BrokenError, Desk, Make, Shop, nightly


def test_a_failing_check_and_a_failing_run_each_send_one_message_and_one_more_when_they_recover(
    desk: Desk, shop: Shop
) -> None:
    shop.error, shop.is_sound = BrokenError("it is night."), False
    for _ in range(4):
        desk.run("nightly")
        desk.run("checks")
        desk.tick()
    wrong = ["[error] core/orders: the check 'totals add up' fails", "[error] nightly failed: TEST_SHOP_SHUT"]
    assert sorted(desk.mailbox.subjects) == wrong
    assert sorted(desk.endpoint.subjects) == wrong

    shop.error, shop.is_sound = None, True
    desk.run("nightly")
    desk.run("checks")
    for _ in range(3):
        desk.tick()
    over = [subject.replace("[error]", "[recovered] over:") for subject in wrong]
    assert sorted(desk.mailbox.subjects[2:]) == over
    assert sorted(desk.endpoint.subjects[2:]) == over


def test_a_message_says_what_happened_what_it_means_what_to_do_and_where(desk: Desk, shop: Shop) -> None:
    shop.error, shop.is_sound = BrokenError("it is night."), False
    run_id = desk.run("nightly").run_id
    desk.run("checks")
    desk.tick()
    about_run, about_check = sorted((text_of(mail) for mail in desk.mailbox.mails), key=lambda text: "check" in text)
    assert "TEST_SHOP_SHUT: it is night. Remedy: Open it." in about_run
    assert f"https://dagster.shop.example/runs/{run_id}" in about_run
    assert "run it again when the cause is gone" in about_run
    assert "It found 2. What should be so: Totals add up. What to do: mend the order." in about_check
    assert "https://dagster.shop.example/assets/core/orders?view=checks&checkDetail=totals_add_up" in about_check
    assert "for commerce" in about_check


def test_a_check_that_could_not_judge_for_nothing_is_loaded_yet_is_no_alert(make: Make, shop: Shop) -> None:
    desk = make()
    shop.is_sound, shop.is_empty = False, True
    desk.run("checks")
    for _ in range(2):
        # The first look at all checks, and then one at the events.
        assert desk.tick().startswith("0 alerts stand")
        desk.run("checks")
    shop.is_empty = False
    desk.run("checks")
    desk.tick()
    assert desk.mailbox.subjects == ["[error] core/orders: the check 'totals add up' fails"]


def test_what_failed_and_recovered_between_two_looks_is_told_as_both(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run()
    shop.error = None
    desk.run()
    desk.tick()
    assert desk.mailbox.subjects == ["[error] nightly failed: TEST_SHOP_SHUT"]
    desk.tick()
    desk.tick()
    assert desk.mailbox.subjects[1:] == ["[recovered] over: nightly failed: TEST_SHOP_SHUT"]


def test_a_job_that_may_fail_once_is_told_when_it_fails_twice(make: Make, shop: Shop) -> None:
    desk = make(subjects=[{"kind": "run", "subject": "hour*", "at_least": 2, "within": "30m"}])
    desk.tick()
    shop.error = BrokenError("it is night.")
    desk.run("hourly")
    desk.tick()
    assert desk.mailbox.subjects == []
    desk.run("hourly")
    desk.tick()
    assert desk.mailbox.subjects == ["[error] hourly failed: TEST_SHOP_SHUT"]


def test_many_failing_partitions_are_one_alert_that_ends_with_the_last_of_them(desk: Desk, shop: Shop) -> None:
    days = ["2024-03-01", "2024-03-02", "2024-03-03"]
    shop.error = BrokenError("it is night.")
    for day in days:
        desk.materialize(day)
    desk.tick()
    (call,) = desk.endpoint.calls
    (alert,) = call.document["alerts"]
    assert (alert["key"], alert["owner"], alert["count"]) == ("run/assets of orders/TEST_SHOP_SHUT", "commerce", 3)
    assert all(day in alert["text"] for day in days)

    shop.error = None
    for day in days[:2]:
        desk.materialize(day)
        desk.tick()
    assert len(desk.mailbox.mails) == 1
    desk.materialize(days[2])
    desk.tick()
    assert desk.mailbox.subjects[1:] == ["[recovered] over: assets of orders failed: TEST_SHOP_SHUT"]


def test_a_range_that_failed_may_succeed_day_by_day(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.materialize("2024-03-01", "2024-03-03")
    desk.tick()
    assert desk.endpoint.calls[0].document["alerts"][0]["count"] == 3
    shop.error = None
    desk.materialize("2024-03-03")
    desk.materialize("2024-03-01")
    desk.tick()
    assert len(desk.mailbox.mails) == 1
    desk.materialize("2024-03-02", "2024-03-05")
    desk.tick()
    assert len(desk.mailbox.mails) == 2


def test_what_a_schedule_asks_for_again_is_the_same_work_though_its_days_moved_on(desk: Desk, shop: Shop) -> None:
    def night(first: str, last: str) -> None:
        span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        desk.run(tags={"dagster/schedule_name": "nightly", **span})
        desk.tick()

    shop.error = BrokenError("it is night.")
    night("2024-03-01", "2024-03-14")
    assert "asked for again by itself" in text_of(desk.mailbox.mails[0])
    shop.error = None
    night("2024-03-02", "2024-03-15")
    assert len(desk.mailbox.mails) == 2


def test_a_run_that_ended_without_a_word_is_told_to_have_crashed(desk: Desk) -> None:
    run = desk.instance.create_run_for_job(nightly)
    desk.instance.report_run_failed(run)
    desk.tick()
    assert desk.mailbox.subjects == ["[error] nightly failed: RUN_CRASHED"]
    assert "its process was killed" in text_of(desk.mailbox.mails[0])


def test_an_event_log_that_was_made_anew_is_read_from_its_beginning(desk: Desk, shop: Shop) -> None:
    with psycopg.connect(desk.database_url) as connection:
        connection.execute("UPDATE ops.alert_cursor SET settled = 1000000, seen = 1000000")
    shop.error = BrokenError("it is night.")
    desk.run()
    desk.tick()
    assert len(desk.mailbox.mails) == 1
    desk.run("hourly")
    desk.tick()
    assert len(desk.mailbox.mails) == 2


def test_an_event_that_cannot_be_read_hides_no_other(
    desk: Desk, shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unlike(run: dg.DagsterRun) -> str:
        if run.job_name == "hourly":
            raise KeyError(SECRET)
        return "It failed."

    monkeypatch.setattr("centra_assets.sensors.alert_events._outlook", unlike)
    shop.error = BrokenError("it is night.")
    for job in ("nightly", "hourly"):
        desk.run(job)
    desk.tick()
    assert desk.mailbox.subjects == ["[error] nightly failed: TEST_SHOP_SHUT"]
    assert "cannot be read: KeyError" in caplog.text
    assert SECRET not in caplog.text


def test_a_run_that_dagster_starts_again_is_judged_by_how_that_ends(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run(tags={"dagster/will_retry": "true", "dagster/auto_retry_run_id": "another"})
    desk.tick()
    assert desk.mailbox.subjects == []


def test_an_unforeseen_error_is_told_without_its_words(desk: Desk, shop: Shop) -> None:
    shop.error, shop.is_sound = KeyError(SECRET), False
    desk.run()
    desk.run("checks")
    desk.tick()
    kept = str(
        desk.rows("SELECT notices::text FROM ops.alert_delivery UNION ALL SELECT row_to_json(a)::text FROM ops.alert a")
    )
    everything = kept + "".join(text_of(mail) + text_of(mail, "html") for mail in desk.mailbox.mails)
    everything += "".join(call.body.decode() for call in desk.endpoint.calls)
    assert len(desk.mailbox.mails) == 2
    for part in ("svensson", "example.com", "123 45 67"):
        assert part not in everything


def test_the_first_look_tells_what_is_wrong_now_and_no_old_news(make: Make, shop: Shop) -> None:
    desk = make()
    shop.error, shop.is_sound = BrokenError("it is night."), False
    desk.run("nightly")
    desk.run("hourly")
    desk.run("checks")
    shop.error = None
    desk.run("hourly")
    desk.tick()
    assert sorted(desk.mailbox.subjects) == [
        "[error] core/orders: the check 'totals add up' fails",
        "[error] nightly failed: TEST_SHOP_SHUT",
    ]


def test_a_run_that_failed_long_ago_is_no_news_to_a_new_installation(make: Make, shop: Shop) -> None:
    desk = make()
    shop.error = BrokenError("it is night.")
    desk.run()
    desk.ahead = timedelta(days=2)
    desk.tick()
    assert desk.mailbox.subjects == []


def test_what_failed_while_nobody_looked_is_told_when_somebody_looks_again(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run("nightly")
    desk.run("hourly")
    desk.ahead = timedelta(hours=5)
    desk.tick()
    assert sorted(desk.mailbox.subjects) == [
        "[error] hourly failed: TEST_SHOP_SHUT",
        "[error] nightly failed: TEST_SHOP_SHUT",
    ]


def test_reading_further_keeps_what_stands(desk: Desk, shop: Shop) -> None:
    shop.error = BrokenError("it is night.")
    desk.run("nightly")
    for hours in range(6):
        desk.ahead = timedelta(hours=hours)
        desk.tick()
    assert len(desk.mailbox.mails) == 1
    settled, seen = desk.rows("SELECT settled, seen FROM ops.alert_cursor")[0]
    assert settled == seen == desk.instance.event_log_storage.get_maximum_record_id()
    shop.error = None
    desk.run("nightly")
    desk.tick()
    assert len(desk.mailbox.mails) == 2


def test_a_warning_that_becomes_an_error_is_told_again(desk: Desk, shop: Shop) -> None:
    shop.is_sound, shop.severity = False, dg.AssetCheckSeverity.WARN
    desk.run("checks")
    desk.tick()
    shop.severity = dg.AssetCheckSeverity.ERROR
    desk.run("checks")
    desk.tick()
    title = "core/orders: the check 'totals add up' fails"
    assert desk.mailbox.subjects == [f"[warning] {title}", f"[error] worse: {title}"]


def test_what_stands_for_a_day_is_recalled(desk: Desk, shop: Shop) -> None:
    shop.is_sound = False
    desk.run("checks")
    for hours in (0, 23, 24, 25):
        desk.ahead = timedelta(hours=hours)
        desk.tick()
    title = "core/orders: the check 'totals add up' fails"
    assert desk.mailbox.subjects == [f"[error] {title}", f"[error] still: {title}"]
