"""Ports of this machine: free ones to choose from, one that is held until a server takes it, and who listens.

Must not know which server they are for.
"""

from __future__ import annotations

import contextlib
import random
import socket

from adapters.embedded.errors import PortInUse

LOOPBACK = "127.0.0.1"
ATTEMPTS_AT_FREE_PORTS = 5
"""How often a server is started anew on another port: between the choice of one and its use, somebody may take it."""

# Below the ports that systems give to outgoing connections. A client that tries again and again to reach a
# dead server on one of those is sooner or later given that very port, connects to itself, and keeps it.
_FREE_PORTS = range(20_000, 30_000)


def held(port: int | None) -> socket.socket:
    """Hold this port, or a free one, until the socket is closed.

    Raises: PortInUse.
    """
    if port is not None:
        return bound(port)
    while True:
        with contextlib.suppress(PortInUse):
            return bound(random.choice(_FREE_PORTS))  # noqa: S311 - no secret


def bound(port: int) -> socket.socket:
    """Hold this port until the socket is closed.

    Raises: PortInUse.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Connections of a server that was just killed linger for a minute and are no hindrance.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((LOOPBACK, port))
    except OSError:
        taken.close()
        raise PortInUse(
            f"port {port} on {LOOPBACK} is in use by another program; stop that one, or choose another port"
        ) from None
    return taken


def listens(port: int) -> bool:
    """Answer whether somebody listens on this port."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False
