"""What makes the running product worth exploring: key workers, and some imported cases brought further by commands.

Everything goes through the same commands that people give; nothing is written any other way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from adapters.product import Product
from domain import catalogue
from domain.application import Request
from domain.case.stages import Stage
from domain.case.state import Case
from domain.messages import Actor, CaseId, Message
from domain.ports import Answer
from domain.roles import Role

COORDINATOR = Actor(person="coordinator-1", role=Role.COORDINATOR, agency="MCC Community Safety")
CHAIR = Actor(person="chair-1", role=Role.CHAIR, agency="Manchester City Council Adult Social Care")
MANAGER = Actor(person="manager-1", role=Role.MANAGER, agency="Shelter")
ATTENDANCE = (
    (CHAIR, "chair"),
    (COORDINATOR, "coordinator"),
    ("officer-1", "Greater Manchester Police", "member"),
    ("housing-2", "One Manchester", "member"),
    ("recovery-3", "Change Grow Live", "member"),
    ("nurse-4", "GMMH", "deputy"),
)
WORKERS = (("sam", "Sam Okafor", 1.0), ("noor", "Noor Walsh", 0.6), ("pat", "Pat Lindqvist", 1.0))
STAGES_TO_REACH = {"eligible": 24, "agreed": 18, "allocated": 4}


class Did(Message):
    """How far the cases were brought."""

    workers: int
    eligible: int
    ready: int
    heard: int
    allocated: int


async def bring_to_life(product: Product, imported: Sequence[UUID]) -> Did:
    """Register key workers, decide some triages, hold one extraordinary meeting, and allocate some cases."""
    workers = await _register_workers(product)
    cases = [await _in_triage(product, CaseId(case_id)) for case_id in imported]
    sound = [case for case in cases if case.stage is Stage.TRIAGE and not case.undecided_duplicates]
    eligible = [
        case for case in sound if product.rules.programme(case.programme).eligibility_of(case.needs).eligible
    ]
    eligible = eligible[: STAGES_TO_REACH["eligible"]]
    for case in eligible:
        await _do(product, COORDINATOR, "confirm-eligible", case_id=case.case_id)
    ready = eligible[: STAGES_TO_REACH["agreed"]]
    for number, case in enumerate(ready):
        await _do(
            product,
            COORDINATOR,
            "agree-to-take-part",
            case_id=case.case_id,
            method="verbal",
            evidence_ref=f"note-{number}",
        )
        await _do(product, COORDINATOR, "reach-consent-position", case_id=case.case_id)
    heard = await _hold_a_meeting(product, ready)
    allocated = heard[: STAGES_TO_REACH["allocated"]]
    for number, case in enumerate(allocated):
        worker_id, staff_ref = workers[number % len(workers)]
        await _do(product, MANAGER, "allocate-key-worker", case_id=case.case_id, worker_id=worker_id)
        if number % 2 == 0:
            answer = Actor(person=staff_ref, role=Role.KEY_WORKER, agency="Shelter")
            await _do(product, answer, "accept-allocation", case_id=case.case_id)
    return Did(
        workers=len(workers),
        eligible=len(eligible),
        ready=len(ready),
        heard=len(heard),
        allocated=len(allocated),
    )


async def _register_workers(product: Product) -> list[tuple[UUID, str]]:
    forums = [forum.code for forum in product.rules.geography.forums()]
    today = product.rules.london_day(await product.application.clock.now())
    registered = []
    for name, display_name, fte in WORKERS:
        answer = await _do(
            product,
            MANAGER,
            "register-key-worker",
            staff_ref=f"worker-{name}",
            display_name=display_name,
            agency="Shelter",
            forums=forums,
            languages=["English"],
            fte=fte,
            active_from=today,
        )
        registered.append((answer.events[0].stream_id, f"worker-{name}"))
    return registered


async def _in_triage(product: Product, case_id: CaseId) -> Case:
    """The case, once the engine has begun its triage; it does so by itself within moments."""
    for _ in range(200):
        case = await product.application.case(case_id)
        if case.stage is not Stage.SUBMITTED:
            break
        await asyncio.sleep(0.05)
    return case


async def _hold_a_meeting(product: Product, ready: Sequence[Case]) -> list[Case]:
    """An extraordinary meeting of the forum with the most cases, held at once; it accepts them all but the last."""
    forum, _ = Counter(case.forum for case in ready).most_common(1)[0]
    items = [case for case in ready if case.forum == forum]
    starts_at = await product.application.clock.now() + timedelta(seconds=2)
    planned = await _do(product, CHAIR, "plan-meeting", forum=forum, starts_at=starts_at)
    meeting = planned.events[0].stream_id
    await _do(
        product,
        CHAIR,
        "open-agenda",
        meeting_id=meeting,
        short_notice_reason="Nobody should wait for the next cycle",
    )
    for case in items:
        await _do(product, COORDINATOR, "schedule-item", case_id=case.case_id, meeting_id=meeting)
    await _do(product, COORDINATOR, "close-agenda", meeting_id=meeting)
    await asyncio.sleep(max(0.0, (starts_at - await product.application.clock.now()).total_seconds()))
    await _do(
        product, CHAIR, "start-meeting", meeting_id=meeting, attendees=[_line(one) for one in ATTENDANCE]
    )
    for case in items[:-1]:
        action = {
            "owner": "officer-1",
            "agency": case.referring_agency,
            "links_to": case.needs[0],
            "what": "Make the offer good with the key worker",
        }
        await _do(
            product,
            CHAIR,
            "record-decision",
            case_id=case.case_id,
            decision="accept_key_worker",
            reasons="Several needs that no service holds alone",
            referrer_offer_reflected=True,
            actions=[action],
        )
    return items[:-1]


def _line(one: tuple[Any, ...]) -> dict[str, object]:
    person, agency, part = (one[0].person, one[0].agency, one[1]) if isinstance(one[0], Actor) else one
    return {"person": person, "agency": agency, "part": part, "confidentiality_acknowledged": True}


async def _do(product: Product, actor: Actor, name: str, **fields: object) -> Answer:
    command = catalogue.decision(name).command.model_validate(fields)
    return await product.application.execute(Request(command, actor, uuid4()))
