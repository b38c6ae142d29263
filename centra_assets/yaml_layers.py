"""Settings files in YAML, one laid over the other, with all that is wrong in them. What they mean is not known here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError


@dataclass
class Layer:
    """One file, read: its parts by place, and what is wrong with it. Only what is written there is in the parts."""

    file: str
    parts: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def read(self, text: str) -> Any:
        """The file's content as YAML has it; None, and a problem, where it is not YAML."""
        try:
            return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
        except yaml.MarkedYAMLError as error:
            line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
            told = error.problem or "unreadable"
            self.refuse((), f"is not YAML{line}: {told}; quote crons and whatever begins with *")
        except (yaml.YAMLError, TypeError, RecursionError):
            self.refuse((), "is not YAML that can be read")
        return None

    def take(self, place: tuple[str, ...], model: type[BaseModel], written: Any) -> None:
        """Checks one part and keeps it."""
        if written is None:
            return
        try:
            found = model.model_validate(written)
        except ValidationError as error:
            self.problems += [f"{self.at(place + where)} {what}" for where, what in _told(model, error)]
        else:
            self.parts[place] = found.model_dump(exclude_unset=True)

    def mapping(self, place: tuple[str, ...], written: Any, allowed: Sequence[str]) -> dict[str, Any]:
        """The known keys of a mapping; the others are problems."""
        if written is None:
            return {}
        if not isinstance(written, dict):
            self.refuse(place, f"must be a mapping with the keys {', '.join(allowed)}")
            return {}
        for key in written:
            if key not in allowed:
                self.refuse((*place, str(key)), f"is not known; allowed: {', '.join(allowed)}")
        return {key: part for key, part in written.items() if key in allowed}

    def refuse(self, place: tuple[str, ...], what: str) -> None:
        """Notes a problem of this file."""
        self.problems.append(f"{self.at(place)} {what}")

    def at(self, place: tuple[str, ...]) -> str:
        """A place as a person finds it."""
        return f"{self.file}: {'.'.join(place)}:" if place else f"{self.file}:"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML in which a key that is written twice is an error: the second would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is written twice", node.start_mark)
        built: dict[Any, Any] = super().construct_mapping(node, deep)
        return built


def _told(model: type[BaseModel], error: ValidationError) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where and what, in words for the one who wrote it."""
    for problem in error.errors(include_url=False):
        place = tuple(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield place, f"is not known; allowed: {', '.join(_names_of(_model_at(model, place[:-1])))}"
        else:
            yield place, problem["msg"].removeprefix("Value error, ")


def _names_of(model: type[BaseModel]) -> list[str]:
    """The fields as they are written in the file."""
    return [found.alias or name for name, found in model.model_fields.items()]


def _model_at(model: type[BaseModel], place: Sequence[str]) -> type[BaseModel]:
    for name in place:
        annotation = model.model_fields[name].annotation
        # A section that may be null is a union with None.
        options = [option for option in get_args(annotation) if option is not type(None)] or [annotation]
        model = options[0]
    return model
