"""The templates of projects that a company begins with. Each is made once, and is the company's own from then on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from domain.command import Code, Refusal, Request
from infra.pipeline import CommandPipeline, command_id
from infra.rights import DAYBOOK


def default_templates() -> Iterator[Mapping[str, Any]]:
    """Each as it is asked for, from the package."""
    for file in sorted(files("domain.projects").joinpath("templates").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            yield tomllib.loads(file.read_text("utf-8"))


def make_templates(pipeline: CommandPipeline) -> None:
    """Make what is missing of them. One that was made before is not made again, whatever became of it; nor is one where
    the company has its own of that name.
    """
    for template in default_templates():
        key = f"the template {template['name']}"
        if pipeline.store.answer(command_id(DAYBOOK, key)) is None:
            made = pipeline.run(
                Request(
                    command="ProjectTemplate.define",
                    actor=DAYBOOK,
                    arguments=template,
                    idempotency_key=key,
                    origin="first start",
                )
            )
            if isinstance(made, Refusal) and made.code is not Code.DUPLICATE:
                raise RuntimeError(f"{key} cannot be made: {made.field}: {made.message}")
