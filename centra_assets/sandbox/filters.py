"""The `where` argument: which objects pass, evaluated from the filter's own input type. No sorting, no paging."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from graphql import GraphQLInputObjectType, GraphQLInputType, GraphQLList, get_named_type

from centra_assets.sandbox.instants import read_instant
from centra_assets.sandbox.paths import reader

Test = Callable[[Any], bool]
_RANGES = frozenset({"DateRange", "IntRange", "FloatRange", "DateOnlyRangeInput"})


@dataclass(frozen=True)
class Moment:
    """What a filter's dates are read against."""

    now: datetime
    zone: ZoneInfo


@dataclass(frozen=True)
class Span:
    """A range on one field, both ends inside; None is open."""

    field_name: str
    low: Any
    high: Any


@dataclass(frozen=True)
class Where:
    """A `where` argument, ready to be asked. `spans` are ranges that an index may answer instead of the tests."""

    tests: tuple[Test, ...]
    spans: tuple[Span, ...]

    def passes(self, node: Any) -> bool:
        return all(test(node) for test in self.tests)

    def without(self, span: Span) -> "Where":
        """What is left to test when an index has answered a span."""
        position = self.spans.index(span)
        # The spans' own tests come last, in the same order.
        tests = list(self.tests)
        del tests[len(tests) - len(self.spans) + position]
        return Where(tuple(tests), self.spans[:position] + self.spans[position + 1 :])


NO_FILTER = Where((), ())


def compile_where(argument_type: GraphQLInputType, where: Mapping[str, Any] | None, moment: Moment) -> Where:
    """The tests of a coerced `where` value; an empty one lets everything pass."""
    if not where:
        return NO_FILTER
    filter_type = get_named_type(argument_type)
    assert isinstance(filter_type, GraphQLInputObjectType)
    negated = frozenset(where.get("negate") or ())
    tests: list[Test] = []
    spans: list[tuple[Span, Test]] = []
    for name, given in where.items():
        if given is None or name == "negate":
            continue
        if name == "notNull":
            tests.extend(_has_value(field_name) for field_name in given)
            continue
        if name == "search":
            test: Test = _mentions(str(given))
        else:
            test = _special(name, given) or _field_test(name, filter_type.fields[name].type, given, moment)
        if name in negated:
            tests.append(_not(test))
        elif get_named_type(filter_type.fields[name].type).name in _RANGES:
            low, high = _ends(given, moment)
            spans.append((Span(name, low, high), test))
        else:
            tests.append(test)
    return Where((*tests, *(test for _, test in spans)), tuple(span for span, _ in spans))


def comparable(value: Any, zone: ZoneInfo) -> Any:
    """A value as ranges and sorts compare it: money by its amount, a plain date as its midnight."""
    if hasattr(value, "gross"):
        value = value.gross
    if hasattr(value, "minor"):
        return value.value
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value


def _field_test(name: str, input_type: GraphQLInputType, given: Any, moment: Moment) -> Test:
    if isinstance(input_type, GraphQLList):
        return _any_of(name, frozenset(given))
    named = get_named_type(input_type)
    if named.name in _RANGES:
        return _within(name, *_ends(given, moment), moment.zone)
    if named.name == "StringMatch":
        return _matches(name, given)
    return _any_of(name, frozenset([given]))


def _special(name: str, given: Any) -> Test | None:
    """Filters that ask for a state rather than compare a value."""
    if name == "isTopFolder" or name == "isTopCategory":
        parent = "parentFolder" if name == "isTopFolder" else "parentCategory"
        return lambda node: (getattr(node, parent, None) is None) is given
    if name == "skipEmpty":
        return (lambda node: bool(getattr(node, "value", None))) if given else (lambda node: True)
    if name == "isWaitingForCheckFirstAllocation":
        return lambda node: (getattr(node, "orderHoldReason", None) == "WAITING_FOR_CHECK_FIRST_ALLOCATION") is given
    return None


def _any_of(name: str, wanted: frozenset[Any]) -> Test:
    def test(node: Any) -> bool:
        return any(value in wanted for value in reader(type(node), name)(node))

    return test


def _within(name: str, low: Any, high: Any, zone: ZoneInfo) -> Test:
    def test(node: Any) -> bool:
        for value in reader(type(node), name)(node):
            seen = comparable(value, zone)
            if (low is None or seen >= low) and (high is None or seen <= high):
                return True
        return False

    return test


def _matches(name: str, match: Mapping[str, str | None]) -> Test:
    # The instance's database compares without regard to case.
    wanted = {how: text.casefold() for how, text in match.items() if text is not None}

    def test(node: Any) -> bool:
        texts = [str(value).casefold() for value in reader(type(node), name)(node)]
        return all(any(_text_matches(how, text, each) for each in texts) for how, text in wanted.items())

    return test


def _text_matches(how: str, wanted: str, text: str) -> bool:
    match how:
        case "equals":
            return text == wanted
        case "contains":
            return wanted in text
        case "startsWith":
            return text.startswith(wanted)
        case _:
            return text.endswith(wanted)


def _mentions(phrase: str) -> Test:
    wanted = phrase.casefold()

    def test(node: Any) -> bool:
        texts = (getattr(node, name) for name in _searched(type(node)))
        return any(wanted in str(text).casefold() for text in texts if isinstance(text, str | int))

    return test


def _searched(kind: type) -> Sequence[str]:
    names = ("id", "number", "name", "code", "email", "uri", "productNumber", "SKU", "comment", "trackingNumber")
    return [name for name in names if hasattr(kind, name)]


def _has_value(name: str) -> Test:
    return lambda node: any(value is not None for value in reader(type(node), name)(node))


def _not(test: Test) -> Test:
    return lambda node: not test(node)


def _ends(given: Mapping[str, Any], moment: Moment) -> tuple[Any, Any]:
    return _end(given.get("from"), moment), _end(given.get("to"), moment)


def _end(value: Any, moment: Moment) -> Any:
    if isinstance(value, str):
        return read_instant(value, moment.zone, moment.now)
    # Decimals and binary fractions compare exactly, but 19.9 was meant as 19.9.
    return Decimal(repr(value)) if isinstance(value, float) else value
