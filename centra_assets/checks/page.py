"""Writes docs/checks.md from the rules, the references and the traps: every check in words. Decides nothing itself."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from centra_assets.checks.rules import RULES, Rule
from centra_assets.checks.rules.assortment import ASSORTMENT_RULES
from centra_assets.checks.rules.fulfilment import FULFILMENT_RULES
from centra_assets.checks.rules.moments import MOMENT_RULES
from centra_assets.checks.rules.payments import PAYMENT_RULES
from centra_assets.checks.rules.references import Reference, references
from centra_assets.checks.rules.sales import SALES_RULES
from centra_assets.checks.rules.stock import STOCK_RULES
from centra_assets.checks.traps import TRAPS

PATH = Path(__file__).parents[2] / "docs" / "checks.md"
COMMAND = "python -m centra_assets.checks.page"

_OPENING = f"""\
# Checks

What the tables promise, how a broken promise shows, and what to do then. Written from the rules beside the checks by
`{COMMAND}`; change those, not this page.

## How to read them

- **Three kinds.** A *contract* judges each record by itself before it reaches core: what fails it is set aside in
  `ops.quarantine`, and the rest goes on. A *rule*, on this page, judges what core holds across rows and tables, in runs
  that load partitions, and every hour by itself (job `row_checks`). A *standing check* looks at freshness,
  completeness, Centra's own figures and compliance by the hour or by night; see
  [standing-checks.md](standing-checks.md).
- **ERROR** is what cannot be true whatever was loaded: do not book it before it is explained. **WARN** is what a gap
  in the loaded period, two readings at different times, or an unusual yet possible shop may bring about as well.
- **No rule blocks** what is downstream: a mart whose flaw is shown beats one that stands still. What blocks is
  `no_records_quarantined`, when more records are set aside than their contract allows.
- **Failing keys** are in the check's metadata, the first 20 of them: ids and numbers, never personal data. A key of
  several parts has them with slashes, in the order of the table's primary key unless the meaning says otherwise.
- **Not judged.** What a token may not read is null, and a sum with a null in it proves nothing. Where that matters,
  `not_judged` in the metadata counts such rows. A table that was never materialized makes its checks warn and name it
  (`tables_not_materialized`); that is no alert, for `partitions_are_complete` tells it once per entity.
- **A parent from before the first loaded day** is no failure: ids rise, and only those above the smallest one that core
  has are looked for. What an older order gets later, a refund or a line, counts as older too, however new its id.
- **To see one fail**, break the sandbox: `POST /admin/corrupt` with `{{"fault": "orders.totals_add_up"}}` breaks that
  promise and no other, once the touched records are read again; `{{"heal": true}}` mends all. `GET /admin/corrupt`
  lists the faults. Each has the name `<table>.<check>` of the check that speaks of it.
"""

_FAMILIES: Mapping[str, Sequence[Rule]] = {
    "Orders": SALES_RULES,
    "Shipments, returns, invoices": FULFILMENT_RULES,
    "Payments": PAYMENT_RULES,
    "Stock": STOCK_RULES,
    "What is for sale": ASSORTMENT_RULES,
    "Times": MOMENT_RULES,
}


def page() -> str:
    """The whole page, as Markdown."""
    lines = [_OPENING, *_traps()]
    for family, rules in _FAMILIES.items():
        lines += _family(family, rules)
    return "\n".join([*lines, *_references()]).rstrip() + "\n"


def _traps() -> Iterator[str]:
    breakable = _faults()
    yield from ("## What goes wrong elsewhere, and which check speaks of it", "")
    yield "The sandbox's fault has the check's own name; *ours* marks a check of what we derive ourselves, which no"
    yield "answer of Centra's can break."
    yield from ("", "| | trap | checks, each with its fault | besides |", "|---|---|---|---|")
    for trap in TRAPS:
        checks = "<br>".join(f"`{name}`{'' if name in breakable else ' (ours)'}" for name in trap.checks)
        yield f"| {trap.number} | {trap.title} | {checks or 'none'} | {trap.besides} |"
    yield ""


def _family(name: str, rules: Sequence[Rule]) -> Iterator[str]:
    yield from (f"## {name}", "")
    yield from (
        "| asset | check | severity | blocks | it failed: that means | what to do |",
        "|---|---|---|---|---|---|",
    )
    for rule in rules:
        yield (
            f"| `core/{rule.table}` | `{rule.name}` | {_severity(rule)} | no | {_cell(rule.meaning)} "
            f"| {_cell(rule.remedy)} |"
        )
    yield ""


def _references() -> Iterator[str]:
    found = list(references())
    by_name = {rule.full_name: rule for rule in RULES}
    yield from ("## What points at something", "")
    yield "Made from the contracts: every column that holds the key of another table has a check `<column>_is_known`."
    yield "It is an ERROR where both rows come with one record, so that only a torn load parts them, and a WARN where"
    yield "the other may not be loaded yet. None blocks. What to do: materialize raw and core of the table pointed at,"
    yield "for the days that the failing rows name; if it stays, look the id up in Centra."
    yield from ("", "| asset | columns, and the table that each points at | severity |", "|---|---|---|")
    tables = dict.fromkeys(reference.contract.table for reference in found)
    for table in tables:
        of_table = [reference for reference in found if reference.contract.table == table]
        for severe in (True, False):
            some = [reference for reference in of_table if by_name[_name(reference)].severe is severe]
            if some:
                columns = ", ".join(f"`{reference.column}` {reference.parent.table}" for reference in some)
                yield f"| `core/{table}` | {columns} | {'ERROR' if severe else 'WARN'} |"
    yield from ("", "## Contracts", "")
    yield "`no_records_quarantined`, on the first table of each entity, warns of records that are set aside; it is an"
    yield "ERROR and blocks the marts where they are more than the contract allows. `centra-assets quarantine list`"
    yield "names them; mend them in Centra, then `centra-assets quarantine retry`. See [operation.md](operation.md)."
    yield ""
    yield "`columns_match_contract`, on every core table, is an ERROR: the table lacks columns of its contract or has"
    yield "them with another type, because a migration was refused. Read the run's log and [storage.md](storage.md)."


def _name(reference: Reference) -> str:
    return f"{reference.contract.table}.{reference.column}_is_known"


def _severity(rule: Rule) -> str:
    return "ERROR" if rule.severe else "WARN"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _faults() -> frozenset[str]:
    # The sandbox is not needed where checks run.
    from centra_assets.sandbox.data.faults import NAMED_FAULTS

    return frozenset(NAMED_FAULTS)


def main(arguments: Sequence[str]) -> int:
    """Writes the page to the path given, or to its place in the repository."""
    path = Path(arguments[0]) if arguments else PATH
    path.write_text(page(), encoding="utf-8")
    print(f"{path}: {len(RULES)} rules")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
