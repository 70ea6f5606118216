"""Which errors of a database mean that a statement may be sent again on another connection, and how long that is tried.

Must not quote the database's own words: they may quote a row.
"""

from __future__ import annotations

from typing import Final

import asyncpg

PATIENCE_SECONDS: Final = 5.0
"""How long a database that is away is waited for."""
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.5

# The statement did not end, or nobody knows whether it did: the same statement may succeed on another connection.
LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg makes of a session that was ended between two statements
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, crashed, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # no connection left, no room on the disk
    asyncpg.TransactionRollbackError,  # deadlock
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that was not promoted yet
)
NOT_MIGRATED: Final = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
)


def named(error: BaseException) -> str:
    """What went wrong, in words of ours."""
    words = [type(error).__name__]
    words += [str(said) for name in ("sqlstate", "constraint_name") if (said := getattr(error, name, None))]
    return " ".join(words)
