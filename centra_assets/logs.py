"""How every process of ours logs: one formatter, the ids of the work under way, nothing that is not to be read.

What is logged, and how often, is decided by those who log. Nothing is set up before `configure` or `hide` is called.
"""

import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import msgspec

FORMAT_VARIABLE = "CENTRA_LOG_FORMAT"
JSON = "json"

HIDDEN, E_MAIL = "[hidden]", "[e-mail]"

# Shorter ones are found in every other word.
_SHORTEST_MARKED = 6

# Quoted it ends at the quote that is not escaped; a list goes whole.
_VALUE = r"""(\[[^\]]*\]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s,;&"'<>})\]]+)"""
# A part of a name, whatever stands around it: aws_secret_access_key, refreshToken, tokens. What only says how long or
# how many there are is no secret.
_NAMES = r"(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|(?:private|access|secret|account)[_-]?key"
_NAMES += r"|credential|authorization|signature)(?![\w-]*(?:expires|expiry|_at\b|_in\b|count|url_env|_env\b))"
# Tried in this order: what a scheme or a name announces goes whole, addresses of people last. None begins in the middle
# of a word, or a long one would be read again from each of its letters.
_RULES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)(?<![a-z0-9+.-])([a-z0-9+.-]+://)[^/\s]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)(\bhooks\.slack\.com/(?:services|workflows|triggers)/)[^\s\"'<>]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(\b(?:set-)?cookie[\"']?\s*[=:]\s*)[^\r\n\"'}]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\bv1=[0-9a-fA-F]{16,}"), f"v1={HIDDEN}"),
    (
        re.compile(rf"(?i)([\"']?(?<![\w-])[\w-]*{_NAMES}[\w-]*[\"']?\s*[=:]\s*){_VALUE}"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?<![\w.+'-])('?)[\w.+'-]+(?:@|%40|\\u0040)[\w-]+(?:\.[\w-]+)+"), rf"\1{E_MAIL}"),
)

# Replaced and never changed: one thread may read it while another marks.
_marked: frozenset[str] = frozenset()
_marking = threading.Lock()
_work: ContextVar[Mapping[str, str]] = ContextVar("centra_work", default={})  # noqa: B039 - never changed in place

# What our factory adds to a record.
_WORK, _FAULT = "centra_work", "centra_fault"


def mark(*values: str) -> None:
    """Values that no line of this process may show, whatever stands around them: tokens, secrets of webhooks."""
    global _marked
    with _marking:
        _marked = _marked.union(value for value in values if len(value) >= _SHORTEST_MARKED)


def redacted(text: str) -> str:
    """The text without what was marked, and without what looks like a secret or like somebody's address."""
    # The longest first: a secret may begin with another one.
    for value in sorted(_marked, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    for pattern, stand_in in _RULES:
        text = pattern.sub(stand_in, text)
    return text


@contextmanager
def working_on(**ids: str) -> Iterator[None]:
    """What is logged inside the block, by this thread and by tasks that it starts, carries these ids as well."""
    token = _work.set({**_work.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _work.reset(token)


def work() -> Mapping[str, str]:
    """The ids of the work under way: run, entity, partition, request."""
    return _work.get()


def hide() -> None:
    """From now on every record of this process is redacted as it is made: no handler, of whomever, sees the rest.

    Records carry the ids of the work as well. Calling it again changes nothing.
    """
    made = logging.getLogRecordFactory()
    if not isinstance(made, _RedactingFactory):
        logging.setLogRecordFactory(_RedactingFactory(made))


class _RedactingFactory:
    """Makes records as they were made before, and cleans them. Always adds the same attributes: Dagster copies those
    of a record that a fresh one does not have, and logging refuses to be given them twice."""

    def __init__(self, made: Callable[..., logging.LogRecord]) -> None:
        self.made = made

    def __call__(self, *given: Any, **named: Any) -> logging.LogRecord:
        record = self.made(*given, **named)
        setattr(record, _WORK, work())
        setattr(record, _FAULT, _fault(record.exc_info))
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Whoever formats it later would print the arguments to complain.
            record.msg, record.args = f"{record.msg} (its arguments do not fit)", ()
            text = str(record.msg)
        clean = redacted(text)
        if clean != text:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0]:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            clean = redacted(told)
            if clean != told:
                # The exception itself would be printed again by whoever finds it.
                record.exc_text, record.exc_info = clean, None
        return record


ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None


def _fault(exception: ExceptionInfo) -> Mapping[str, str]:
    """Class and place of an exception: its message may quote what must not be seen."""
    if not exception or exception[0] is None:
        return {}
    frames = traceback.extract_tb(exception[2])
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"exception": exception[0].__name__, "place": place}


class Lines(logging.Formatter):
    """A record as one line: of JSON, or for people. Of an exception its class and place."""

    def __init__(self, form: str = "text") -> None:
        super().__init__()
        self._as_json = form == JSON

    def format(self, record: logging.LogRecord) -> str:
        told = _told(record)
        if self._as_json:
            return msgspec.json.encode(told, enc_hook=str).decode()
        at, level, event = (told.pop(name) for name in ("at", "level", "event"))
        logger = told.pop("logger")
        rest = " ".join(f"{name}={_shown(value)}" for name, value in told.items())
        return f"{at} {level.upper():<8}{logger}: {event}{f'  [{rest}]' if rest else ''}"


def _told(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says. Redacted here as well: a record may have been made before `hide` was called."""
    # A line of a run carries Dagster's ids, and its bare text beside the one that repeats them.
    meta: Mapping[str, Any] = getattr(record, "dagster_meta", {})
    event = meta.get("dagster_event")
    ids = {
        "run": meta.get("run_id"),
        "job": meta.get("job_name"),
        "step": meta.get("step_key"),
        "happened": event.event_type_value if event is not None else None,
    }
    fields = {**getattr(record, _WORK, work()), **getattr(record, "fields", {})}
    fault = getattr(record, _FAULT, None) or _fault(record.exc_info)
    return {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": redacted(str(meta.get("orig_message") or record.getMessage())),
        **{name: value for name, value in ids.items() if value},
        **{name: _clean(value) for name, value in fields.items()},
        **fault,
    }


def _clean(value: Any) -> Any:
    """A field's value, redacted wherever it is text."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float) else redacted(str(value))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f'"{text}"' if " " in text else text


def form() -> str:
    """What CENTRA_LOG_FORMAT says; the settings refuse what is neither `text` nor `json`."""
    return JSON if os.environ.get(FORMAT_VARIABLE, "").strip().lower() == JSON else "text"


def handler(stream: TextIO | None = None) -> logging.Handler:
    """A handler that writes our lines, to stderr where nothing else is said."""
    made = logging.StreamHandler(stream or sys.stderr)
    made.setFormatter(Lines(form()))
    return made


class RunLines(logging.StreamHandler[TextIO]):
    """For dagster.yaml: a run's lines as JSON where that is asked for. Dagster's own console is for people."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(Lines(JSON))
        self._is_wanted = form() == JSON

    def emit(self, record: logging.LogRecord) -> None:
        if self._is_wanted:
            super().emit(record)


def configure(level: int = logging.INFO) -> None:
    """Everything that this process logs from now on goes to stderr in our form, redacted."""
    hide()
    logging.basicConfig(level=level, handlers=[handler()], force=True)
    # Its warnings carry the server's words, which may name hosts and users; what matters reaches us as errors.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    # httpx tells every request, with its whole address.
    for name in ("httpx", "httpcore", "hpack"):
        logging.getLogger(name).setLevel(logging.WARNING)
