"""The log: lines for people, or JSON for machines, on the standard error; what is said of a request is in fields."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

TOKEN: Final = re.compile(r"(daybook)_[0-9a-f]{1,32}_[0-9a-f]+|(eyJ)[\w-]{8,}(?:\.[\w-]*)*", re.ASCII)
"""One of ours, or of an identity provider, or its beginning. Nothing logs one; but what failed may quote one, and
people write them into addresses."""

PLAIN: Final = re.compile(r"[A-Za-z0-9._:/+-]+")


def begin(form: str, level: int = logging.INFO) -> None:
    """Log in this form, `text` or `json`, from now on: everything, our libraries too."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if form == "json" else Text())
    handler.addFilter(_is_ours_to_tell)
    logging.basicConfig(level=level, handlers=[handler])


def _is_ours_to_tell(record: logging.LogRecord) -> bool:
    """Whatever level was asked for: what goes over a WebSocket is not logged, where tokens stand, cut in two."""
    return record.levelno >= logging.INFO or not record.name.startswith(("uvicorn", "websockets"))


class Text(logging.Formatter):
    """A line: when, how bad, who says it, what; then what else is known, by name."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        told = getattr(record, "told", {})
        return " ".join([super().formatMessage(record), *(f"{name}={_word(value)}" for name, value in told.items())])

    def format(self, record: logging.LogRecord) -> str:
        return _without_tokens(super().format(record))


class Json(logging.Formatter):
    """The same as one object in one line."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return _without_tokens(json.dumps(told, default=str, ensure_ascii=False))


def _word(value: Any) -> str:
    """A value on a line of text: what is no plain word cannot pass for another field, or for another line."""
    text = str(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text)


def _without_tokens(text: str) -> str:
    return TOKEN.sub(lambda found: f"{found[1] or found[2]}_(a token)", text)
