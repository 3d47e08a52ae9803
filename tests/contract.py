"""What was recorded, held against the schemas that we publish."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker

from domain.catalogue import AGGREGATES
from infra.contract.schemas import schemas

SCHEMAS: Final = schemas(AGGREGATES)


@cache
def validator(topic: str, version: int) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[topic][version], format_checker=FormatChecker())


def problems(topic: str, version: int, state: bytes) -> list[str]:
    """What is wrong with the content of an event by its schema, if it has one: the kinds of a test have none."""
    if topic not in SCHEMAS:
        return []
    told: Any = json.loads(state)
    return [f"{topic} {version}: {e.json_path} {e.message}" for e in validator(topic, version).iter_errors(told)]
