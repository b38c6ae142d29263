"""`forget` on a customer, then a search of every table, file, event and log for name, e-mail, phone, address: nothing.

The day's sales are unchanged. Dagster's own tables are in the same PostgreSQL, as they are where it is installed.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote_plus

import dagster as dg
import psycopg
import pytest
import yaml

from centra_assets.entities.model import Axis
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.privacy.conftest import Town, marts
from centra_assets_tests.privacy.forgetting_there import Copied, forget
from centra_assets_tests.privacy.person import EMAIL, TRACES
from centra_assets_tests.privacy.searching import holds, in_events, in_tables, spellings, traces
from centra_assets_tests.privacy.test_forgetting import SALES, hint_of

DAGSTERS = ("runs", "run_tags", "event_logs", "asset_keys", "asset_check_executions")


@contextmanager
def installed(platform: Platform, home: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster as it is installed: its tables beside ours, the output of steps in files."""
    home.mkdir()
    configuration = {
        "storage": {"postgres": {"postgres_url": platform.database_url}},
        "telemetry": {"enabled": False},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        platform.instance = instance
        yield instance


def everything_runs(platform: Platform) -> None:
    """Raw, core and their checks as a backfill has them; what a check says of this small shop is not of interest."""
    platform.refresh(Axis.DAY, tags={"dagster/backfill": "abcdefgh"}, raise_on_error=False)
    platform.refresh(Axis.NONE, raise_on_error=False)


def in_logs(home: Path, said: str) -> list[str]:
    """Where what was logged, printed or written by steps has one of the words."""
    told = {str(path.relative_to(home)): path.read_text(errors="replace") for path in home.rglob("*") if path.is_file()}
    spelled = spellings(TRACES)
    return [place for place, text in {**told, "said": said}.items() if holds(text, spelled)]


@pytest.mark.slow
def test_a_forgotten_customer_is_in_no_table_no_file_no_event_and_no_log_and_the_days_sales_are_unchanged(
    copied: Copied, town: Town, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    platform, person, home = copied().platform, town.person, tmp_path / "home"
    caplog.set_level("DEBUG")
    with installed(platform, home) as instance:
        everything_runs(platform)
        hint_of(platform, person.customer, "Zaphrodite Quuxberg")
        held = traces(platform, TRACES, [])
        assert {"core.customers", "core.orders", "ops.inbox"} <= {place.split(":")[0] for place in held}
        assert any(place.startswith("lake orders") for place in held)
        marts(platform)
        sales = platform.warehouse.query(SALES)
        assert sales.height

        forget(platform, person.customer)
        assert traces(platform, TRACES, [instance]) == []
        assert platform.warehouse.query(SALES).equals(sales)

        # Centra still tells everything.
        everything_runs(platform)
        marts(platform)
        assert platform.sandbox.world.tables["Customer"].one(person.customer).email == EMAIL
        assert traces(platform, TRACES, [instance]) == []
        assert platform.warehouse.query(SALES).equals(sales)

        printed = capfd.readouterr()
        assert in_logs(home, caplog.text + printed.out + printed.err) == []
        # What was searched was there: runs, their events, checks.
        with psycopg.connect(platform.database_url) as connection:
            for table in DAGSTERS:
                row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
                assert row is not None
                assert row[0], table
        assert caplog.records


@pytest.mark.parametrize(
    "written",
    [
        EMAIL.upper(),
        quote_plus(EMAIL),
        json.dumps({"city": "Zöqköping"}),
        json.dumps({"city": "ZÖQKÖPING"}),
        json.dumps(json.dumps({"city": "Zöqköping"})),
        quote_plus("Zöqköping"),
        quote_plus("Unikagatan 4711"),
        quote_plus("+46799123457"),
    ],
)
def test_the_search_finds_a_word_in_whatever_spelling(copied: Copied, tmp_path: Path, written: str) -> None:
    platform = copied().platform
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("CREATE TABLE public.told (value text, record jsonb)")
        connection.execute("INSERT INTO public.told (value) VALUES (%s)", [written])
    assert "public.told: 1 rows" in list(in_tables(platform.database_url, TRACES))

    @dg.op
    def tells(context: dg.OpExecutionContext) -> None:
        context.log.info(written)

    @dg.job
    def telling() -> None:
        tells()

    with installed(platform, tmp_path / "home") as instance:
        assert telling.execute_in_process(instance=instance).success
        assert "event of telling" in list(in_events([instance], TRACES))
        assert any(place.startswith("public.event_logs") for place in in_tables(platform.database_url, TRACES))
    assert in_logs(tmp_path / "home", written)
