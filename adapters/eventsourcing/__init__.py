"""Interchange with the library `eventsourcing`: its applications work on our log's tables, and read our log itself.

A persistence module of the library: it finds the one factory class that is imported here. Must not be used by the
product's own commands, which go to the log directly.
"""

from adapters.eventsourcing.factory import Factory

__all__ = ["Factory"]
