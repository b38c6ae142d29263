"""The comparison that `demo` stands on: it finds every difference, and amounts may be spelled as they like."""

from typing import Any

import pytest

from centra_assets.commands.truth import compare, warehouse_figures
from centra_assets.storage.warehouse import Warehouse
from centra_assets_tests.checks.evaluating import fill, prepare


def figures(count: int = 2, **sums: dict[str, str]) -> dict[str, Any]:
    return {"orders": {"count": count, "sums": sums}}


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ({"SEK": "10.50"}, {"SEK": "10.5000"}),
        ({"JPY": "1000"}, {"JPY": "1E+3"}),
        ({"SEK": "1", "EUR": "0.00"}, {"SEK": "1.0"}),
        ({"": "7"}, {"SEK": "3", "EUR": "4"}),
        ({}, {}),
    ],
)
def test_equal_amounts_in_another_spelling_agree(told: dict[str, str], held: dict[str, str]) -> None:
    assert compare(figures(grand_total=told), figures(grand_total=held)) == {}


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ({"SEK": "10.50"}, {"SEK": "10.51"}),
        ({"SEK": "10.50"}, {"EUR": "10.50"}),
        ({"SEK": "10.50"}, {}),
        ({"SEK": "1", "EUR": "1"}, {"SEK": "2"}),
        # More digits than a float can tell apart.
        ({"SEK": "90071992547409.93"}, {"SEK": "90071992547409.92"}),
    ],
)
def test_another_amount_is_a_difference_and_shown_from_both_sides(told: dict[str, str], held: dict[str, str]) -> None:
    assert compare(figures(grand_total=told), figures(grand_total=held)) == {
        "orders": {"grand_total": {"truth": told, "warehouse": held}}
    }


def test_another_count_a_missing_column_and_a_missing_table_are_differences() -> None:
    told = figures(3, grand_total={"SEK": "1"}) | {"refunds": {"count": 5, "sums": {}}}
    assert compare(told, figures(2)) == {
        "orders": {
            "count": {"truth": 3, "warehouse": 2},
            "grand_total": {"truth": {"SEK": "1"}, "warehouse": None},
        },
        "refunds": {"truth": 5, "warehouse": None},
    }


def test_the_warehouse_is_counted_and_summed_per_currency(database_url: str) -> None:
    prepare(database_url, ["orders"])
    orders = [(1, "SEK", "10.10"), (2, "SEK", "0.20"), (3, "JPY", "500")]
    fill(database_url, {"orders": [{"number": n, "currency": c, "grand_total": t} for n, c, t in orders]})
    told = figures(3, grand_total={"SEK": "10.3", "JPY": "500"})
    assert compare(told, warehouse_figures(Warehouse(database_url), told)) == {}
    wrong = figures(3, grand_total={"SEK": "10.31", "JPY": "500"})
    assert set(compare(wrong, warehouse_figures(Warehouse(database_url), wrong))) == {"orders"}
