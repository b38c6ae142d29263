"""What the asset checks said last, told to somebody who runs the demonstration. Evaluates none of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from rich.console import Console
from rich.table import Table

OUTCOMES = ("passed", "warned", "failed")

# How the checks are told apart for a reader: by what they are on.
_SUBJECTS: Mapping[str, str] = {
    "core": "core: columns, rules, quarantine",
    "marts": "marts: figures, every day computed",
    "raw": "raw: read whole, and in time",
    "out": "workbooks: written, sums are core's",
    "centra": "Centra: the token",
}
# Under which of its numbers a check tells how much is the matter.
_COUNTS = ("failures", "records_quarantined")
_STYLES = {"passed": "green", "warned": "yellow", "failed": "red"}


@dataclass(frozen=True)
class Verdict:
    """What one check said last; `failures` is None where it counts nothing."""

    subject: str
    check: str
    outcome: str
    failures: int | None
    meaning: str


@dataclass
class Verdicts:
    """The newest evaluation of each check: what an earlier run said, before its parents were loaded, counts no more."""

    _newest: dict[dg.AssetCheckKey, dg.AssetCheckEvaluation] = field(default_factory=dict)

    def add(self, evaluations: Iterable[dg.AssetCheckEvaluation]) -> None:
        """Takes in a run's evaluations."""
        self._newest |= {evaluation.asset_check_key: evaluation for evaluation in evaluations}

    def counts(self) -> dict[str, int]:
        """How many checks passed, warned and failed."""
        found = Counter(_outcome(evaluation) for evaluation in self._newest.values())
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def not_passed(self, meanings: Mapping[dg.AssetCheckKey, str]) -> list[Verdict]:
        """Those that failed, then those that warned, with what each promises."""
        found = [
            Verdict(
                key.asset_key.to_user_string(),
                key.name,
                _outcome(evaluation),
                _failures(evaluation),
                meanings.get(key, "").partition(" What to do: ")[0],
            )
            for key, evaluation in self._newest.items()
            if not evaluation.passed
        ]
        return sorted(found, key=lambda verdict: (verdict.outcome, verdict.subject, verdict.check))

    def print(self, console: Console, meanings: Mapping[dg.AssetCheckKey, str]) -> None:
        """A table of how many there are of each kind, and every one that did not pass by name."""
        table = Table(title="What the checks say", show_edge=False)
        for heading in ("checks on", *OUTCOMES):
            table.add_column(heading, justify="left" if heading == "checks on" else "right")
        for row in self._rows():
            table.add_row(*row)
        console.print(table)
        for verdict in self.not_passed(meanings):
            style = _STYLES[verdict.outcome]
            counted = "" if verdict.failures is None else f", {verdict.failures:,} found"
            console.print(f"[{style}]{verdict.outcome}[/] {verdict.subject}: {verdict.check}{counted}")
            console.print(f"        {verdict.meaning}", markup=False, highlight=False)

    def _rows(self) -> Iterator[list[str]]:
        found = Counter((key.asset_key.path[0], _outcome(each)) for key, each in self._newest.items())
        stages = {stage for stage, _ in found}
        for stage in [*[stage for stage in _SUBJECTS if stage in stages], *sorted(stages - set(_SUBJECTS))]:
            yield [_SUBJECTS.get(stage, stage), *[f"{found[stage, outcome]:,}" for outcome in OUTCOMES]]
        yield ["all", *[f"{count:,}" for count in self.counts().values()]]


def meanings_of(definitions: dg.Definitions) -> dict[dg.AssetCheckKey, str]:
    """What each check says of itself."""
    graph = definitions.resolve_asset_graph()
    return {key: graph.get_check_spec(key).description or "" for key in graph.asset_check_keys}


def _outcome(evaluation: dg.AssetCheckEvaluation) -> str:
    if evaluation.passed:
        return "passed"
    return "failed" if evaluation.severity is dg.AssetCheckSeverity.ERROR else "warned"


def _failures(evaluation: dg.AssetCheckEvaluation) -> int | None:
    told: list[Any] = [evaluation.metadata[name].value for name in _COUNTS if name in evaluation.metadata]
    return int(told[0]) if told else None
