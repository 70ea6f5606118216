"""Temporal: the client and worker, the dispatcher that tells processes of facts, what operations staff see, virtual time."""
