"""Mutations, by name. Each takes the instance, the token and its arguments, and returns its payload."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from centra_assets.sandbox.records import EventsPayload, UserMessage
from centra_assets.sandbox.tokens import Token

if TYPE_CHECKING:
    from centra_assets.sandbox.instance import Instance

Mutation = Callable[["Instance", Token, Mapping[str, Any]], Any]


def _set_event_listeners(instance: "Instance", token: Token, args: Mapping[str, Any]) -> EventsPayload:
    integration = instance.integration(token)
    for wanted in args["input"]:
        instance.events.listen(integration, wanted["objectType"], wanted.get("changeTypes"), instance.clock.now())
    return EventsPayload(eventListeners=instance.events.listeners(integration))


def _unset_event_listeners(instance: "Instance", token: Token, args: Mapping[str, Any]) -> EventsPayload:
    integration = instance.integration(token)
    for unwanted in args["input"]:
        instance.events.ignore(integration, unwanted["objectType"], unwanted.get("changeTypes"), instance.clock.now())
    return EventsPayload(eventListeners=instance.events.listeners(integration))


def _confirm_events(instance: "Instance", token: Token, args: Mapping[str, Any]) -> EventsPayload:
    confirmed, unknown = instance.events.confirm(instance.integration(token), args["input"]["eventsIds"])
    # A client that was cut off confirms again: that must not look like a failure.
    warnings = [UserMessage(f"Event {event_id} is not waiting.", ["input", "eventsIds"]) for event_id in unknown]
    return EventsPayload(events=confirmed, userWarnings=warnings)


MUTATIONS: dict[str, Mutation] = {
    "setEventListeners": _set_event_listeners,
    "unsetEventListeners": _unset_event_listeners,
    "confirmEvents": _confirm_events,
}
