"""A client of the API, as a test speaks with it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from time import monotonic, sleep
from typing import Any, Final
from uuid import UUID

import httpx

NUMBERS: Final = count(1)
OUTCOME: Final = "version position receipt changed { id version } userErrors { field message code holder version }"


@dataclass
class Api:
    """Over HTTP, as one user, who sees what they did: each read waits for the last position that came back."""

    http: httpx.Client
    token: str
    user_id: UUID
    position: int = 0

    @property
    def me(self) -> str:
        return f"User_{self.user_id}"

    @property
    def headers(self) -> dict[str, str]:
        waiting = {"daybook-position": str(self.position)} if self.position else {}
        return {"authorization": f"Bearer {self.token}", **waiting}

    def post(self, text: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
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

    def refused(self, text: str, **variables: Any) -> tuple[str, str]:
        """The code and the message of that error."""
        error = self.error(text, **variables)
        return error["extensions"]["code"], error["message"]

    def do(self, mutation: str, shown: str = "", **input: Any) -> Any:
        """The payload of a mutation, whatever came of it."""
        type_ = f"{mutation[0].upper()}{mutation[1:]}Input!"
        text = f"mutation ($input: {type_}) {{ it: {mutation}(input: $input) {{ {OUTCOME} {shown} }} }}"
        payload = self.ask(text, input=input)["it"]
        self.position = max(self.position, payload["position"] or 0)
        return payload

    def given(self, mutation: str, **input: Any) -> str:
        """The id of what a mutation made or changed."""
        payload = self.do(mutation, **input)
        assert payload["userErrors"] == [], payload
        return str(payload["changed"][0]["id"])

    def user_error(self, mutation: str, **input: Any) -> Any:
        """The one error in the payload of a mutation that did nothing."""
        payload = self.do(mutation, **input)
        assert (payload["version"], payload["position"], payload["receipt"], payload["changed"]) == (
            None,
            None,
            None,
            [],
        )
        [error] = payload["userErrors"]
        return error

    def head(self) -> int:
        """The position of the last event of all."""
        return int(self.ask("{ head { position } }")["head"]["position"])

    def now(self) -> str:
        """The moment at which the last event was recorded."""
        return str(self.ask("{ head { recordedAt } }")["head"]["recordedAt"])

    def until_ready(self) -> None:
        """Waits until all views are built."""
        end = monotonic() + 120
        while not self.http.get("/readyz").json()["ready"]:
            assert monotonic() < end
            sleep(0.05)


def some(word: str) -> str:
    """A word that no other test says."""
    return f"{word}-{next(NUMBERS)}"
