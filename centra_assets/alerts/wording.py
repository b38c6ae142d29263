"""What a message says: as plain text, as HTML, as Slack's blocks, as JSON. What is told is a notice's; how it is sent
is a channel's.
"""

import html
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from centra_assets.alerts.model import Condition, Event, Kind, Message, Notice

# The JSON of HTTP channels; a reader may rely on it until the number changes.
SCHEMA_VERSION = 1

# Slack refuses longer ones.
_SLACK_HEADER, _SLACK_SECTION, _SLACK_BLOCKS = 150, 3000, 50
_LONGEST_TEXT, _LONGEST_SUBJECT = 2500, 200
_MOST_IN_DIGEST = 40

_WORDS: Mapping[Event, str] = {
    Event.OPENED: "",
    Event.ESCALATED: "worse: ",
    Event.REMINDER: "still: ",
    Event.RECOVERED: "over: ",
    Event.TEST: "test: ",
}


@dataclass(frozen=True)
class Wording:
    """Words for people in one time zone, with links to one Dagster."""

    zone: ZoneInfo
    dagster_url: str = "http://127.0.0.1:3000"

    def subject(self, message: Message) -> str:
        """One line."""
        if len(message.notices) == 1:
            return _headline(message.notices[0])
        if all(notice.event is Event.RECOVERED for notice in message.notices):
            return f"[recovered] {len(message.notices)} alerts are over"
        return f"[{message.severity}] {len(message.notices)} changes of alerts"

    def plain(self, message: Message) -> str:
        """Text for people."""
        if len(message.notices) > 1:
            lines = [_opening(message), ""]
            for notice in message.notices[:_MOST_IN_DIGEST]:
                lines += [self._digest_line(notice), f"  {self._link(notice.condition.link)}"]
            return "\n".join([*lines, *_rest(message), "", self._link("")]) + "\n"
        (notice,) = message.notices
        over = "Over: " if notice.event is Event.RECOVERED else ""
        lines = [f"{over}{notice.condition.title}", "", self._when(notice)]
        if notice.event is not Event.RECOVERED:
            lines += ["", _cut(notice.condition.text, _LONGEST_TEXT)]
        return "\n".join([*lines, "", self._link(notice.condition.link), "", self._foot(notice)]) + "\n"

    def html(self, message: Message) -> str:
        """The same, in few and plain elements: mail programs know little."""
        links = {self._link(notice.condition.link) for notice in message.notices} | {self._link("")}
        paragraphs = (
            "<br>".join(_html_line(line, links) for line in part.split("\n"))
            for part in self.plain(message).strip().split("\n\n")
        )
        body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        return f"<!DOCTYPE html><html><body>{body}</body></html>"

    def slack(self, message: Message) -> bytes:
        """The body of a call to an incoming webhook. What comes from elsewhere cannot mention anybody or format."""
        if len(message.notices) > 1:
            lines = [
                f"<{_mrkdwn(self._link(notice.condition.link))}|{_mrkdwn(self._digest_line(notice))}>"
                for notice in message.notices[:_MOST_IN_DIGEST]
            ]
            sections = _filled([_opening(message), *lines, *_rest(message)])
            blocks = [*map(_section, sections), _section(f"<{_mrkdwn(self._link(''))}|Dagster>")]
        else:
            (notice,) = message.notices
            said = self._when(notice)
            if notice.event is not Event.RECOVERED:
                said += "\n" + _cut(notice.condition.text, _LONGEST_TEXT)
            blocks = [
                _section(_mrkdwn(said)),
                _section(f"<{_mrkdwn(self._link(notice.condition.link))}|Open in Dagster>"),
                {"type": "context", "elements": [{"type": "mrkdwn", "text": _mrkdwn(self._foot(notice))}]},
            ]
        subject = self.subject(message)
        header = {"type": "plain_text", "text": _cut(subject, _SLACK_HEADER), "emoji": False}
        body = {"text": _mrkdwn(subject), "blocks": [{"type": "header", "text": header}, *blocks][:_SLACK_BLOCKS]}
        return json.dumps(body, ensure_ascii=False).encode()

    def document(self, message: Message) -> dict[str, Any]:
        """What an HTTP endpoint is given; docs/alerts.md describes it."""
        return {
            "version": SCHEMA_VERSION,
            "id": message.id,
            "event": str(message.event),
            "severity": str(message.severity),
            "subject": self.subject(message),
            "alerts": [
                {
                    **notice.condition.told(),
                    "link": self._link(notice.condition.link),
                    "event": str(notice.event),
                    "since": notice.since.isoformat(),
                    "at": notice.at.isoformat(),
                }
                for notice in message.notices
            ],
        }

    def _digest_line(self, notice: Notice) -> str:
        return f"{self._clock(notice.at)} {_headline(notice)}"

    def _when(self, notice: Notice) -> str:
        since = f"since {self._clock(notice.since)}"
        if notice.event is Event.RECOVERED:
            return f"Over at {self._clock(notice.at)}; it was so {since}. {_left(notice.condition)}"
        if notice.event is Event.TEST:
            return f"Sent at {self._clock(notice.at)}."
        many = f", {notice.condition.count} of them" if notice.condition.count > 1 else ""
        return f"{'Still so, ' if notice.event is Event.REMINDER else 'So '}{since}{many}."

    def _foot(self, notice: Notice) -> str:
        condition = notice.condition
        return f"{condition.severity}, for {condition.owner}. Alert {condition.key}"

    def _clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M %Z}"

    def _link(self, path: str) -> str:
        return f"{self.dagster_url.rstrip('/')}/{path.lstrip('/')}"


def _headline(notice: Notice) -> str:
    mark = "recovered" if notice.event is Event.RECOVERED else str(notice.condition.severity)
    return _cut(_one_line(f"[{mark}] {_WORDS[notice.event]}{notice.condition.title}"), _LONGEST_SUBJECT)


def _opening(message: Message) -> str:
    return f"{len(message.notices)} alerts opened, changed or recovered within a short time:"


def _rest(message: Message) -> list[str]:
    rest = len(message.notices) - _MOST_IN_DIGEST
    return [f"and {rest} more; see centra-assets alerts list"] if rest > 0 else []


def _filled(lines: Sequence[str]) -> list[str]:
    """As few texts as hold these lines, none longer than a section of Slack's: a link that is cut is none."""
    texts = [""]
    for line in lines:
        if len(texts[-1]) + 1 + len(line) > _SLACK_SECTION:
            texts.append("")
        texts[-1] += ("\n" if texts[-1] else "") + line
    return texts


def _html_line(line: str, links: Collection[str]) -> str:
    escaped = html.escape(line.strip())
    return f'<a href="{escaped}">{escaped}</a>' if line.strip() in links else escaped


def _left(condition: Condition) -> str:
    """What remains of a trouble that is over."""
    if condition.kind is Kind.QUARANTINE:
        return (
            f"`centra-assets quarantine list --entity {condition.subject}` shows whether some are left in quarantine."
        )
    if condition.kind is Kind.HINTS:
        return "No more are given up; what the others spoke of comes with the next sweeps."
    return "Nothing is left to be done about it."


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, _SLACK_SECTION), "verbatim": True}}


def _mrkdwn(text: str) -> str:
    """These three are all that Slack takes for more than text; without them nobody can be mentioned."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
