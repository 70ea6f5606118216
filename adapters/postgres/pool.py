"""Connections to the database, every one of which acts as the application role and as nothing more.

The login may be the owner of the database; the role is set when a session starts, so no statement of the product
can change or delete what is in the log. Must not know the schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

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


class Session(asyncpg.Connection):
    """A connection that need not be tidied up when its user says that they left nothing behind.

    Tidying up is a round trip to the server, as long as a small statement of ours.
    """

    __slots__ = ("_left_nothing",)

    def leave_nothing(self) -> None:
        """Promise that the borrower sends only single statements that change nothing of the session."""
        self._left_nothing = True

    def get_reset_query(self) -> str:
        if getattr(self, "_left_nothing", False):
            self._left_nothing = False
            return ""
        return super().get_reset_query()


def leave_nothing(borrowed: object) -> None:
    """Promise it for a connection as the pool lends it, which speaks for a Session."""
    cast("Session", borrowed).leave_nothing()


async def open_pool(dsn: str, *, max_size: int = 10, application_name: str = "ccp") -> Pool:
    """Open a pool whose connections act as `ccp_app`; close it with `await pool.close()`.

    Raises: LogUnavailable when there is no server; LogNotReady when the database was not migrated.
    """
    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=max_size,
            connection_class=Session,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings=_SESSION | {"application_name": application_name},
        )
    except _NOT_SET_UP as refused:
        raise LogNotReady(cause=refused.args[0]) from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
        raise LogUnavailable(cause=type(away).__name__) from None
