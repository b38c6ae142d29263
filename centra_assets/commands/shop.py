"""The sandbox shop that `demo` and `dev` share: the same data in both, so that one shows what the other loaded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from centra_assets.commands.stack import HOME

# Holds nothing but sandbox data, so that it may be emptied at any time.
SHOP_HOME = HOME / "demo"
DAYS = 365


@dataclass(frozen=True)
class Shop:
    """A sandbox shop by what makes it the same again."""

    seed: int
    scale: float
    built_at: str

    @classmethod
    def opened_now(cls, *, seed: int, scale: float) -> "Shop":
        """A new shop, whose history ends now."""
        return cls(seed, scale, datetime.now(UTC).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%S%z"))

    @classmethod
    def remembered(cls, home: Path = SHOP_HOME) -> "Shop | None":
        """The shop whose data is in the folder; None when there is none."""
        try:
            return cls(**json.loads((home / "shop.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def remember(self, home: Path = SHOP_HOME) -> None:
        """Write down which shop's data the folder holds."""
        home.mkdir(parents=True, exist_ok=True)
        (home / "shop.json").write_text(json.dumps(self.__dict__), encoding="utf-8")

    def options(self, *, traffic: float = 0.0) -> Mapping[str, str]:
        """Options of the sandbox command."""
        return {
            "plan": "growth",
            "seed": str(self.seed),
            "scale": str(self.scale),
            "built-at": self.built_at,
            "traffic": str(traffic),
        }

    def environment(self, days: int = DAYS) -> Mapping[str, str]:
        """Settings that fit the shop: a year of days, or fewer, up to when it was opened."""
        first = datetime.strptime(self.built_at, "%Y-%m-%dT%H:%M:%S%z").date() - timedelta(days=days)
        return {"CENTRA_START_DATE": first.isoformat()}
