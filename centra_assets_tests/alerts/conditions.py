"""Conditions and settings for the tests of alerts."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from centra_assets.alerts.model import Condition, Event, Kind, Message, Notice, Severity
from centra_assets.alerts.settings import CHANNEL_TYPES, AlertSettings, Delivery, Route, Rule, SubjectRule
from centra_assets.alerts.wording import Wording

ZONE = ZoneInfo("Europe/Stockholm")
WORDING = Wording(ZONE, "https://dagster.shop.example")


def condition(key: str = "check/core/orders/totals_add_up", **given: Any) -> Condition:
    """A failing check, unless it is said otherwise."""
    told: dict[str, Any] = {
        "kind": Kind.CHECK,
        "severity": Severity.ERROR,
        "owner": "commerce",
        "subject": "core/orders",
        "title": f"{key} is wrong",
        "text": "What should be so is not.",
        "link": "assets/core/orders",
    }
    return Condition(key=key, **{**told, **given})


def message(event: Event = Event.OPENED, *conditions: Condition, number: str = "m-1") -> Message:
    """A message about conditions."""
    now = datetime.now(UTC)
    return Message(number, event, [Notice(event, each, now, now) for each in conditions or [condition()]])


def settings(channels: dict[str, dict[str, Any]] | None = None, **given: Any) -> AlertSettings:
    """Settings with these channels, to each of which everything goes unless routes are given."""
    made = {name: CHANNEL_TYPES[told["type"]](**told) for name, told in (channels or {}).items()}
    routes = given.pop("routes", [{"to": list(made)}] if made else [])
    return AlertSettings(
        channels=made,
        routes=[Route(**route) for route in routes],
        kinds={kind: Rule(**told) for kind, told in given.pop("kinds", {}).items()},
        subjects=[SubjectRule(**told) for told in given.pop("subjects", [])],
        delivery=Delivery(**given.pop("delivery", {})),
        **given,
    )
