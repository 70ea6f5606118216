"""One case through every stage in which a process waits, with a name and a number planted wherever a text may stand.

People are late all the way, and at first there is no key worker, so that every process has something to do. Told in
events; only what the engine adds is decided.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from domain.case.action_work import ActionCompleted
from domain.case.monitoring import OutcomeSustained
from domain.case.referral import ReferralSubmitted
from tests.support.scenario import CaseStory, a_case, a_meeting, a_worker
from tests.workflows.world import World, decided, with_a_plan
from workflows.contracts import ProcessKind, workflow_id

KINDS = (
    ProcessKind.REFERRAL,
    ProcessKind.CONSENT,
    ProcessKind.FORUM_REVIEW,
    ProcessKind.ALLOCATION,
    ProcessKind.SUPPORT,
    ProcessKind.ACTION_FOLLOW_UP,
    ProcessKind.STEP_DOWN,
)
"""The processes that this case needs on its way."""
PLANTED = "Quillfeather"
PLANTED_NUMBER = "9434765919"
PLANTED_NUMBER_AS_WRITTEN = "943 476 5919"


async def play(world: World) -> CaseStory:
    """Play the case from referral to closure; it takes most of a year."""
    a_while = timedelta(days=9)
    case = with_planted_form(a_case("robin").submitted(at=world.now))
    await world.given(case)
    await world.time.advance(a_while)
    await world.given(case := case.awaiting_consent(at=world.now))
    await world.time.advance(timedelta(days=40))
    await world.given(case := case.ready_for_forum(at=world.now))
    await world.time.advance(a_while)
    meeting = a_meeting(starts_at=world.now + timedelta(days=14))
    await world.given(case := case.on_agenda(meeting, at=world.now))
    await world.time.advance(timedelta(days=20))
    case = with_a_plan(decided(case, "accept_key_worker", at=world.now), at=world.now)
    visit = world.now + timedelta(days=5)
    await world.given(case := case.with_action("visit", owner=PLANTED, due_at=visit, at=world.now))
    await world.time.advance(timedelta(days=30))
    await world.given(case := case.allocated_to(a_worker("alex"), at=world.now))
    await world.time.advance(a_while)
    done = ActionCompleted(
        **case.ids, action_id=case.action_id("visit"), evidence=PLANTED, effective=True, late=True
    )
    await world.given(case := case.met().active(at=world.now).then_also(done))
    await world.given(case := case.reviewed(at=world.now).step_down_proposed(at=world.now))
    await world.time.advance(a_while)
    await world.given(case := case.stepping_down(at=world.now))
    await world.time.advance(timedelta(days=30))
    await world.given(case := case.handed_over(at=world.now))
    await world.time.advance(timedelta(weeks=13))
    await world.given(case := case.then_also(OutcomeSustained(**case.ids, summary=PLANTED)))
    return case


def with_planted_form(case: CaseStory) -> CaseStory:
    """The same story, about a person of the planted name and number."""
    planted = {
        "given_name": PLANTED,
        "family_name": PLANTED,
        "nhs_number": PLANTED_NUMBER_AS_WRITTEN,
        "risk_to_workers": PLANTED,
        "narrative": f"{PLANTED} ({PLANTED_NUMBER})",
    }
    facts = tuple(
        fact.model_copy(update={"form": fact.form.model_copy(update=planted), "referrer": PLANTED})
        if isinstance(fact, ReferralSubmitted)
        else fact
        for fact in case.facts
    )
    return dataclasses.replace(case, facts=facts)


def workflow_ids(case: CaseStory) -> list[str]:
    """Every process that the case had."""
    return [workflow_id(kind, case.case_id) for kind in KINDS]
