"""Rules of time, made from the contracts: days and instants that agree with each other. No rule of any one entity."""

from collections.abc import Iterator

from centra_assets.checks.rules.rule import Rule
from centra_assets.entities.model import Axis
from centra_assets.entities.registry import ENTITIES


def _rules() -> Iterator[Rule]:
    for entity in ENTITIES:
        table, columns = entity.tables[0].table, entity.tables[0].columns()
        key = " || '/' || ".join(entity.tables[0].primary_key())
        if entity.axis is Axis.DAY and "business_date" in columns:
            yield Rule(
                table=table,
                name="business_date_is_its_partition",
                failures=f"select ({key})::text as key from core.{table} where business_date::text <> _partition",
                meaning="A row lies in the partition of another day than its own: CENTRA_TIMEZONE was changed after it "
                "was loaded, so days of two zones stand side by side.",
                remedy="Materialize raw and core of all days again, or set the time zone back.",
            )
        if {"created_at", "updated_at"} <= columns.keys():
            yield Rule(
                table=table,
                name="updated_after_it_was_created",
                failures=f"select ({key})::text as key from core.{table} "
                "where updated_at < created_at - interval '1 second'",
                meaning="A row was changed before it was created: one of the two instants was read without its offset, "
                "or written by a system whose clock is wrong.",
                remedy="Compare both instants with Centra's; a wrong created_at puts the row on the wrong day.",
                severe=False,
            )


MOMENT_RULES: tuple[Rule, ...] = tuple(_rules())
