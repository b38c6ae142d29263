"""`alerts.yaml` as typed settings: channels, routes, rules. Reading files is in settings_file; no secret is here."""

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

from centra_assets.alerts.model import Condition, Kind, Severity
from centra_assets.assets.groups import Owner
from centra_assets.rhythm import duration

OWNERS = tuple(owner.value.removeprefix("team:") for owner in Owner)


def _owner(value: str) -> str:
    if value.removeprefix("team:") not in OWNERS:
        raise ValueError(f"{value!r} is no owner; allowed: {', '.join(OWNERS)}")
    return value.removeprefix("team:")


def _address(value: str) -> str:
    # Enough to catch a slip; the mail server judges the rest.
    if value.count("@") != 1 or value.startswith("@") or value.endswith("@") or any(c.isspace() for c in value):
        raise ValueError("is no e-mail address")
    return value


def _web(value: str) -> str:
    # Its value is not repeated: a URL may hold a secret.
    if not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return value


def _variable(value: str) -> str:
    # Not repeated either: whoever writes it wrong has often written the secret itself.
    if not (value.isidentifier() and value.isascii()):
        raise ValueError("must be the name of an environment variable, not its value")
    return value


def _clock(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return time.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no time of day such as '22:00'") from None
    if isinstance(value, int):
        # YAML 1.1 reads 22:00 as 1320, a number of base sixty.
        raise ValueError("must be quoted, such as '22:00'")
    return value


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(duration)]
OwnerName = Annotated[str, AfterValidator(_owner)]
Address = Annotated[str, AfterValidator(_address)]
# Where a secret is, never what it is.
Variable = Annotated[str, AfterValidator(_variable)]
Count = Annotated[StrictInt, Field(ge=1)]
Clock = Annotated[time, BeforeValidator(_clock)]
Owners = Annotated[tuple[OwnerName, ...], BeforeValidator(_one_or_many)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_one_or_many)]


class Section(BaseModel):
    """A part of alerts.yaml: nothing in it that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class QuietHours(Section):
    """Times of day, in the merchant's zone, at which only what is at least so bad is sent; the rest waits."""

    begin: Clock = Field(alias="from")
    end: Clock = Field(alias="to")
    except_severity: Severity = Field(Severity.CRITICAL, alias="except")


class _Channel(Section):
    quiet: QuietHours | None = None
    timeout_seconds: Annotated[StrictInt, Field(ge=1, le=30)] = 10


class SlackChannel(_Channel):
    """An incoming webhook of Slack. Whoever knows its URL can post, so the URL is a secret."""

    type: Literal["slack"]
    url_env: Variable


class EmailChannel(_Channel):
    """A mail server, and to whom mail is sent."""

    type: Literal["email"]
    host: Annotated[str, StringConstraints(min_length=1)]
    port: Annotated[StrictInt, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user_env: Variable | None = None
    password_env: Variable | None = None
    sender: Address = Field(alias="from")
    to: Annotated[tuple[Address, ...], BeforeValidator(_one_or_many), Field(min_length=1)]


class HttpChannel(_Channel):
    """Any endpoint that takes JSON. With a secret every body is signed."""

    type: Literal["http"]
    url: Annotated[str, AfterValidator(_web)] | None = None
    url_env: Variable | None = None
    secret_env: Variable | None = None


Channel = SlackChannel | EmailChannel | HttpChannel
CHANNEL_TYPES: Mapping[str, type[SlackChannel | EmailChannel | HttpChannel]] = {
    "slack": SlackChannel,
    "email": EmailChannel,
    "http": HttpChannel,
}


class Route(Section):
    """Which alerts go where. What is not named does not narrow it; every route that fits is taken."""

    to: Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
    owner: Owners = ()
    severity: Severity = Severity.INFO
    kind: Kinds = ()

    def takes(self, condition: Condition) -> bool:
        """Whether this alert goes along it."""
        return (
            (not self.owner or condition.owner in self.owner)
            and (not self.kind or condition.kind in self.kind)
            and condition.severity.rank >= self.severity.rank
        )


class Rule(Section):
    """When a condition becomes a message, and when another one."""

    enabled: StrictBool = True
    hold: Duration = timedelta(0)
    recover: Duration = timedelta(0)
    at_least: Count = 1
    within: Duration = timedelta(hours=1)
    remind: Duration = timedelta(hours=24)
    severity: Severity | None = None


class SubjectRule(Rule):
    """A rule for some subjects only: a job, an asset, an entity, a sensor; * and ? stand for others."""

    kind: Kind
    subject: str


class QuarantineWatch(Section):
    """Records set aside: so many new ones within a while, or so many in all."""

    growth: Count = 25
    within: Duration = timedelta(hours=1)
    total: Count = 500


class InboxWatch(Section):
    """Hints: how old the oldest waiting one may be, and how many may be given up within a while."""

    warn: Duration = timedelta(minutes=10)
    error: Duration = timedelta(hours=1)
    failed: Count = 10
    within: Duration = timedelta(hours=1)


class ThrottlingWatch(Section):
    """How long after a 429 it still counts as throttled."""

    within: Duration = timedelta(minutes=10)


class TokenWatch(Section):
    """How long before its last day the token is spoken of."""

    warn: Duration = timedelta(days=14)
    error: Duration = timedelta(days=3)


class SensorWatch(Section):
    """Sensors and schedules: after so many failed ticks in a row, or so long without one beyond the interval."""

    failures: Count = 3
    late: Duration = timedelta(minutes=10)


class Watches(Section):
    """From where on what is counted is worth an alert."""

    quarantine: QuarantineWatch = QuarantineWatch()
    inbox: InboxWatch = InboxWatch()
    throttling: ThrottlingWatch = ThrottlingWatch()
    token: TokenWatch = TokenWatch()
    sensor: SensorWatch = SensorWatch()


class Delivery(Section):
    """How messages are sent: when several become one, and how long a dead channel is tried."""

    storm: Count = 10
    within: Duration = timedelta(minutes=5)
    gather: Duration = timedelta(minutes=1)
    give_up: Duration = timedelta(hours=24)


class AlertSettings(Section):
    """What holds after the project's own file and the merchant's were read."""

    channels: Mapping[str, Channel] = {}
    routes: Sequence[Route] = ()
    kinds: Mapping[Kind, Rule] = {}
    subjects: Sequence[SubjectRule] = ()
    watch: Watches = Watches()
    delivery: Delivery = Delivery()

    def rule(self, condition: Condition) -> Rule:
        """The rule of a condition: what its kind has, and over it what the first fitting subject says."""
        rule = self.kinds.get(condition.kind, Rule())
        for special in self.subjects:
            if special.kind is condition.kind and fnmatchcase(condition.subject, special.subject):
                said = special.model_dump(exclude_unset=True, exclude={"kind", "subject"})
                return rule.model_copy(update=said)
        return rule

    def channels_of(self, condition: Condition) -> list[str]:
        """The channels that an alert goes to, each once, in the order of the routes."""
        return list(dict.fromkeys(name for route in self.routes if route.takes(condition) for name in route.to))
