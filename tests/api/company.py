"""What a company has, made through the API. Each returns an id."""

from __future__ import annotations

from typing import Any

from tests.api.client import Api, some


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def dollars(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def an_account(api: Api, name: str | None = None, **details: Any) -> str:
    return api.given("registerAccount", name=name or some("Account"), details=details)


def a_user(api: Api, name: str = "Ada", **input: Any) -> str:
    return api.given("addUser", name=name, **input)


def a_product(api: Api, name: str = "Pump") -> str:
    return api.given("listProduct", code=some("P"), name=name)


def a_pipeline(api: Api) -> str:
    """With the stages `first`, `offer` and `won`, in this order."""
    pipeline = api.given("definePipeline", name=some("Pipeline"))
    api.given("addPipelineStage", id=pipeline, key="first", name="First talk", probability=10)
    api.given("addPipelineStage", id=pipeline, key="offer", name="Offer", probability=60)
    api.given("addPipelineStage", id=pipeline, key="won", name="Won", probability=100, kind="WON")
    return pipeline


def an_opportunity(api: Api, pipeline: str, name: str = "Pumps", **input: Any) -> str:
    return api.given("openOpportunity", pipelineId=pipeline, name=name, **input)


def a_won_opportunity(api: Api, pipeline: str, amount: dict[str, str], on: str, **input: Any) -> str:
    opportunity = an_opportunity(api, pipeline, **input)
    return api.given("winOpportunity", id=opportunity, amount=amount, on=on)
