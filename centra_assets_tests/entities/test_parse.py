"""What parsing promises, shown on a small entity of its own: whole records are set aside, the rest goes on."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dataframely as dy
import polars as pl
import pytest

from centra_assets.entities import frames
from centra_assets.entities.contract import Contract, instant, money, rate, text, whole
from centra_assets.entities.contract import day as calendar_day
from centra_assets.entities.model import Axis, Entity, TransformContext
from centra_assets.entities.parse import Parsed, parse

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
CONTEXT = TransformContext(time_zone=ZoneInfo("Europe/Stockholm"))
RECORD = pl.Struct(
    {
        "id": pl.Int64,
        "total": pl.Struct({"value": pl.String}),
        "placed_at": pl.String,
        "due": pl.String,
        "rate": pl.String,
        "account": pl.String,
        "lines": pl.List(pl.Struct({"id": pl.Int64, "quantity": pl.Int64, "comment": pl.String})),
    }
)


class Basket(Contract):
    """One basket."""

    table = "baskets"
    id = whole("Id.", key=True)
    total = money("Total.")
    placed_at = instant("When.")
    due = calendar_day("Due.")
    rate = rate("Rate.")
    account = whole("Account.")


class BasketLine(Contract):
    """One line of a basket."""

    table = "basket_lines"
    id = whole("Id.", key=True)
    basket_id = whole("Basket.", nullable=False)
    quantity = whole("Units.")
    comment = text("What the customer wrote.", personal_data=True)

    @dy.rule()
    def quantity_not_negative(cls) -> pl.Expr:
        return pl.col("quantity") >= 0


def transform(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    lines = frames.children(records, "lines", basket_id=frames.field("id"))
    return {
        "baskets": frames.rows(
            records,
            {
                "id": frames.field("id"),
                "total": frames.money("total"),
                "placed_at": frames.instant("placed_at"),
                "due": frames.day("due"),
                "rate": frames.rate("rate"),
                "account": frames.big("account"),
            },
        ),
        "basket_lines": frames.rows(
            lines,
            {
                "id": frames.field("id"),
                "basket_id": pl.col("basket_id"),
                "quantity": frames.field("quantity"),
                "comment": frames.field("comment"),
            },
        ),
    }


def basket_entity(axis: Axis = Axis.DAY) -> Entity:
    return Entity(
        name="baskets",
        family="test",
        description="Baskets.",
        package="centra_assets_tests",
        document="baskets",
        operations=("Baskets",),
        axis=axis,
        tables=(Basket, BasketLine),
        transform=transform,
    )


@dataclass(frozen=True)
class _Decoded:
    records: pl.Series


def decode(payloads: pl.Series) -> _Decoded:
    """Payload by payload, so that one broken text leaves the others alone."""

    def one(payload: str) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads(payload)
        except ValueError:
            return None
        return record

    return _Decoded(pl.Series([one(payload) for payload in payloads], dtype=RECORD))


def raw(
    *records: dict[str, Any] | str | None, partitions: Sequence[str] = (), later: Sequence[int] = ()
) -> pl.DataFrame:
    """Lake rows of these records: a dict as JSON, a text as it stands, None as deleted."""
    return pl.DataFrame(
        [
            {
                "id": str(record["id"]) if isinstance(record, dict) else f"text-{place}",
                "updated_at": None,
                "payload": json.dumps(record) if isinstance(record, dict) else record,
                "fetched_at": NOON + timedelta(hours=place in later),
                "source": "test",
                "partition": partitions[place] if partitions else "2024-03-01",
            }
            for place, record in enumerate(records)
        ],
        schema={
            "id": pl.String,
            "updated_at": pl.Datetime("us", "UTC"),
            "payload": pl.String,
            "fetched_at": pl.Datetime("us", "UTC"),
            "source": pl.String,
            "partition": pl.String,
        },
    )


def basket(number: int, *lines: tuple[int, int], total: str = "10.0", comment: str | None = None) -> dict[str, Any]:
    return {
        "id": number,
        "total": {"value": total},
        "lines": [{"id": line, "quantity": quantity, "comment": comment} for line, quantity in lines],
    }


def parsed(*records: dict[str, Any] | str | None, axis: Axis = Axis.DAY, **rest: Any) -> Parsed:
    return parse(basket_entity(axis), raw(*records, **rest), decode, CONTEXT)


def reasons(result: Parsed) -> dict[str, Any]:
    return {row["_record_id"]: json.loads(row["reasons"]) for row in result.quarantined.iter_rows(named=True)}


def test_good_records_fill_every_table_and_carry_where_they_came_from() -> None:
    result = parsed(basket(1, (11, 2), (12, 0)), basket(2))
    assert result.records == 2
    assert result.quarantined.is_empty()
    assert result.tables["baskets"]["id"].to_list() == [1, 2]
    assert result.tables["baskets"].schema["total"] == pl.Decimal(19, 4)
    assert result.tables["basket_lines"].select("id", "_record_id", "_partition").rows() == [
        (11, "1", "2024-03-01"),
        (12, "1", "2024-03-01"),
    ]


def test_one_bad_line_sets_the_whole_basket_aside_and_nothing_else() -> None:
    result = parsed(basket(1, (11, 2), (12, -1), (13, -1)), basket(2, (21, 1)))
    assert result.tables["baskets"]["id"].to_list() == [2]
    assert result.tables["basket_lines"]["id"].to_list() == [21]
    assert result.records == 2
    assert reasons(result) == {"1": [{"table": "basket_lines", "rule": "quantity_not_negative", "rows": 2}]}


def test_every_reason_of_a_record_is_told_in_a_fixed_order() -> None:
    result = parsed(basket(1, (11, -1), total="99999999999999999999.5"))
    assert reasons(result) == {
        "1": [
            {"table": "basket_lines", "rule": "quantity_not_negative", "rows": 1},
            {"table": "baskets", "rule": "total|dtype", "rows": 1},
        ]
    }


def test_reasons_never_hold_a_value_of_the_record() -> None:
    result = parsed(basket(1, (11, -7331), comment="call me at 555-0100"))
    told = result.quarantined["reasons"].item()
    assert "quantity_not_negative" in told
    assert "555-0100" not in told
    assert "7331" not in told


def test_a_payload_that_cannot_be_read_is_set_aside_alone() -> None:
    result = parsed('{"id": 1, "tot', basket(2, (21, 1)))
    assert result.tables["baskets"]["id"].to_list() == [2]
    assert reasons(result) == {"text-0": [{"table": "raw/baskets", "rule": "undecodable", "rows": 1}]}
    assert result.quarantined["_fetched_at"].to_list() == [NOON]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total", {"value": "1,234.50"}),
        ("total", {"value": ""}),
        ("rate", "7 %"),
        ("placed_at", "2026-01-01 10:00:00"),
        ("placed_at", "2026-01-01T10:00:00"),
        ("due", "01/02/2026"),
        ("account", "12.5"),
    ],
)
def test_text_that_cannot_be_read_sets_its_record_aside_and_never_becomes_null(name: str, value: object) -> None:
    """Every column here may be null, so that no contract would tell."""
    batch = [basket(number, (number, 1)) for number in range(1, 8)]
    batch[2][name] = batch[6][name] = value
    result = parsed(*batch)
    told = [{"table": "raw/baskets", "rule": "unreadable", "rows": 1}]
    assert reasons(result) == {"3": told, "7": told}
    assert result.tables["baskets"]["id"].to_list() == [1, 2, 4, 5, 6]
    assert result.tables["basket_lines"]["id"].to_list() == [1, 2, 4, 5, 6]
    assert result.records == 7


def test_a_batch_of_which_no_record_can_be_read_has_every_table_without_rows() -> None:
    result = parsed(*(basket(number, total="none") for number in range(1, 20)))
    assert result.quarantined.height == 19
    assert result.tables["baskets"].is_empty()


@pytest.mark.parametrize("told", ["2026-01-01T10:00:00+0100", "2026-01-01T10:00:00+01:00", "2026-01-01T09:00:00Z"])
def test_an_instant_is_read_however_its_offset_is_written(told: str) -> None:
    result = parsed(basket(1) | {"placed_at": told})
    assert result.tables["baskets"]["placed_at"].to_list() == [datetime(2026, 1, 1, 9, tzinfo=UTC)]


def test_a_transform_at_fault_fails_instead_of_setting_every_record_aside() -> None:
    def faulty(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
        return {"baskets": records.select(pl.lit("x").cast(pl.Int64)), "basket_lines": records}

    entity = replace(basket_entity(), transform=faulty)
    with pytest.raises(pl.exceptions.InvalidOperationError):
        parse(entity, raw(basket(1), basket(2)), decode, CONTEXT)


def test_a_deleted_record_is_neither_parsed_nor_quarantined() -> None:
    result = parsed(None, basket(2))
    assert result.records == 1
    assert result.quarantined.is_empty()
    assert result.tables["baskets"]["id"].to_list() == [2]


def test_a_key_without_a_value_sets_its_record_aside() -> None:
    broken = basket(1, (11, 1))
    broken["lines"][0]["id"] = None
    result = parsed(broken, basket(2))
    assert reasons(result) == {"1": [{"table": "basket_lines", "rule": "id|nullability", "rows": 1}]}


def test_two_records_that_claim_one_key_differently_are_both_set_aside() -> None:
    result = parsed(basket(1, (11, 1)), basket(2, (11, 2)), basket(3, (31, 1)))
    assert result.tables["baskets"]["id"].to_list() == [3]
    assert reasons(result) == {
        "1": [{"table": "basket_lines", "rule": "primary_key", "rows": 1}],
        "2": [{"table": "basket_lines", "rule": "primary_key", "rows": 1}],
    }


def test_one_record_that_contradicts_itself_is_set_aside() -> None:
    result = parsed(basket(1, (11, 1), (11, 2)), basket(2))
    assert reasons(result) == {"1": [{"table": "basket_lines", "rule": "primary_key", "rows": 2}]}


def test_a_row_said_twice_alike_is_one_row() -> None:
    result = parsed(basket(1, (11, 1), (11, 1)))
    assert result.quarantined.is_empty()
    assert result.tables["basket_lines"]["id"].to_list() == [11]


def test_a_record_filed_under_two_days_counts_as_it_was_read_last() -> None:
    result = parsed(
        basket(1, (11, 5), total="2.0"),
        basket(1, (12, 1), total="1.0"),
        partitions=["2024-03-02", "2024-03-01"],
        later=[0],
    )
    assert result.records == 1
    assert result.tables["basket_lines"].select("id", "_partition").rows() == [(11, "2024-03-02")]


def test_an_id_that_lives_in_two_warehouses_is_two_records() -> None:
    result = parsed(basket(1, (11, 1)), basket(1, (12, 1)), axis=Axis.WAREHOUSE, partitions=["1", "2"])
    assert result.records == 2
    assert result.tables["basket_lines"]["id"].to_list() == [11, 12]
    assert result.tables["baskets"].height == 1, "both readings say the same of the basket itself"


def test_partitions_of_which_only_one_kept_a_common_row_are_told_and_no_others() -> None:
    days = {"partitions": ["2024-03-01", "2024-03-02", "2024-03-03"]}
    alike = parsed(basket(1, (11, 1)), basket(1, (12, 1)), basket(2), axis=Axis.WAREHOUSE, **days)
    assert alike.shared == {"2024-03-01", "2024-03-02"}
    assert parsed(basket(1, (11, 1), (11, 1)), basket(2, (21, 1)), basket(3), **days).shared == set()


@pytest.mark.parametrize("axis", list(Axis))
def test_no_records_give_every_table_without_rows(axis: Axis) -> None:
    result = parsed(axis=axis)
    assert result.records == 0
    assert {name: frame.columns[:2] for name, frame in result.tables.items()} == {
        "baskets": ["id", "total"],
        "basket_lines": ["id", "basket_id"],
    }
    assert result.quarantined.columns == ["_record_id", "_partition", "_fetched_at", "reasons"]


def test_a_batch_of_which_every_record_is_bad_leaves_no_row() -> None:
    result = parsed(*(basket(number, (number, -1)) for number in range(1, 300)))
    assert result.tables["baskets"].is_empty()
    assert result.tables["basket_lines"].is_empty()
    assert result.quarantined.height == 299


@pytest.mark.slow
def test_validating_fifty_thousand_baskets_of_three_lines_is_a_matter_of_seconds() -> None:
    records = [basket(n, (n * 3, 1), (n * 3 + 1, 2), (n * 3 + 2, 3)) for n in range(50_000)]
    batch, decoded = raw(*records), _Decoded(pl.Series(records, dtype=RECORD))
    start = time.process_time()
    result = parse(basket_entity(), batch, lambda _: decoded, CONTEXT)
    assert result.tables["basket_lines"].height == 150_000
    # Of CPU time, with an order of magnitude to spare for a busy machine: it takes under a tenth of a second.
    assert time.process_time() - start < 2
