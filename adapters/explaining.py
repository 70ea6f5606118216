"""Why a case stands where it stands: what it waits for, since when, whose move it is, and what the engine does next.

Made from the case's own events, so it can be read while Temporal is away. Of safeguarding concerns only their number
stands here: who may read more is not decided by an answer that everybody in operations may ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, Field

from adapters.reading import require_events_of_a_case
from adapters.views import WAITS_FOR, ActionView, ClockView, ConsentView, case_view
from domain.case.stages import Stage
from domain.case.whose_move import Mover, mover_in, whose_move
from domain.decisions import DECISIONS
from domain.messages import ActionId
from domain.roles import Role
from workflows.asking import Says, ask

if TYPE_CHECKING:
    from adapters.product import Product
    from domain.case.state import Case
    from domain.messages import Recorded

_OPEN_CONSENTS = ("requested", "best_interests", "granted", "substitute_granted", "review_due")


class MoveView(BaseModel):
    """Somebody who has to do something: as far as the case knows it, in which role, for which agency, which worker."""

    what: str
    role: str | None
    agency: str | None = None
    worker_id: UUID | None = None
    due_at: datetime | None = None
    overdue: bool = False


class ProcessView(BaseModel):
    """One durable process of the case, as it stands by the log."""

    process: str
    waits_for: str
    since: datetime
    next_step: str | None = None
    next_due: datetime | None = Field(None, description="none with a next step: it is taken at once")


class NextView(BaseModel):
    """What the engine does next by itself."""

    process: str
    command: str
    what: str = Field(description="what the command does, as the catalogue says it")
    at: datetime | None = Field(description="none: at once")


class Explanation(BaseModel):
    """Why a case stands where it stands."""

    case_id: UUID
    stage: Stage
    since: datetime
    waits_for: str
    closed_because: str | None
    move: MoveView | None = Field(description="whose move it is, by the stage")
    others: list[MoveView] = Field(
        description="who else has something to do, soonest first: clocks and actions"
    )
    next: NextView | None
    processes: list[ProcessView]
    open_actions: list[ActionView]
    consents: list[ConsentView] = Field(description="asked for, or given and not ended")
    open_concerns: int


async def explain(product: Product, case_id: UUID) -> Explanation:
    """Why this case stands where it stands.

    Raises: NotFound.
    """
    recorded = await product.log.read_stream(case_id)
    require_events_of_a_case(case_id, recorded)
    return explanation(recorded)


def explanation(recorded: Sequence[Recorded]) -> Explanation:
    """Why a case stands where it stands, from all its events."""
    asked = ask(recorded)
    case = asked.case
    view = case_view(case, recorded[-1].version)
    first = next((one for one in asked.says if one.waiting.next_step is not None), None)
    still_open = {action.action_id for action in case.open_actions}
    return Explanation(
        case_id=case.case_id,
        stage=case.stage,
        since=asked.since,
        waits_for=view.waits_for,
        closed_because=case.closed_because,
        move=_move(case),
        others=[_other(clock, case) for clock in view.clocks],
        next=_next(first) if first else None,
        processes=[ProcessView(process=one.kind.value, **dict(one.waiting)) for one in asked.says],
        open_actions=[action for action in view.actions if action.action_id in still_open],
        consents=[one for one in view.consents if one.state in _OPEN_CONSENTS],
        open_concerns=len(case.open_concerns),
    )


def _move(case: Case) -> MoveView | None:
    mover = whose_move(case)
    if mover is None:
        return None
    what = "support as lead agency" if mover.role is None else WAITS_FOR.get(case.stage, case.stage.value)
    return MoveView(what=what, **mover._asdict())


def _other(clock: ClockView, case: Case) -> MoveView:
    who = mover_in(Role(clock.role) if clock.role else None, case)
    action = case.actions.get(ActionId(clock.action_id)) if clock.action_id else None
    if action is not None:
        who = Mover(who.role, agency=action.agency)
    return MoveView(what=clock.what, due_at=clock.due_at, overdue=clock.overdue, **who._asdict())


def _next(first: Says) -> NextView:
    command = first.waiting.next_step or ""
    described = DECISIONS[command].command.__doc__ if command in DECISIONS else None
    return NextView(
        process=first.kind.value,
        command=command,
        what=" ".join((described or "").split()),
        at=first.waiting.next_due,
    )
