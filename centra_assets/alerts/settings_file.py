"""Reads alerts.yaml: the project's own file, then the merchant's over it. What the settings mean is in settings.

The secrets that it names are marked: from then on no line of this process shows them.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from centra_assets.alerts.channels.secrets import hide_secrets
from centra_assets.alerts.errors import AlertsConfigError
from centra_assets.alerts.model import Kind
from centra_assets.alerts.settings import (
    CHANNEL_TYPES,
    AlertSettings,
    Channel,
    Delivery,
    HttpChannel,
    Route,
    Rule,
    SubjectRule,
    Watches,
)
from centra_assets.yaml_layers import Layer

PACKAGED = "alerts.yaml (the project's own)"

# Fields of channels that name an environment variable with a secret. The user of a mail server is none.
_SECRETS = ("url_env", "password_env", "secret_env")
_SECTIONS = ("channels", "routes", "kinds", "subjects", "watch", "delivery")


@cache
def load_alert_settings(path: Path | None = None) -> AlertSettings:
    """The settings of this process, read once. `path` is the merchant's file. Raises AlertsConfigError."""
    return read_alert_settings(path)


def read_alert_settings(path: Path | None = None) -> AlertSettings:
    """The settings in the files as they are now. The merchant's channels and routes take the place of the project's,
    his subjects come before the project's, the rest is replaced key by key.
    """
    layers = [_layer(PACKAGED, (files("centra_assets") / "alerts.yaml").read_text(encoding="utf-8"))]
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AlertsConfigError(f"{path}: cannot be read: {type(error).__name__}.") from None
        layers.append(_layer(str(path), text))
    problems = [problem for layer in layers for problem in layer.problems]
    if problems:
        raise AlertsConfigError("; ".join(dict.fromkeys(problems)) + ".")
    channels = _channels(layers)
    hide_secrets(filter(None, (getattr(channel, name, None) for channel in channels.values() for name in _SECRETS)))
    return AlertSettings(
        channels=channels,
        routes=[Route(**part) for part in _listed(layers, "routes")],
        kinds={kind: Rule(**_merged(layers, ("kinds", str(kind)))) for kind in Kind},
        subjects=[SubjectRule(**part) for part in _listed(layers[::-1], "subjects")],
        watch=Watches(**{name: _merged(layers, ("watch", name)) for name in Watches.model_fields}),
        delivery=Delivery(**_merged(layers, ("delivery",))),
    )


def _layer(file: str, text: str) -> Layer:
    layer = Layer(file)
    top = layer.mapping((), layer.read(text), _SECTIONS)
    channels = top.get("channels")
    for name, part in layer.mapping(("channels",), channels, _names(channels)).items():
        _take_channel(layer, name, part)
    for section, model in (("routes", Route), ("subjects", SubjectRule)):
        parts = top.get(section) or []
        if not isinstance(parts, list):
            layer.refuse((section,), "must be a list")
            continue
        for number, part in enumerate(parts, 1):
            layer.take((section, f"number {number}"), model, part)
    for name, part in layer.mapping(("kinds",), top.get("kinds"), [str(kind) for kind in Kind]).items():
        layer.take(("kinds", name), Rule, part)
    for name, part in layer.mapping(("watch",), top.get("watch"), list(Watches.model_fields)).items():
        layer.take(("watch", name), type(getattr(Watches(), name)), part)
    layer.take(("delivery",), Delivery, top.get("delivery"))
    layer.problems += _contradictions(layer, top)
    return layer


def _names(written: Any) -> list[str]:
    """Channels may be named as one likes."""
    return [name for name in written if isinstance(name, str)] if isinstance(written, dict) else ["any name"]


def _take_channel(layer: Layer, name: str, part: Any) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in CHANNEL_TYPES:
        layer.refuse(("channels", name, "type"), f"must be one of {', '.join(CHANNEL_TYPES)}")
        return
    model = CHANNEL_TYPES[kind]
    layer.take(("channels", name), model, part)
    found = layer.parts.get(("channels", name))
    if found is None:
        return
    if model is HttpChannel and ("url" in found) == ("url_env" in found):
        layer.refuse(("channels", name), "needs either url or url_env")
    if ("user_env" in found) != ("password_env" in found):
        layer.refuse(("channels", name), "needs both user_env and password_env, or neither")
    if found.get("security") == "none" and "password_env" in found:
        layer.refuse(("channels", name, "security"), "would send the password unencrypted; allowed: starttls, tls")


def _contradictions(layer: Layer, top: Mapping[str, Any]) -> Iterator[str]:
    """What only the whole shows: routes to nowhere, and channels that no route leads to.

    Looked at as it is written: what else is wrong with a channel or a route must not hide it, nor bring it about.
    """
    channels, routes = top.get("channels") or {}, top.get("routes") or []
    if not isinstance(channels, dict) or not isinstance(routes, list):
        return
    named: set[str] = set()
    for number, route in enumerate(routes, 1):
        written = route.get("to") if isinstance(route, dict) else None
        for name in [written] if isinstance(written, str) else written if isinstance(written, list) else []:
            if not isinstance(name, str):
                continue
            named.add(name)
            if name not in channels:
                known = ", ".join(sorted(map(str, channels))) or "none is defined"
                yield f"{layer.at(('routes', f'number {number}', 'to'))} {name!r} is no channel; allowed: {known}"
    for name in _names(channels):
        if name not in named:
            yield f"{layer.at(('channels', name))} no route leads here; write one, such as routes: [{{to: [{name}]}}]"


def _channels(layers: Sequence[Layer]) -> dict[str, Channel]:
    found: dict[str, Channel] = {}
    for place, part in layers[-1].parts.items():
        if place[0] == "channels":
            found[place[1]] = CHANNEL_TYPES[part["type"]](**part)
    return found


def _listed(layers: Sequence[Layer], section: str) -> list[dict[str, Any]]:
    return [part for layer in layers for place, part in layer.parts.items() if place[0] == section]


def _merged(layers: Sequence[Layer], place: tuple[str, ...]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer.parts.get(place, {})
    return merged
