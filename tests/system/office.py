"""Everybody who works on the pathway: gives the commands of each step and remembers what was answered.

A command is sent again with the same id when the log is away, as any caller of the product would do. Stages are
reached by commands alone. Must not look into the product.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from pydantic_core import to_jsonable_python

from adapters.postgres.errors import LogUnavailable
from domain import catalogue
from domain.application import Application, Request
from domain.case.stages import Stage
from domain.case.state import Case
from domain.messages import Actor, CaseId
from domain.ports import Answer, Written
from domain.roles import Role

COORDINATOR = Actor(person="coordinator-1", role=Role.COORDINATOR, agency="MCC Community Safety")
CHAIR = Actor(person="chair-1", role=Role.CHAIR, agency="MCC Community Safety")
MANAGER = Actor(person="manager-1", role=Role.MANAGER, agency="Shelter")
REFERRER = Actor(person="officer-1", role=Role.REFERRER, agency="Greater Manchester Police")
WARD, FORUM = "Ardwick", "ardwick-longsight"
AGENDA_CAPACITY = 12
PATIENCE_SECONDS = 60.0

ATTENDANCE: list[dict[str, object]] = [
    {"person": person, "agency": agency, "part": part, "confidentiality_acknowledged": True}
    for person, agency, part in (
        ("chair-1", "MCC Community Safety", "chair"),
        ("coordinator-1", "MCC Community Safety", "coordinator"),
        ("officer-1", "Greater Manchester Police", "member"),
        ("housing-2", "One Manchester", "member"),
        ("recovery-3", "Change Grow Live", "member"),
        ("nurse-4", "GMMH", "deputy"),
    )
]


@dataclass(frozen=True, slots=True)
class KeyWorkerOnDuty:
    """A key worker whom the office has registered."""

    worker_id: UUID
    actor: Actor


@dataclass
class Office:
    """Gives commands to one application."""

    application: Application
    answers: list[Answer] = field(default_factory=list)
    sent_again: int = 0
    """How often the log was away and a command was sent once more."""

    async def do(
        self, actor: Actor, name: str, *, command_id: UUID | None = None, **fields: object
    ) -> Answer:
        """Give one command until the log has answered it."""
        request = Request(
            catalogue.decision(name).command.model_validate(fields), actor, command_id or uuid4()
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self.application.execute(request)
            except LogUnavailable:
                assert time.monotonic() < deadline, "the log does not come back"
                self.sent_again += 1
                await asyncio.sleep(0.1)
            else:
                self.answers.append(answer)
                return answer

    async def case(self, case_id: UUID) -> Case:
        """One case as the log tells it, however long the log is away."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self.application.case(CaseId(case_id))
            except LogUnavailable:
                assert time.monotonic() < deadline, "the log does not come back"

    async def cases(self, case_ids: Sequence[UUID]) -> list[Case]:
        """Several cases as the log tells them."""
        return [await self.case(case_id) for case_id in case_ids]

    # -- a case's way -----------------------------------------------------------------------------------------------

    async def refer(self, number: int) -> CaseId:
        """Bring a person whom nobody has met before; the same number is the same person."""
        answer = await self.do(REFERRER, "submit-referral", form=a_form(number))
        return CaseId(next(one.stream_id for one in answer.events if one.topic == "ReferralSubmitted"))

    async def until_triage_has_begun(self, case_id: CaseId) -> None:
        """The engine begins it by itself, however long it is away."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (await self.case(case_id)).stage is Stage.SUBMITTED:
            assert time.monotonic() < deadline, "the engine does not begin triage"
            await asyncio.sleep(0.05)

    async def begin_triage(self, case_id: CaseId) -> None:
        """By hand, where no engine runs."""
        await self.do(COORDINATOR, "start-triage", case_id=case_id)

    async def find_eligible(self, case_id: CaseId) -> None:
        await self.do(COORDINATOR, "confirm-eligible", case_id=case_id)

    async def make_ready(self, case_id: CaseId) -> None:
        await self.do(
            COORDINATOR, "agree-to-take-part", case_id=case_id, method="verbal", evidence_ref="note-1"
        )
        await self.do(COORDINATOR, "reach-consent-position", case_id=case_id)

    async def plan_meeting(self) -> UUID:
        """A meeting at short notice, whose agenda takes cases."""
        starts_at = datetime.now(UTC) + timedelta(minutes=10)
        meeting = (await self.do(CHAIR, "plan-meeting", forum=FORUM, starts_at=starts_at)).events[0].stream_id
        await self.do(CHAIR, "open-agenda", meeting_id=meeting, short_notice_reason="Nobody should wait")
        return meeting

    async def list_case(self, case_id: CaseId, meeting: UUID) -> None:
        await self.do(COORDINATOR, "schedule-item", case_id=case_id, meeting_id=meeting)

    async def begin_meeting(self, meeting: UUID) -> None:
        await self.do(COORDINATOR, "close-agenda", meeting_id=meeting)
        await self.do(CHAIR, "start-meeting", meeting_id=meeting, attendees=ATTENDANCE)

    async def accept(self, case_id: CaseId) -> None:
        """The forum accepts the case and sets one action."""
        action = {
            "owner": "officer-1",
            "agency": "Greater Manchester Police",
            "links_to": "mental_health",
            "what": "Join the first visit",
        }
        await self.do(
            CHAIR,
            "record-decision",
            case_id=case_id,
            decision="accept_key_worker",
            reasons="Several needs that no service holds alone",
            referrer_offer_reflected=True,
            actions=[action],
        )

    async def register_worker(self, name: str, **fields: object) -> KeyWorkerOnDuty:
        given: dict[str, object] = {
            "staff_ref": f"worker-{name}",
            "display_name": name.title(),
            "agency": "Shelter",
            "forums": [FORUM],
            "active_from": datetime.now(UTC).date() - timedelta(days=30),
        }
        answer = await self.do(MANAGER, "register-key-worker", **{**given, **fields})
        actor = Actor(person=f"worker-{name}", role=Role.KEY_WORKER, agency="Shelter")
        return KeyWorkerOnDuty(answer.events[0].stream_id, actor)

    async def allocate(self, case_id: CaseId, worker: KeyWorkerOnDuty) -> None:
        await self.do(
            MANAGER,
            "allocate-key-worker",
            case_id=case_id,
            worker_id=worker.worker_id,
            approved_over_soft_limit=True,
        )

    async def engage(self, case_id: CaseId, worker: KeyWorkerOnDuty) -> None:
        await self.do(worker.actor, "accept-allocation", case_id=case_id)
        await self.do(
            worker.actor,
            "record-contact",
            case_id=case_id,
            by_channel="visit",
            reached=True,
            face_to_face=True,
        )
        await self.do(worker.actor, "confirm-engagement", case_id=case_id, person_agrees=True)

    async def propose_step_down(self, case_id: CaseId, worker: KeyWorkerOnDuty) -> None:
        await self.do(worker.actor, "review-plan", case_id=case_id, summary="It goes well")
        grant_id = uuid4()
        await self.do(
            worker.actor,
            "request-consent",
            case_id=case_id,
            grant_id=grant_id,
            discloser="Shelter",
            recipient="Change Grow Live",
            purpose="handover",
            categories=["support_plan"],
            capacity_view="has",
            information_version="notice-2026.1",
        )
        await self.do(
            worker.actor,
            "grant-consent",
            case_id=case_id,
            grant_id=grant_id,
            method="signed",
            evidence_ref="form-1",
            explicit=True,
        )
        await self.do(
            worker.actor,
            "propose-step-down",
            case_id=case_id,
            receiving_agency="Change Grow Live",
            outcomes_summary="Well for months",
            contingency_plan="Ring the worker",
        )

    async def approve_step_down(self, case_id: CaseId) -> None:
        await self.do(
            MANAGER,
            "approve-step-down",
            case_id=case_id,
            person_view="Ready",
            receiving_lead="recovery-3",
            receiving_lead_accepted=True,
            child_protection_plan_open=False,
        )

    async def hand_over(self, case_id: CaseId, worker: KeyWorkerOnDuty) -> None:
        await self.do(worker.actor, "complete-handover", case_id=case_id, joint_meeting_held=True)

    # -- without an engine --------------------------------------------------------------------------------------------

    async def accepted_cases(self, numbers: Sequence[int]) -> list[CaseId]:
        """Cases that the forum has accepted, at most as many as one meeting hears; all of it done by people."""
        assert len(numbers) <= AGENDA_CAPACITY
        meeting = await self.plan_meeting()

        async def one(number: int) -> CaseId:
            case_id = await self.refer(number)
            await self.begin_triage(case_id)
            await self.find_eligible(case_id)
            await self.make_ready(case_id)
            await self.list_case(case_id, meeting)
            return case_id

        cases = [await one(number) for number in numbers]
        await self.begin_meeting(meeting)
        for case_id in cases:
            await self.accept(case_id)
        return cases


@dataclass
class OfficeOverHttp(Office):
    """The same people at the HTTP API."""

    client: httpx.AsyncClient = field(kw_only=True)

    async def do(
        self, actor: Actor, name: str, *, command_id: UUID | None = None, **fields: object
    ) -> Answer:
        """Give one command; it must be done at once."""
        said = await self.ask(actor, name, command_id=command_id, **fields)
        assert said.status_code == 200, said.text
        done = said.json()
        answer = Answer(
            command_id=UUID(done["command_id"]),
            command=done["command"],
            recorded_at=datetime.fromisoformat(done["recorded_at"]),
            events=tuple(
                Written(
                    one["topic"],
                    UUID(one["event_id"]),
                    UUID(one["stream_id"]),
                    one["version"],
                    one["position"],
                )
                for one in done["events"]
            ),
            repeated=done["repeated"],
        )
        self.answers.append(answer)
        return answer

    async def ask(
        self, actor: Actor, name: str, *, command_id: UUID | None = None, **fields: object
    ) -> httpx.Response:
        """Give one command and answer whatever the API says."""
        headers = {
            "Ccp-Person": actor.person,
            "Ccp-Role": actor.role.value,
            "Ccp-Agency": actor.agency,
            "Idempotency-Key": str(command_id or uuid4()),
        }
        return await self.client.post(f"/commands/{name}", json=to_jsonable_python(fields), headers=headers)


_SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "pra", "sti", "tor", "vel", "wyn", "zed", "gru")


def a_form(number: int, **changes: Any) -> dict[str, Any]:
    """A sound referral form of a person of their own: no two numbers have a birthday or nearly a name in common."""
    first, second = divmod(number, len(_SYLLABLES))
    born = date(1950, 1, 1) + timedelta(days=37 * number)
    return {
        "given_name": f"{_SYLLABLES[first % len(_SYLLABLES)]}{_SYLLABLES[second]}".title(),
        "family_name": f"{_SYLLABLES[second]}{_SYLLABLES[first % len(_SYLLABLES)]}ford".title(),
        "date_of_birth": born.isoformat(),
        "ward": WARD,
        "needs": ["mental_health", "homelessness", "debt"],
        "offer": "The officer joins the first visit",
        "person_aware": True,
        **changes,
    }
