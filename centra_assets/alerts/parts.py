"""Events about runs and checks become parts of alerts: what failed stays until the same work succeeds. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from centra_assets.alerts.model import Condition
from centra_assets.alerts.store import Part

_MOST_MOMENTS = 50
_SHOWN_PARTS = 5


@dataclass(frozen=True)
class Failed:
    """An event that tells of a failure."""

    event_id: int
    at: datetime
    scope: str
    condition: Condition
    part: str = ""
    extent: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Succeeded:
    """An event that tells of a success in a scope, and how far it reaches."""

    event_id: int
    scope: str
    extent: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Folded:
    """What a batch of events changes. `again_from` is the first event that must be looked at once more."""

    changed: Sequence[Part]
    again_from: int | None


def fold(standing: Iterable[Part], told: Iterable[Failed | Succeeded]) -> Folded:
    """Applies events, in the order of their ids, to the parts that stand. What was applied before changes nothing.

    A failure whose success is in the same batch is kept for now, and the success is left for the next batch: whether
    it is told must not depend on how often somebody looks.
    """
    before = {(part.condition.key, part.part): part for part in standing}
    now = dict(before)
    again_from: int | None = None
    for event in sorted(told, key=lambda event: event.event_id):
        if isinstance(event, Failed):
            _fail(now, event)
            continue
        for name, part in now.items():
            if not _ends(event, part):
                continue
            if part == before.get(name):
                now[name] = replace(part, ended=event.event_id)
            elif again_from is None:
                again_from = event.event_id
    return Folded([part for name, part in now.items() if part != before.get(name)], again_from)


def _ends(event: Succeeded, part: Part) -> bool:
    is_later = part.ended is None and event.event_id > part.event_id
    return is_later and part.scope == event.scope and reaches(event.extent, part.extent)


def _fail(now: dict[tuple[str, str], Part], event: Failed) -> None:
    name = (event.condition.key, event.part)
    known = now.get(name)
    if known is not None and known.event_id >= event.event_id:
        return
    before = known.moments if known is not None and known.ended is None else ()
    moments = sorted({*before, event.at})[-_MOST_MOMENTS:]
    now[name] = Part(event.condition, event.part, event.scope, event.event_id, tuple(moments), event.extent)


def reaches(done: Mapping[str, Any], failed: Mapping[str, Any]) -> bool:
    """Whether what succeeded holds all that failed: its partitions, by `first` and `last`, and its `assets`.

    Nothing said of partitions means the work as a whole: any success of it will do. Nothing said of assets means all.
    Days and months are in an order; a range of other keys may hold more than is seen here, and then a part stays.
    """
    first, last = failed.get("first"), failed.get("last")
    if first is not None and (done.get("first") is None or not (done["first"] <= first and last <= done["last"])):
        return False
    return not done.get("assets") or set(failed.get("assets", ())) <= set(done["assets"])


def conditions(standing: Iterable[Part], known: Collection[str] | None = None) -> list[Condition]:
    """One condition per alert out of its parts, told as the newest of them tells it, with the number of all.

    `known` are the scopes that still exist: what belonged to others is nobody's trouble any more.
    """
    by_key: dict[str, list[Part]] = {}
    for part in standing:
        if part.ended is None and (known is None or part.scope in known):
            by_key.setdefault(part.condition.key, []).append(part)
    return [_together(sorted(group, key=lambda part: part.event_id)) for group in by_key.values()]


def _together(group: Sequence[Part]) -> Condition:
    newest = group[-1].condition
    worst = max((part.condition.severity for part in group), key=lambda severity: severity.rank)
    named = [part.part for part in group if part.part]
    text = newest.text
    if len(named) > 1:
        rest = f" and {len(named) - _SHOWN_PARTS} more" if len(named) > _SHOWN_PARTS else ""
        text += f"\nStill failed: {', '.join(sorted(named)[:_SHOWN_PARTS])}{rest}."
    moments = tuple(sorted(moment for part in group for moment in part.moments))
    return replace(newest, severity=worst, text=text, count=len(group), moments=moments)
