"""The demonstration: one resident's story in virtual time, then the product itself with a register brought in."""

from adapters.demo.command import demo_command

__all__ = ["demo_command"]
