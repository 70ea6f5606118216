"""A case's own history, read as a row of steps: what led it from which stage to which, and when.

For decisions and explanations that must look back; whoever only needs to know how a case stands reads the `Case`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.case.stages import Stage, stage_after
from domain.messages import Recorded


@dataclass(frozen=True, slots=True)
class StageChange:
    """One step of a case from a stage to another."""

    recorded: Recorded
    before: Stage
    after: Stage


def stage_changes(history: Sequence[Recorded]) -> Iterator[StageChange]:
    """Every change of stage, in order; `history` is the case's stream from its start."""
    stage = Stage.NEW
    for one in history:
        before, stage = stage, stage_after(stage, one.event)
        if stage is not before:
            yield StageChange(one, before, stage)
