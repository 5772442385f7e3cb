"""What a run compares: the database, leases on or off, how many tokens the requests use."""

from typing import NamedTuple

KNOWN = 100  # tokens of each kind that requests may use
IN_A_SECOND = 2000  # requests whose usage is written together
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL + Redis"}


class Setup(NamedTuple):
    """A configuration of Tokenry and the traffic that it gets.

    A lease helps a process only with tokens that it meets again within a fifth of a second. So a
    figure with leases means nothing without the number of tokens and the rate of each.
    """

    name: str
    database: str
    leases: str  # TOKEN_LEASES
    tokens: int  # that the requests use in turn, as fast as one thread can


SQLITE = Setup("SQLite", "sqlite", "on", KNOWN)  # where leases do nothing
HOT = Setup("PostgreSQL + Redis, hot", "postgresql", "on", 1)
TURNS = Setup(f"PostgreSQL + Redis, {KNOWN} tokens in turn", "postgresql", "on", KNOWN)
OFF = Setup("PostgreSQL + Redis, leases off", "postgresql", "off", KNOWN)
COLUMNS = [SQLITE, HOT, OFF]  # of the tables
