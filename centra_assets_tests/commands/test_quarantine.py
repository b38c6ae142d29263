"""The `quarantine` command over a real shop: it lists, shows without giving anybody away, and tries again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from centra_assets.assets.metadata import core_key
from centra_assets.cli import app
from centra_assets.commands.quarantine import QuarantineQuestionError
from centra_assets.entities.model import Axis
from centra_assets.settings import SettingsError
from centra_assets.storage.lake import SCHEMA
from centra_assets.storage.quarantined import set_aside
from centra_assets_tests.assets.conftest import MakePlatform, make_platform, own_platform
from centra_assets_tests.assets.platform import Platform
from centra_assets_tests.commands.environment import installed_at

__all__ = ["make_platform", "own_platform"]


@pytest.fixture
def platform(own_platform: MakePlatform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Platform]:
    """An installation whose only day has two broken orders."""
    made = own_platform(("orders",), days=2, scale=0.02)
    begin, _ = made.calendar.window(Axis.DAY, made.keys(Axis.DAY)[0])
    with made.sandbox.world.lock:
        for order in made.sandbox.world.tables["Order"]:
            order.createdAt = begin
        made.sandbox.instance.indexes.forget()
    made.admin("corrupt", orders_share=2 / len(made.sandbox.world.tables["Order"].rows()))
    made.refresh()
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    installed_at(
        monkeypatch,
        api_url=made.sandbox.url,
        api_token=made.sandbox.token,
        database_url=made.database_url,
        lake_url=str(made.lake_folder),
        start_date=made.settings.start_date.isoformat(),
    )
    yield made


def say(*words: str, columns: int = 200) -> Result:
    """The command; what it raises is not its answer, and so is raised here."""
    told = CliRunner().invoke(app, ["quarantine", *words], env={"COLUMNS": str(columns)})
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    return told


def aside(platform: Platform) -> list[str]:
    """The ids in quarantine."""
    found = platform.warehouse.query("select record_id from ops.quarantine order by record_id")
    return list(found["record_id"])


def trail(platform: Platform, kind: str) -> list[dict[str, Any]]:
    """What the audit has of this kind, oldest first."""
    found = platform.warehouse.query(
        "select subject, actor, outcome, counts::text as counts, detail::text as detail from ops.audit "
        "where kind = %s order by id",
        [kind],
    )
    return [
        {**row, "counts": json.loads(row["counts"]), "detail": json.loads(row["detail"])} for row in found.to_dicts()
    ]


@pytest.mark.slow
def test_what_is_aside_is_listed_shown_and_tried_again(platform: Platform) -> None:
    first, second = aside(platform)

    # It lists.
    listed = say("list")
    assert listed.exit_code == 0
    assert first in listed.output and second in listed.output
    assert "a warning; marts wait above 3.0%" in listed.output
    # Through a pipe a record is a line, with the names of its rules whole, however narrow the shell was.
    piped = say("list", columns=40).output.splitlines()
    (line,) = [line for line in piped if first in line]
    for reason in set_aside(platform.warehouse, ids=[first])[0].reasons:
        assert str(reason) in line
    lines = [json.loads(line) for line in say("list", "--json", "--entity", "orders").output.splitlines()]
    assert {line["record_id"] for line in lines} == {first, second}
    assert all(set(reason) == {"table", "rule", "rows"} for line in lines for reason in line["reasons"])
    assert [line["raw_files"] for line in lines] == [f"raw/orders/{line['partition']}/*.parquet" for line in lines]

    # Whoever has only SQL finds in the table what leads to the one row that it was read from.
    linked = platform.warehouse.query("select record_id, raw_files, fetched_at from ops.quarantine").rows()
    for record_id, files, fetched_at in linked:
        rows = pl.read_parquet(platform.lake_folder / files).filter(id=record_id, fetched_at=fetched_at)
        assert [str(json.loads(payload)["number"]) for payload in rows["payload"]] == [record_id]

    assert "Nothing is in quarantine" in say("list", "--partition", "2001-01-01").output

    # It shows where the raw record lies, and nobody's data unless told to.
    shown = say("show", "orders", first)
    path, row = _place(shown.output)
    assert path.is_relative_to(platform.lake_folder)
    payload = _row_of(path, row)
    assert str(json.loads(payload)["number"]) == first
    name = json.loads(payload)["shippingAddress"]["lastName"]
    assert name
    masked = say("show", "orders", first, "--payload").output
    assert f'"number": {first}' in masked
    assert f'"lastName": "{name}"' not in masked and '"lastName": "***"' in masked
    assert trail(platform, "quarantine_shown_unmasked") == []
    assert f'"lastName": "{name}"' in say("show", "orders", first, "--unmasked").output
    (looked,) = trail(platform, "quarantine_shown_unmasked")
    assert looked["detail"] == {"ids": [first]}
    assert looked["actor"].startswith("command:quarantine show")

    # Unmended, they stay, and that is the exit code.
    again = say("retry")
    assert again.exit_code == 1
    assert "0 of 2 records left quarantine." in again.output
    assert aside(platform) == [first, second]

    # Mended in Centra, parsing again what the lake has is not enough, and asking for one brings one.
    platform.admin("corrupt", heal=True)
    assert say("retry", "--no-refetch").exit_code == 1
    assert aside(platform) == [first, second]
    mended = say("retry", "--entity", "orders", "--id", first)
    assert mended.exit_code == 0
    assert f"They are orders {first}." in mended.output
    assert aside(platform) == [second]
    with dg.DagsterInstance.get() as instance:
        (told, *_) = instance.fetch_materializations(core_key("orders"), limit=1).records
        assert told.partition_key == platform.keys(Axis.DAY)[0]

    # What Centra has no more leaves as well.
    with platform.sandbox.world.lock:
        platform.sandbox.world.tables["Order"].remove(int(second))
        platform.sandbox.instance.indexes.forget()
    gone = say("retry", "--id", second)
    assert gone.exit_code == 0
    assert "1 of 1 records left quarantine." in gone.output
    assert aside(platform) == []
    assert "Nothing of what was asked for" in say("retry").output

    tried = trail(platform, "quarantine_retry")
    assert [(each["outcome"], each["counts"]["left"], each["counts"]["stayed"]) for each in tried] == [
        ("done", 0, 2),
        ("done", 0, 2),
        ("done", 1, 0),
        ("done", 1, 0),
    ]
    assert [each["detail"]["fetched_again"] for each in tried] == [True, False, True, True]
    assert {each["subject"] for each in tried} == {"raw/orders"}
    assert all(each["actor"].startswith("command:quarantine retry") for each in tried)


def _place(output: str) -> tuple[Path, int]:
    (line,) = [line for line in output.splitlines() if "#row=" in line]
    path, _, rest = line.strip().partition("#row=")
    return Path(path), int(rest.split()[0])


def _row_of(path: Path, row: int) -> str:
    import polars as pl

    return str(pl.read_parquet(path, schema=SCHEMA)["payload"][row])


def test_what_cannot_be_answered_is_said_with_its_code(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed_at(monkeypatch, database_url=database_url, lake_url=str(tmp_path))
    with pytest.raises(QuarantineQuestionError, match=r"orderz.*orders"):
        say("list", "--entity", "orderz")
    with pytest.raises(QuarantineQuestionError, match="orders 7 is not in quarantine"):
        say("show", "orders", "7")
    with pytest.raises(SettingsError, match="CENTRA_API_URL, CENTRA_API_TOKEN"):
        say("retry")
    installed_at(monkeypatch, lake_url=str(tmp_path))
    with pytest.raises(SettingsError, match="CENTRA_DATABASE_URL"):
        say("list")
