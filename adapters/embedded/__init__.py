"""PostgreSQL and Temporal run by the product itself, from wheels, with their data in one directory.

For laptops, demonstrations and tests; in production real servers are named by `DATABASE_URL` and
`TEMPORAL_ADDRESS`. Linux and macOS. Must not know the domain, the schema or any workflow.
"""

from adapters.embedded.errors import (
    DataDirectoryInUse,
    DataDirectoryUnusable,
    EmbeddedServerError,
    PortInUse,
    ServerDied,
    ServerNotInstalled,
    VersionMismatch,
)
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.rundir import RunningProduct, announce, find_running, withdraw
from adapters.embedded.temporal import EmbeddedTemporal
from adapters.embedded.time_skipping import TimeSkippingTemporal

__all__ = [
    "DataDirectoryInUse",
    "DataDirectoryUnusable",
    "EmbeddedPostgres",
    "EmbeddedServerError",
    "EmbeddedTemporal",
    "PortInUse",
    "RunningProduct",
    "ServerDied",
    "ServerNotInstalled",
    "TimeSkippingTemporal",
    "VersionMismatch",
    "announce",
    "find_running",
    "withdraw",
]
