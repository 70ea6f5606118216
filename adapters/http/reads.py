"""What can be read, and how every read is guarded: a case from its own events, lists from the read models.

Until people sign in, whoever may declare who they are may read. Must not put a search text into a log or an error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi import Path as InPath

from adapters.auditing import AuditEntry, audit_of_actor, audit_of_case
from adapters.filters import agency_named, require_known
from adapters.http.acting import SIGN_IN_REQUIRED
from adapters.http.commands import COMMON
from adapters.http.meeting_reads import add_meeting_routes
from adapters.http.queries import ActingRole, Agency, CaseInPath, Cursor, Forum, Limit, Read, Since, Text
from adapters.http.reference_reads import add_reference_routes
from adapters.http.responses import Documented, Examples
from adapters.http.work_reads import add_work_routes
from adapters.input import FieldError, InvalidInput
from adapters.outbox.outbox import Message, MessageState
from adapters.problems import Refused, problem_of
from adapters.reading import read_case, read_events
from adapters.views import CaseView, EventView
from domain.case.bands import Band
from domain.case.escalation import EscalationState, may_know_of_safeguarding
from domain.case.preview import AllocationPreview
from domain.case.safeguarding import ConcernState, require_safeguarding_lead
from domain.case.stages import Stage
from domain.errors import NotFound
from domain.messages import CaseId, WorkerId
from domain.ports import Notification
from domain.roles import Role
from projections.caseload import CaseloadRow, WorkloadRow
from projections.cases import CaseFilter, CaseRow
from projections.due import DueFilter, DueRow
from projections.escalations import EscalationFilter, EscalationRow
from projections.page import CursorInvalid, Page
from projections.safeguarding import ConcernFilter, ConcernRow
from projections.waiting_list import WaitingRow

if TYPE_CHECKING:
    from adapters.product import Product

WAIT_SECONDS = 5.0
"""How long a read waits for the read models to reach a position."""


def add_read_routes(app: FastAPI, product: Product, examples: Examples, *, declared_actors: bool) -> None:
    """Add every read. Reads about people are refused where nobody can be told apart."""

    async def only_where_declared_actors_are_believed() -> None:
        if not declared_actors:
            raise SIGN_IN_REQUIRED

    async def seen(
        after_position: Annotated[
            int | None,
            Query(
                ge=0,
                le=2**63 - 1,
                description="The `position` of a command's answer: wait until the read models have seen it.",
            ),
        ] = None,
    ) -> None:
        if after_position is None:
            return
        if after_position > await product.log.head():
            raise InvalidInput(FieldError("after_position", "must be a position that the log has reached"))
        if not await product.read_models.wait_for(after_position, WAIT_SECONDS):
            raise BEHIND

    async def of_reference_data(request: Request) -> None:
        require_known(product.rules, request.query_params)

    def read(
        path: str,
        answer: Any,
        *,
        tag: str,
        about_people: bool = True,
        read_models: bool = False,
        missing: str = "",
        as_file: type[Response] | None = None,
    ) -> Callable[..., Any]:
        guards = [Depends(only_where_declared_actors_are_believed)] if about_people else []
        guards += [Depends(of_reference_data), Depends(seen)] if read_models else []
        register = app.get if as_file is None else partial(app.get, response_class=as_file)
        return register(
            path,
            response_model=answer,
            tags=[tag],
            dependencies=guards,
            responses=_responses(examples, about_people=about_people, missing=missing),
        )

    _add_cases(read, product)
    _add_lists(read, product)
    add_meeting_routes(read, product)
    add_work_routes(read, product)
    add_reference_routes(read, product)


def _add_cases(read: Read, product: Product) -> None:
    @read("/cases", Page[CaseRow], tag="cases", read_models=True)
    async def cases(
        search: Annotated[
            Text | None,
            Query(description="Words of a name, an NHS number, a reference, or the beginning of an id."),
        ] = None,
        stage: Annotated[list[Stage] | None, Query(description="Any of these stages.")] = None,
        forum: Forum = None,
        agency: Annotated[Text | None, Query(description="Name of the referring agency.")] = None,
        worker: Annotated[UUID | None, Query(description="Id of the key worker.")] = None,
        programme: Annotated[Text | None, Query(description="Name of a programme.")] = None,
        possible_duplicate: bool | None = None,
        open: bool | None = None,  # noqa: A002 - the name of the query parameter
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[CaseRow]:
        """Find cases, the latest first; `total` counts all that fit."""
        wanted = CaseFilter(
            text=search,
            stages=stage,
            forum=forum,
            agency=agency_named(product.rules, agency),
            worker=worker,
            programme=programme,
            possible_duplicate=possible_duplicate,
            open=open,
        )
        return await product.read_models.cases(wanted, limit=limit, after=after)

    @read("/cases/{case_id}", CaseView, tag="cases", missing="case")
    async def case(case_id: CaseInPath) -> CaseView:
        """One case as it stands, from its own events, and what it waits for."""
        return await read_case(product, case_id)

    @read("/cases/{case_id}/events", Page[EventView], tag="cases", missing="case")
    async def events(
        case_id: CaseInPath,
        limit: Limit = 100,
        after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Only events after this version.")] = 0,
    ) -> Page[EventView]:
        """One case's events as the log holds them, personal data included."""
        return await read_events(product, case_id, limit=limit, after=after)

    @read(
        "/cases/{case_id}/allocation-preview/{worker_id}",
        AllocationPreview,
        tag="cases",
        missing="case",
    )
    async def allocation_preview(case_id: CaseInPath, worker_id: UUID) -> AllocationPreview:
        """What giving a case to a worker would do to their load, and which rules it would meet; nothing is recorded."""
        return await product.application.preview(CaseId(case_id), WorkerId(worker_id))

    @read("/cases/{case_id}/audit", Page[AuditEntry], tag="audit", read_models=True, missing="case")
    async def audit(
        case_id: CaseInPath,
        since: Since = None,
        until: Since = None,
        limit: Limit = 100,
        after: Cursor = None,
    ) -> Page[AuditEntry]:
        """One case's story: who did what, when, why and under which rules, and what it changed; nothing personal."""
        return await audit_of_case(product, case_id, since=since, until=until, limit=limit, after=after)


def _add_lists(read: Read, product: Product) -> None:
    @read("/caseload", list[CaseloadRow], tag="lists", read_models=True)
    async def caseload(
        programme: Text | None = None,
        forum: Forum = None,
        agency: Agency = None,
        worker: UUID | None = None,
        on: Annotated[
            date | None, Query(description="Only who is in the pool on this day, or carries cases.")
        ] = None,
    ) -> list[CaseloadRow]:
        """Every key worker: cases, points, limits and load."""
        return await product.read_models.caseload(
            programme=programme, forum=forum, agency=agency_named(product.rules, agency), worker=worker, on=on
        )

    @read("/waiting-list", list[WaitingRow], tag="lists", read_models=True)
    async def waiting_list(
        programme: Text | None = None, forum: Forum = None, band: Band | None = None
    ) -> list[WaitingRow]:
        """Everybody who waits for a key worker, forum by forum, first in line first."""
        return await product.read_models.waiting_list(programme=programme, forum=forum, band=band)

    @read("/workload", list[WorkloadRow], tag="lists", read_models=True)
    async def workload(
        programme: Text | None = None, forum: Forum = None, worker: UUID | None = None
    ) -> list[WorkloadRow]:
        """What each case on each caseload weighs, and what all of a worker's come to."""
        return await product.read_models.workload(programme=programme, forum=forum, worker=worker)

    @read("/due", Page[DueRow], tag="lists", read_models=True)
    async def due(
        forum: Forum = None,
        role: Annotated[Role | None, Query(description="Who must act.")] = None,
        agency: Agency = None,
        worker: UUID | None = None,
        until: Since = None,
        programme: Text | None = None,
        case: UUID | None = None,
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[DueRow]:
        """What is due, soonest first; what has run out is overdue."""
        wanted = DueFilter(
            forum=forum,
            role=role,
            agency=agency_named(product.rules, agency),
            worker=worker,
            until=until,
            programme=programme,
            case=case,
        )
        now = await product.application.clock.now()
        return await product.read_models.due(wanted, now=now, limit=limit, after=after)

    @read("/safeguarding", Page[ConcernRow], tag="safeguarding", read_models=True)
    async def safeguarding(
        role: ActingRole,
        state: Annotated[ConcernState | None, Query(description="Where the concern stands.")] = None,
        open: Annotated[bool | None, Query(description="Only open ones, or only closed ones.")] = None,  # noqa: A002 - the name of the query parameter
        forum: Forum = None,
        case: UUID | None = None,
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[ConcernRow]:
        """Safeguarding concerns, those to be screened first at the top; for a safeguarding lead alone."""
        require_safeguarding_lead(role)
        wanted = ConcernFilter(state=state, open=open, forum=forum, case=case)
        return await product.read_models.concerns(wanted, limit=limit, after=after)

    @read("/escalations", Page[EscalationRow], tag="lists", read_models=True)
    async def escalations(
        role: ActingRole,
        state: Annotated[EscalationState | None, Query(description="Where the escalation stands.")] = None,
        level: Annotated[int | None, Query(ge=1, le=99, description="At this level.")] = None,
        forum: Forum = None,
        case: UUID | None = None,
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[EscalationRow]:
        """Escalations, those to be answered first at the top; those about safeguarding for whoever must know of them."""
        wanted = EscalationFilter(
            state=state,
            level=level,
            forum=forum,
            case=case,
            with_safeguarding=may_know_of_safeguarding(role),
        )
        return await product.read_models.escalations(wanted, limit=limit, after=after)

    @read("/outbox", Page[Message], tag="operations")
    async def outbox(
        state: Annotated[MessageState | None, Query(description="How far the message has come.")] = None,
        to: Annotated[Text | None, Query(description="A role, an agency or a key worker's id.")] = None,
        case: UUID | None = None,
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[Message]:
        """Messages to people in the order of the log, and whether they have arrived; a failed one waits for a retry."""
        return await product.outbox.page(state=state, to=to, case_id=case, limit=limit, after=after)

    @read("/mailbox", list[Notification], tag="operations")
    async def mailbox(
        to: Annotated[Text | None, Query(description="A role, an agency or a key worker's id.")] = None,
        case: UUID | None = None,
    ) -> list[Notification]:
        """What lies in the local mailbox of this machine, in the order of time."""
        return await product.mailbox.read(to=to, case_id=case)

    @read("/audit/actors/{person}", Page[AuditEntry], tag="audit", read_models=True)
    async def doings(
        person: Annotated[
            Text, InPath(description="How somebody is known to the product: a staff reference.")
        ],
        since: Since = None,
        until: Since = None,
        limit: Limit = 100,
        after: Cursor = None,
    ) -> Page[AuditEntry]:
        """What somebody did, or what was done on their behalf, and what it changed; the engine is called `engine`."""
        return await audit_of_actor(product, person, since=since, until=until, limit=limit, after=after)


# -- documentation -----------------------------------------------------------------------------------------------------

BEHIND = Refused(
    503, "read_models_behind", "The read models have not seen that position yet; ask again in a moment."
)


def _responses(examples: Examples, *, about_people: bool, missing: str) -> Documented:
    shared = {problem.code: problem for problem in COMMON}
    problems = [shared["invalid_input"], shared["internal_error"]]
    if missing:
        problems.append(problem_of(NotFound(kind=missing, id="<id>")))
    if about_people:
        problems += [
            shared["sign_in_required"],
            problem_of(CursorInvalid()),
            problem_of(BEHIND),
            shared["log_unavailable"],
        ]
    return examples.documented(problems)
