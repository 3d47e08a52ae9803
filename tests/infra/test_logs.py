"""The log, in both of its forms."""

from __future__ import annotations

import json
import logging
from typing import Any

from infra.logs import Json, Text

TOKEN = f"daybook_{'0' * 16}_{'a' * 64}"


def record(message: str, **more: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "daybook.x", "levelname": "WARNING", "msg": message, **more})


def failed() -> Any:
    try:
        raise ValueError(f"of {TOKEN}\nsecond line")
    except ValueError as error:
        return type(error), error, error.__traceback__


def test_a_line_of_json_holds_all_that_is_known() -> None:
    line = Json().format(record("it is %s", args=("late",), told={"code": "X", "seconds": 1.5}))

    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("WARNING", "daybook.x", "it is late")
    assert (told["code"], told["seconds"]) == ("X", 1.5)
    assert told["time"].endswith("+00:00")


def test_an_error_stays_within_its_line_of_json() -> None:
    line = Json().format(record("it failed", exc_info=failed()))

    assert "\n" not in line
    assert "second line" in json.loads(line)["exception"]


def test_a_line_of_text_names_the_fields_behind_the_words() -> None:
    line = Text().format(record("it is late", told={"code": "X", "path": "/a b\nc", "user": "User_1"}))

    assert line.endswith('WARNING daybook.x: it is late code=X path="/a b\\nc" user=User_1')


def test_a_token_that_something_quotes_is_not_kept() -> None:
    for form in (Text(), Json()):
        line = form.format(record(f"for {TOKEN}", exc_info=failed(), told={"path": f"/{TOKEN}"}))

        assert TOKEN not in line
        assert line.count("daybook_(a token)") == 3
