"""A client of the API, as a test speaks with it."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import httpx


@dataclass
class Api:
    """Over HTTP, as one user."""

    http: httpx.Client
    token: str
    user_id: UUID

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def post(self, text: str, variables: dict[str, Any] | None = None, **headers: str) -> Any:
        """The whole answer to an operation."""
        body = {"query": text, "variables": variables or {}}
        return self.http.post("/graphql", json=body, headers=self.headers | headers)

    def ask(self, text: str, **variables: Any) -> Any:
        """The data of an operation that goes well."""
        answer = self.post(text, variables).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def error(self, text: str, **variables: Any) -> Any:
        """The one error of an operation that does not."""
        [error] = self.post(text, variables).json()["errors"]
        return error

    def do(self, mutation: str, shown: str = "", **input: Any) -> Any:
        """The payload of a mutation, whatever came of it."""
        type_ = f"{mutation[0].upper()}{mutation[1:]}Input!"
        wanted = f"version position receipt changed {{ id version }} userErrors {{ field message code holder version }} {shown}"
        return self.ask(f"mutation ($input: {type_}) {{ it: {mutation}(input: $input) {{ {wanted} }} }}", input=input)[
            "it"
        ]

    def given(self, mutation: str, **input: Any) -> str:
        """The id of what a mutation made or changed."""
        payload = self.do(mutation, **input)
        assert payload["userErrors"] == [], payload
        return str(payload["changed"][0]["id"])

    def until_ready(self) -> None:
        """Waits until all views are built."""
        end = monotonic() + 30
        while not self.http.get("/readyz").json()["ready"]:
            assert monotonic() < end
            sleep(0.05)
