"""docs/checks.md tells every rule and every trap as they are."""

from centra_assets.checks.page import COMMAND, PATH, main, page
from centra_assets.checks.rules import RULES
from centra_assets.checks.traps import TRAPS
from centra_assets.sandbox.data.faults import NAMED_FAULTS


def test_the_page_is_written_from_the_rules_as_they_are() -> None:
    assert PATH.read_text(encoding="utf-8") == page(), f"run {COMMAND}"


def test_every_rule_is_in_a_row_of_its_asset_with_its_severity() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `core/")]
    for rule in RULES:
        name = rule.name.removesuffix("_is_known")
        severity = "ERROR" if rule.severe else "WARN"
        of_asset = [row for row in rows if row.startswith(f"| `core/{rule.table}` |") and f"| {severity} |" in row]
        assert any(f"`{name}`" in row or f"`{rule.name}`" in row for row in of_asset), rule.full_name


def test_there_are_sixteen_traps_and_each_has_a_check_or_says_what_sees_it() -> None:
    assert [trap.number for trap in TRAPS] == list(range(1, 17))
    assert [trap.number for trap in TRAPS if not trap.checks] == [15]
    assert all(trap.checks or trap.besides for trap in TRAPS)


def test_every_check_of_a_trap_exists_and_all_but_what_we_derive_have_a_fault() -> None:
    named = {name for trap in TRAPS for name in trap.checks}
    rules = {rule.full_name for rule in RULES}
    assert named - rules == {"customers.anonymised_customers_left_no_trace"}
    assert named - NAMED_FAULTS.keys() == {
        "orders.business_date_is_its_partition",
        "payments.sign_follows_the_direction",
    }


def test_the_page_is_written_where_it_is_asked_for(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page()
    assert f"{len(RULES)} rules" in capsys.readouterr().out
