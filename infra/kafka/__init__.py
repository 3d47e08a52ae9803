"""Apache Kafka: how it is reached, which topics there are, and a broker of one's own for development and tests.

Importing kafka-python takes a third of a second, which those who do without Kafka need not wait for: so its parts are
imported where they are used.
"""


class NotReached(Exception):
    """The cluster does not answer, or refuses us: says why."""


class WrongTopics(Exception):
    """Topics are not as they have to be: says which, and what would be right."""
