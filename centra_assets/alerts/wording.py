"""What a message says: as plain text, as HTML, as Slack's blocks, as JSON. What is told is a notice's; how it is sent
is a channel's.
"""

import html
import json
from collections.abc import Mapping
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
    Event.RECOVERED: "recovered: ",
    Event.TEST: "test: ",
}


@dataclass(frozen=True)
class Wording:
    """Words for people in one time zone, with links to one Dagster."""

    zone: ZoneInfo
    dagster_url: str = "http://127.0.0.1:3000"

    def subject(self, message: Message) -> str:
        """One line."""
        if message.event is Event.DIGEST:
            return f"[{message.severity}] {len(message.notices)} changes of alerts"
        (notice,) = message.notices
        mark = "recovered" if notice.event is Event.RECOVERED else str(notice.condition.severity)
        word = "" if notice.event is Event.RECOVERED else _WORDS[notice.event]
        return _cut(_one_line(f"[{mark}] {word}{notice.condition.title}"), _LONGEST_SUBJECT)

    def plain(self, message: Message) -> str:
        """Text for people."""
        if message.event is Event.DIGEST:
            return "\n".join([*self._digest_lines(message), "", f"All of them: {self._link('')}"]) + "\n"
        (notice,) = message.notices
        lines = [notice.condition.title, "", self._when(notice)]
        if notice.event is not Event.RECOVERED:
            lines += ["", _cut(notice.condition.text, _LONGEST_TEXT)]
        return "\n".join([*lines, "", self._link(notice.condition.link), "", self._foot(notice)]) + "\n"

    def html(self, message: Message) -> str:
        """The same, in few and plain elements: mail programs know little."""
        paragraphs = "".join(
            f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in self.plain(message).strip().split("\n\n")
        )
        for link in {self._link(notice.condition.link) for notice in message.notices} | {self._link("")}:
            escaped = html.escape(link)
            paragraphs = paragraphs.replace(f"<p>{escaped}</p>", f'<p><a href="{escaped}">{escaped}</a></p>')
        return f"<!DOCTYPE html><html><body>{paragraphs}</body></html>"

    def slack(self, message: Message) -> bytes:
        """The body of a call to an incoming webhook. What comes from elsewhere cannot mention anybody or format."""
        if message.event is Event.DIGEST:
            text = _cut("\n".join(self._digest_lines(message)), _LONGEST_TEXT)
            blocks = [_section(_mrkdwn(text)), _section(f"<{self._link('')}|Dagster>")]
        else:
            (notice,) = message.notices
            said = self._when(notice)
            if notice.event is not Event.RECOVERED:
                said += "\n" + _cut(notice.condition.text, _LONGEST_TEXT)
            blocks = [
                _section(_mrkdwn(said)),
                _section(f"<{self._link(notice.condition.link)}|Open in Dagster>"),
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

    def _digest_lines(self, message: Message) -> list[str]:
        shown = [
            f"{self._clock(notice.at)} [{notice.condition.severity}] {_WORDS[notice.event]}"
            + _one_line(notice.condition.title)
            for notice in message.notices[:_MOST_IN_DIGEST]
        ]
        rest = len(message.notices) - len(shown)
        return [
            f"{len(message.notices)} alerts opened, changed or recovered within a short time:",
            "",
            *shown,
            *([f"and {rest} more; see centra-assets alerts list"] if rest else []),
        ]

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
