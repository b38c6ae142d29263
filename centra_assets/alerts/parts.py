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
            left = _left(event, part)
            if left == part:
                continue
            if name in before and before[name].event_id == part.event_id:
                now[name] = left
            elif again_from is None:
                again_from = event.event_id
    return Folded([part for name, part in now.items() if part != before.get(name)], again_from)


def _left(event: Succeeded, part: Part) -> Part:
    """What is left of a part after a success: all of it, fewer of its assets, or its end."""
    if part.ended is not None or event.event_id <= part.event_id:
        return part
    failed, done = part.extent.get("assets"), event.extent.get("assets")
    is_same = part.scope == event.scope
    # Whichever job it was that brought the assets; work that is none of assets is its own job's.
    if not (is_same or (failed and done)) or not reaches(event.extent, part.extent, is_same=is_same):
        return part
    assets = sorted(set(failed or ()) - set(done)) if done else []
    if assets:
        return replace(part, extent={**part.extent, "assets": assets})
    return replace(part, ended=event.event_id)


def _fail(now: dict[tuple[str, str], Part], event: Failed) -> None:
    name = (event.condition.key, event.part)
    known = now.get(name)
    if known is not None and known.event_id >= event.event_id:
        return
    before = known.moments if known is not None and known.ended is None else ()
    moments = sorted({*before, event.at})[-_MOST_MOMENTS:]
    now[name] = Part(event.condition, event.part, event.scope, event.event_id, tuple(moments), event.extent)


def reaches(done: Mapping[str, Any], failed: Mapping[str, Any], *, is_same: bool) -> bool:
    """Whether what succeeded holds the partitions, from `first` to `last`, of what failed. `is_same`: the same job.

    Nothing said of partitions means the work as a whole: of the same job any success will do, of another one only the
    whole. What a `clock` asks for again is the same work the next time, although its range of days has moved on.
    Days and months are in an order; a range of other keys may hold more than is seen here, and then a part stays.
    """
    first, last = failed.get("first"), failed.get("last")
    if first is None:
        return is_same or done.get("first") is None
    if is_same and failed.get("clock") and (done.get("clock") or done.get("first") is None):
        return True
    return done.get("first") is not None and bool(done["first"] <= first and last <= done["last"])


def conditions(standing: Iterable[Part], known: Collection[str] | None = None) -> list[Condition]:
    """One condition per alert out of its parts, told as the newest of them tells it, with the number of all.

    `known` are the scopes and assets that still exist: what belonged to others is nobody's trouble any more.
    """
    by_key: dict[str, list[Part]] = {}
    for part in standing:
        if part.ended is None and (known is None or _is_known(part, known)):
            by_key.setdefault(part.condition.key, []).append(part)
    return [_together(sorted(group, key=lambda part: part.event_id)) for group in by_key.values()]


def _is_known(part: Part, known: Collection[str]) -> bool:
    assets = part.extent.get("assets")
    return part.scope in known and (not assets or any(name in known for name in assets))


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
