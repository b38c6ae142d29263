"""What a case of a rule is, and the currencies that cases are told in. No case."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
Rows = Mapping[str, list[Row]]
# Rows that keep a rule, rows that break it when they are added, the keys that it must name then.
Case = tuple[Rows, Rows, set[str]]

CURRENCIES = [
    {"id": 1, "code": "SEK", "denominator": 100},
    {"id": 2, "code": "JPY", "denominator": 1},
    {"id": 3, "code": "KWD", "denominator": 1000},
]
