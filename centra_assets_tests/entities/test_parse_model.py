"""Parsing against a naive model, on batches that hypothesis makes up: nothing is lost, nothing is half there."""

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from centra_assets_tests.entities.test_parse import basket, parsed

# Few line ids, so that they collide; quantities below zero break a rule.
LINES = st.lists(st.tuples(st.integers(1, 6), st.integers(-1, 2)), max_size=3)
BATCHES = st.lists(LINES, max_size=6)


def set_aside(batch: list[list[tuple[int, int]]]) -> set[int]:
    """Which baskets must be set aside: a bad line, or a line id of which two different things are said."""
    said: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for number, lines in enumerate(batch, start=1):
        for line, quantity in lines:
            if quantity >= 0:
                said[line].add((number, quantity))
    return {
        number
        for number, lines in enumerate(batch, start=1)
        if any(quantity < 0 or len(said[line]) > 1 for line, quantity in lines)
    }


def records(batch: list[list[tuple[int, int]]]) -> list[dict[str, Any]]:
    return [basket(number, *lines) for number, lines in enumerate(batch, start=1)]


@settings(deadline=None, max_examples=60)
@given(BATCHES)
def test_every_record_is_either_whole_in_its_tables_or_set_aside(batch: list[list[tuple[int, int]]]) -> None:
    result = parsed(*records(batch))
    aside = set_aside(batch)
    assert {int(number) for number in result.quarantined["_record_id"]} == aside
    assert set(result.tables["baskets"]["id"]) == set(range(1, len(batch) + 1)) - aside
    kept = {
        (line, number, quantity)
        for number, lines in enumerate(batch, start=1)
        if number not in aside
        for line, quantity in lines
    }
    rows = result.tables["basket_lines"].select("id", "basket_id", "quantity").rows()
    assert sorted(rows) == sorted(kept)


@settings(deadline=None, max_examples=30)
@given(BATCHES, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(batch: list[list[tuple[int, int]]], random: Any) -> None:
    asked = records(batch)
    shuffled = random.sample(asked, k=len(asked))
    first, second = parsed(*asked), parsed(*shuffled)
    assert first.quarantined.equals(second.quarantined)
    for name, frame in first.tables.items():
        assert frame.sort("id").equals(second.tables[name].sort("id"))
