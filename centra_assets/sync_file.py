"""Reads sync.yaml: the project's own file, then the merchant's over it. What the settings mean is in sync_config."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.errors import CentraAssetsError
from centra_assets.sync_config import (
    CheckSettings,
    DrainSettings,
    EntitySync,
    EventSettings,
    RetentionSettings,
    Strategy,
    SweepSettings,
    SyncConfig,
    strategies_of,
)
from centra_assets.yaml_layers import Layer

PACKAGED = "sync.yaml (the project's own)"


class SyncConfigError(CentraAssetsError):
    """sync.yaml cannot be used: every problem that was found, with its place and what is allowed there."""

    code = "SYNC_CONFIG_INVALID"
    remedy = "Correct the named file as docs/sync.md describes; CENTRA_SYNC_FILE says which file is read."


@cache
def load_sync_config(path: Path | None = None) -> SyncConfig:
    """The settings of this process, read once. `path` is the merchant's file. Raises SyncConfigError."""
    return read_sync_config(path)


def read_sync_config(path: Path | None = None, entities: Sequence[Entity] = ENTITIES) -> SyncConfig:
    """The settings in the files as they are now."""
    layers = [_layer(PACKAGED, (files("centra_assets") / "sync.yaml").read_text(encoding="utf-8"), entities)]
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SyncConfigError(f"{path}: cannot be read: {type(error).__name__}.") from None
        layers.append(_layer(str(path), text, entities))
    problems = [problem for layer in layers for problem in layer.problems]
    settled = {entity.name: _settled(entity, layers, problems) for entity in entities}
    if problems:
        raise SyncConfigError("; ".join(dict.fromkeys(problems)) + ".")
    return SyncConfig(
        events=EventSettings(**_merged(layers, ("events",))),
        sync=DrainSettings(**_merged(layers, ("sync",))),
        checks=CheckSettings(**_merged(layers, ("checks",))),
        retention=RetentionSettings(**_merged(layers, ("retention",))),
        entities=settled,
    )


def _layer(file: str, text: str, entities: Sequence[Entity]) -> Layer:
    layer = Layer(file)
    written = layer.read(text)
    top = layer.mapping((), written, ("events", "sync", "checks", "retention", "defaults", "entities"))
    layer.take(("events",), EventSettings, top.get("events"))
    layer.take(("sync",), DrainSettings, top.get("sync"))
    layer.take(("checks",), CheckSettings, top.get("checks"))
    _take_retention(layer, top.get("retention"), entities)
    defaults = layer.mapping(("defaults",), top.get("defaults"), ("axes", "strategies"))
    for kind, known, model in (("axes", Axis, EntitySync), ("strategies", Strategy, SweepSettings)):
        for name, part in layer.mapping(("defaults", kind), defaults.get(kind), [str(key) for key in known]).items():
            layer.take(("defaults", kind, name), model, part)
    for name, part in layer.mapping(("entities",), top.get("entities"), [e.name for e in entities]).items():
        layer.take(("entities", name), EntitySync, part)
    for place, part in layer.parts.items():
        sweep = part if place[:2] == ("defaults", "strategies") else part.get("sweep") or {}
        if sweep.get("every") is not None and sweep.get("cron") is not None:
            layer.refuse((*place, "sweep"), "has both every and cron; a sweep has one of them")
    return layer


def _take_retention(layer: Layer, written: Any, entities: Sequence[Entity]) -> None:
    layer.take(("retention",), RetentionSettings, written)
    known = {contract.table for entity in entities for contract in entity.tables}
    for table in layer.parts.get(("retention",), {}).get("history_tables", {}):
        if table not in known:
            layer.refuse(("retention", "history_tables", table), "is no table of core")


def _merged(layers: Sequence[Layer], place: tuple[str, ...]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer.parts.get(place, {})
    return merged


def _written(entity: Entity, layers: Sequence[Layer]) -> Iterator[tuple[Layer, tuple[str, ...], dict[str, Any]]]:
    """What is said about an entity, the weakest first, each with its file and place."""
    for place in (("defaults", "axes", str(entity.axis)), ("entities", entity.name)):
        for layer in layers:
            if place in layer.parts:
                yield layer, place, layer.parts[place]


def _settled(entity: Entity, layers: Sequence[Layer], problems: list[str]) -> EntitySync:
    """What holds for an entity. Whoever names another strategy begins anew from that strategy's defaults."""
    settled: dict[str, Any] = {}
    sweep: dict[str, Any] = {"strategy": Strategy.NONE}
    said_at: tuple[Layer, tuple[str, ...]] = (layers[0], ())
    for layer, place, part in _written(entity, layers):
        settled |= part
        said = part.get("sweep")
        if not said:
            continue
        said_at = layer, (*place, "sweep")
        if said.get("strategy", sweep["strategy"]) != sweep["strategy"]:
            sweep = _merged(layers, ("defaults", "strategies", str(said["strategy"])))
        for one, other in (("every", "cron"), ("cron", "every")):
            if said.get(one) is not None:
                sweep.pop(other, None)
        sweep |= said
    strategy, allowed = sweep["strategy"], strategies_of(entity)
    if strategy not in allowed:
        layer, place = said_at
        what = f"{entity.name} cannot be swept by {strategy}; allowed: {', '.join(allowed)}"
        problems.append(f"{layer.at((*place, 'strategy'))} {what}")
    elif strategy is Strategy.NONE:
        sweep = {}
    elif sweep.get("every") is None and sweep.get("cron") is None:
        # Whatever took them away, here they can be said.
        place = ("entities", entity.name, "sweep")
        problems.append(f"{layers[-1].at(place)} has neither every nor cron, and the strategy {strategy}")
    return EntitySync(**{**settled, "sweep": SweepSettings(**sweep)})
