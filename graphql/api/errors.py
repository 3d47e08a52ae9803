"""What a caller is told when a request is not carried out: a sentence, and a code for programs."""

from __future__ import annotations

from graphql import GraphQLError


def bad_input(message: str, field: str | None = None) -> GraphQLError:
    """The request asks for something that cannot be, by this argument or part of one, where it is known by which."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"} | ({"field": field} if field else {}))


class Unfit(GraphQLError):
    """An argument, or a part of one, does not fit what is recorded: `message`, of this `field`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"`{field}`: {message}", extensions={"code": "BAD_USER_INPUT", "field": field})


class NotComputable(Unfit):
    """What is recorded is such that a report cannot be computed: the message says what would be right."""

    def __init__(self, message: str) -> None:
        GraphQLError.__init__(self, message, extensions={"code": "NOT_COMPUTABLE"})


def forbidden(message: str, needs: str) -> GraphQLError:
    """The caller may not: this permission is missing."""
    return GraphQLError(message, extensions={"code": "FORBIDDEN", "needs": needs})


def behind(message: str) -> GraphQLError:
    """The views have not come as far as the position asked for."""
    return GraphQLError(message, extensions={"code": "VIEW_BEHIND"})


def read_only(message: str) -> GraphQLError:
    """What is asked of a replay is not a question."""
    return GraphQLError(message, extensions={"code": "READ_ONLY"})


def not_in_replay(message: str) -> GraphQLError:
    """What is asked of a replay is not told by views."""
    return GraphQLError(message, extensions={"code": "NOT_IN_REPLAY"})


def too_much(message: str) -> GraphQLError:
    """The request asks for more than is carried out at once."""
    return GraphQLError(message, extensions={"code": "QUERY_TOO_COMPLEX"})


def coded(error: GraphQLError, code: str) -> GraphQLError:
    """An error of graphql-core, with a code for programs."""
    error.extensions = {"code": code} | (error.extensions or {})
    return error
