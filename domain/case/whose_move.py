"""Whose move it is: in which role somebody has to act for a case to go on, and as far as the case knows it, who.

Only the stage says so, whatever clocks run. Must not decide who may act: that is in `domain/roles.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.case.stages import Stage
from domain.messages import WorkerId
from domain.roles import Role

if TYPE_CHECKING:
    from domain.case.state import Case

_IN: Final[Mapping[Stage, Role]] = {
    Stage.DRAFT: Role.REFERRER,
    Stage.SUBMITTED: Role.COORDINATOR,
    Stage.TRIAGE: Role.COORDINATOR,
    Stage.INFO_REQUESTED: Role.REFERRER,
    Stage.AWAITING_CONSENT: Role.COORDINATOR,
    Stage.READY_FOR_FORUM: Role.COORDINATOR,
    Stage.ON_AGENDA: Role.CHAIR,
    Stage.AWAITING_ALLOCATION: Role.MANAGER,
    Stage.WAITING_LIST: Role.MANAGER,
    Stage.INTRODUCTION: Role.KEY_WORKER,
    Stage.ACTIVE: Role.KEY_WORKER,
    Stage.OUTREACH: Role.KEY_WORKER,
    Stage.SUSPENDED: Role.KEY_WORKER,
    Stage.STEP_DOWN_PROPOSED: Role.MANAGER,
    Stage.STEPPING_DOWN: Role.KEY_WORKER,
    Stage.MONITORING: Role.FORUM_MEMBER,
}


class Mover(NamedTuple):
    """Who has to act. `role` is None where an agency supports the person without a key worker."""

    role: Role | None
    agency: str | None = None
    worker_id: WorkerId | None = None


def whose_move(case: Case) -> Mover | None:
    """Whose move it is; None for a case that is closed or was never referred."""
    role = _IN.get(case.stage)
    if role is None:
        return None
    if case.stage is Stage.ACTIVE and case.worker_id is None and case.lead_agency is not None:
        return Mover(None, agency=case.lead_agency)
    return mover_in(role, case)


def mover_in(role: Role | None, case: Case) -> Mover:
    """What a case knows of who it is that acts in a role."""
    match role:
        case Role.REFERRER:
            return Mover(role, agency=case.referring_agency)
        case Role.KEY_WORKER:
            return Mover(role, worker_id=case.worker_id)
        case Role.FORUM_MEMBER if case.stage is Stage.MONITORING:
            return Mover(role, agency=case.receiving_agency)
        case _:
            return Mover(role)
