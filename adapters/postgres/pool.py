"""Connections to the database, every one of which acts as the application role and as nothing more.

The login may be the owner of the database; the role is set when a session starts, so no statement of the product
can change or delete what is in the log. Must not know the schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

from adapters.postgres.errors import LogNotReady, LogUnavailable

if TYPE_CHECKING:
    from asyncpg import Pool

APPLICATION_ROLE: Final = "ccp_app"
CONNECT_SECONDS: Final = 5
COMMAND_SECONDS: Final = 60
"""Longer than any statement of ours takes, shorter than a person's patience with a stuck one."""

_SESSION: Final = {
    "role": APPLICATION_ROLE,
    "timezone": "UTC",
    "statement_timeout": "60s",
    # An append waits for its turn; when it has not come by then, something is wrong.
    "lock_timeout": "10s",
    # A process that stands still in a transaction must not hold up everybody else.
    "idle_in_transaction_session_timeout": "60s",
    # Our statements are small; compiling them costs more than it saves.
    "jit": "off",
}

# No such database, no such role, no right to act as it, no right to connect: in words that name these alone.
_NOT_SET_UP: Final = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidParameterValueError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


async def open_pool(dsn: str, *, max_size: int = 10, application_name: str = "ccp") -> Pool:
    """Open a pool whose connections act as `ccp_app`; close it with `await pool.close()`.

    Raises: LogUnavailable when there is no server; LogNotReady when the database was not migrated.
    """
    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=max_size,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings=_SESSION | {"application_name": application_name},
        )
    except _NOT_SET_UP as refused:
        raise LogNotReady(cause=refused.args[0]) from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
        raise LogUnavailable(cause=type(away).__name__) from None
