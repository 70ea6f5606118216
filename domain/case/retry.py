"""A retry: the same message of a partner's system came again. It does nothing twice, and that it came is on record.

Written by the one road of a command (`domain/application.py`), never by a decision.
Source: failure matrix, "adapter sends same message twice" (domain reference 2.13).
"""

from __future__ import annotations

from typing import ClassVar

from domain.messages import CaseEvent, Code


class DuplicateCommandIgnored(CaseEvent):
    """A command that had been carried out was sent again; it was answered and not carried out."""

    TOPIC: ClassVar[str] = "DuplicateCommandIgnored"

    command: Code
