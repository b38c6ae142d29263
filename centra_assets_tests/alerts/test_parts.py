"""Failed work stays until the same work succeeds, however often and in whatever pieces its events are read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from centra_assets.alerts.model import Severity
from centra_assets.alerts.parts import Failed, Succeeded, conditions, fold
from centra_assets.alerts.store import Part
from centra_assets_tests.alerts.conditions import condition

T0 = datetime(2024, 3, 5, 12, tzinfo=UTC)


def failed(event_id: int, partition: str = "", *, scope: str = "nightly", code: str = "A", **given: Any) -> Failed:
    extent = {"first": partition, "last": partition} if partition else {}
    about = condition(f"run/{scope}/{code}", **given)
    return Failed(event_id, T0 + timedelta(minutes=event_id), scope, about, partition, extent)


def done(event_id: int, first: str = "", last: str = "", *, scope: str = "nightly") -> Succeeded:
    return Succeeded(event_id, scope, {"first": first, "last": last or first} if first else {})


def after(*batches: Sequence[Failed | Succeeded]) -> dict[tuple[str, str], Part]:
    """What stands when the batches were read one after the other."""
    held: dict[tuple[str, str], Part] = {}
    for batch in batches:
        held |= {(part.condition.key, part.part): part for part in fold(held.values(), batch).changed}
    return {name: part for name, part in held.items() if part.ended is None}


def test_failed_work_stands_until_it_succeeds() -> None:
    assert after([failed(1)])
    assert not after([failed(1)], [done(2)])
    assert after([failed(1)], [done(2)], [failed(3)])


def test_other_work_ends_nothing() -> None:
    assert after([failed(1)], [done(2, scope="other")])
    assert after([failed(1, "2024-03-01")], [done(2, "2024-03-02")])


def test_every_cause_of_a_job_ends_with_its_success() -> None:
    assert len(after([failed(1), failed(2, code="B")])) == 2
    assert not after([failed(1), failed(2, code="B")], [done(3)])


def test_a_range_that_succeeds_ends_the_partitions_in_it() -> None:
    days = [failed(number, f"2024-03-0{number}") for number in (1, 2, 3)]
    (left,) = after(days, [done(9, "2024-03-02", "2024-03-05")])
    assert left == ("run/nightly/A", "2024-03-01")


def of_assets(event: Failed | Succeeded, *assets: str, **others: Any) -> Any:
    return replace(event, extent={**event.extent, "assets": list(assets), **others})


def test_assets_stay_failed_until_each_was_brought_by_whatever_job() -> None:
    both = of_assets(failed(1, "2024-03-01"), "core/orders", "raw/orders")
    raw, core = (
        of_assets(done(number, "2024-03-01", scope="by hand"), name)
        for number, name in ((2, "raw/orders"), (3, "core/orders"))
    )
    (left,) = after([both], [raw]).values()
    assert left.extent["assets"] == ["core/orders"]
    assert not after([both], [raw], [core])
    assert not after([both], [raw, core])
    assert after([both], [core], [raw], [of_assets(failed(4, "2024-03-01"), "core/orders")])
    # Reading the same again changes nothing: what failed anew is left as a whole.
    again = of_assets(failed(5, "2024-03-01"), "core/orders", "raw/orders")
    (left,) = after([both], [raw], [again], [raw], [again]).values()
    assert left.extent["assets"] == ["core/orders", "raw/orders"]


def test_another_job_ends_nothing_but_assets_and_nothing_of_which_it_did_less() -> None:
    assert after([failed(1)], [of_assets(done(2, scope="other"), "core/orders")])
    whole = of_assets(failed(1), "core/orders")
    assert after([whole], [of_assets(done(2, "2024-03-01", scope="other"), "core/orders")])
    assert not after([whole], [of_assets(done(2, scope="other"), "core/orders", "raw/orders")])


def test_a_part_of_before_whose_assets_nobody_noted_ends_with_its_own_job() -> None:
    assert after([failed(1)], [of_assets(done(2, scope="__ASSET_JOB"), "core/orders")])
    assert not after([failed(1)], [of_assets(done(2), "core/orders")])


def test_days_that_a_clock_asks_for_again_are_the_same_work_for_that_job_only() -> None:
    moved = {"first": "2024-03-02", "last": "2024-03-08", "clock": True}
    asked = of_assets(failed(1), "core/orders", first="2024-03-01", last="2024-03-07", clock=True)
    assert not after([asked], [of_assets(done(2), "core/orders", **moved)])
    assert after([asked], [of_assets(done(2, scope="other"), "core/orders", **moved)])
    assert after([asked], [of_assets(done(2, "2024-03-02"), "core/orders")])
    assert not after([asked], [of_assets(done(2, "2024-03-01", "2024-03-07", scope="other"), "core/orders")])


def test_an_older_success_does_not_end_a_newer_failure() -> None:
    assert after([failed(5)], [done(4)])
    assert after([done(4), failed(5)])


def test_a_failure_and_its_success_in_one_batch_are_two_pieces_of_news() -> None:
    batch = [failed(1), done(2)]
    first = fold([], batch)
    assert [part.ended for part in first.changed] == [None]
    assert first.again_from == 2
    second = fold(first.changed, batch)
    assert [part.ended for part in second.changed] == [2]
    assert second.again_from is None


def test_reading_the_same_again_brings_nothing_back() -> None:
    batch = [failed(1), done(2), failed(3), done(4)]
    assert not after(batch, batch)
    assert not after(batch, batch, batch, batch)


def test_an_event_that_becomes_visible_late_is_heard() -> None:
    assert after([done(1)], [failed(3)], [failed(2, code="B"), failed(3)]).keys() == {
        ("run/nightly/A", ""),
        ("run/nightly/B", ""),
    }


@given(st.data())
def test_in_whatever_pieces_events_are_read_the_same_work_stands_in_the_end(data: st.DataObject) -> None:
    kinds = data.draw(
        st.lists(st.tuples(st.booleans(), st.sampled_from(["", "2024-03-01", "2024-03-02"])), max_size=12)
    )
    events = [
        failed(number, part) if is_failure else done(number, part) for number, (is_failure, part) in enumerate(kinds, 1)
    ]
    cuts = sorted({0, len(events), *data.draw(st.lists(st.integers(0, len(events)), max_size=3))})
    overlap = data.draw(st.integers(0, 3))
    pieces = [events[max(0, first - overlap) : last] for first, last in pairwise(cuts)]
    # What the last piece put off is heard by reading on.
    whole = after(events, events)
    assert after(*pieces, events, events).keys() == whole.keys()
    expected = {
        part
        for number, (is_failure, part) in enumerate(kinds, 1)
        if is_failure and not any(not failing and part in ("", reached) for failing, reached in kinds[number:])
    }
    assert {part for _, part in whole} == expected


def test_many_partitions_of_one_job_are_one_condition_with_their_number() -> None:
    parts = fold([], [failed(number, f"2024-03-{number:02}") for number in range(1, 8)]).changed
    (together,) = conditions(parts)
    assert together.count == 7
    assert "2024-03-01, 2024-03-02" in together.text
    assert "and 2 more" in together.text
    assert "2024-03-07" not in together.text


def test_the_worst_part_says_how_bad_it_is_and_the_newest_what_it_is() -> None:
    bad, mild = failed(1, "1", severity=Severity.ERROR, text="old"), failed(2, "2", severity=Severity.INFO, text="new")
    (together,) = conditions(fold([], [bad, mild]).changed)
    assert together.severity is Severity.ERROR
    assert together.text.startswith("new")


def test_what_no_longer_exists_is_nobodys_trouble() -> None:
    parts = fold([], [failed(1), failed(2, scope="gone")]).changed
    assert [found.key for found in conditions(parts, {"nightly"})] == ["run/nightly/A"]
    of_none = of_assets(failed(2, code="B"), "core/gone")
    parts = fold([], [of_assets(failed(1), "core/gone", "core/orders"), of_none]).changed
    assert [found.key for found in conditions(parts, {"nightly", "core/orders"})] == ["run/nightly/A"]
