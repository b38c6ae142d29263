"""What an alert says of a failing check is true for every kind of check, and holds no failing key."""

import dagster as dg

from centra_assets.assets.check_words import described, described_by_failure
from centra_assets.sensors.check_texts import check_text, is_unjudged

RULE = described_by_failure("Rows of core.lines without an order.", "load the order.")
PROMISE = described("No record is set aside.", "mend it.")


def test_a_breach_is_told_as_a_breach_with_its_number() -> None:
    metadata = {"failures": dg.IntMetadataValue(3), "failing_keys": dg.JsonMetadataValue(["secret"])}
    assert check_text(RULE, metadata) == (
        "It found 3. A failure means: Rows of core.lines without an order. What to do: load the order."
    )


def test_of_quarantine_the_records_are_counted_and_the_partitions_named_that_hold_marts_back() -> None:
    blocked = [f"2024-03-0{day}: 9 of 10 records (90.0%)" for day in range(1, 8)]
    metadata = {
        "records_quarantined": dg.IntMetadataValue(63),
        "partitions_blocked": dg.JsonMetadataValue(blocked),
        "failing_keys": dg.JsonMetadataValue(["secret"]),
    }
    text = check_text(PROMISE, metadata)
    assert text.startswith("63 records are set aside. Over the limit, so that marts wait: 2024-03-01: 9 of 10 records")
    assert "2024-03-05: 9 of 10 records (90.0%) and 2 more. What should be so: No record is set aside." in text
    assert "2024-03-06" not in text and "secret" not in text


def test_one_record_is_one_and_nothing_counted_is_not_made_up() -> None:
    assert check_text(PROMISE, {"records_quarantined": dg.IntMetadataValue(1)}).startswith("1 record is set aside. ")
    assert check_text(PROMISE, {"partitions_blocked": dg.JsonMetadataValue([])}) == PROMISE
    assert check_text("", {}) == ""


def test_what_was_never_materialized_was_not_judged() -> None:
    assert is_unjudged({"tables_not_materialized": dg.JsonMetadataValue(["orders"])})
    assert not is_unjudged({"tables_not_materialized": dg.JsonMetadataValue([])})
    assert not is_unjudged({"failures": dg.IntMetadataValue(1)})
