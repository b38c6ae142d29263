"""What a rule is: a promise across rows and tables, told as a query whose rows are the failures. No rule lives here."""

from collections.abc import Sequence
from dataclasses import dataclass

# One unit of the currency's smallest coin, of a row joined as `y`; a cent where the currency is unknown.
MINOR_UNIT = "coalesce(1.0 / y.denominator, 0.01)"


@dataclass(frozen=True)
class Rule:
    """A promise of `core.<table>`.

    `failures` selects the keys of failing rows as one text column `key`: keys only, never personal data. `meaning`
    says what a failure means, `remedy` what to do. `tables` are all that the query reads besides `table`.
    `not_judged`, where a row may know too little to be judged, counts such rows as `rows`.

    `severe` is for what cannot be true whatever was loaded; what a gap in the loaded period, two readings at different
    times or an unusual yet possible shop may bring about, warns.
    """

    table: str
    name: str
    failures: str
    meaning: str
    remedy: str
    tables: Sequence[str] = ()
    severe: bool = True
    not_judged: str | None = None

    @property
    def full_name(self) -> str:
        """`<table>.<name>`, unique among all rules; the sandbox's fault that breaks it has the same name."""
        return f"{self.table}.{self.name}"
