"""A story for every state of every machine of the pathway, and the commands that are tried in each.

Source: machines A to G and J (domain reference 2.4 to 2.10, 2.12). What comes of each pair is pinned in `every_pair.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.case.allocation import AllocationEnded
from domain.case.closure import CaseClosed
from domain.case.monitoring import MonitoringWindowElapsed
from domain.case.sharing import Category, Purpose
from domain.case.stages import Stage
from domain.keyworker.events import CaseReleased
from domain.messages import Event, MeetingId
from domain.person.identity import EpisodeEnded
from tests.domain.forms import FORMS, forms_about, forms_of
from tests.domain.pairs import Form, Place, place
from tests.support.scenario import (
    AGENDA_CLOSED,
    AGENDA_OPENED,
    CONSENTED,
    HOUSING,
    LISTED,
    MANAGER,
    MEETS,
    POLICE,
    PROGRAMME,
    SHELTER,
    CaseStory,
    MeetingStory,
    Story,
    a_case,
    a_meeting,
    a_worker,
    london,
    some_id,
)

FEBRUARY = london(2027, 2, 17, 10)
ROBIN, ALEX = a_case("robin"), a_case("robin-alex").in_triage()
SAM, KIM = a_worker("robin"), a_worker("robin-kim")
JANUARY = a_meeting("robin")
OPEN_AGENDA = a_meeting("open", starts_at=FEBRUARY).agenda_open()
CLOSED_AGENDA = a_meeting("closed", starts_at=FEBRUARY).agenda_closed()
REVIEW = a_meeting("review", starts_at=FEBRUARY)
CONCERN = some_id("concern/robin/concern")


@dataclass(frozen=True)
class Machine:
    """The states of one kind of thing, the commands tried in each, and how its state is read off."""

    places: Mapping[str, Place]
    forms: Mapping[str, Form]
    state: Callable[[Place], str | None]


def _case(story: CaseStory, *beside: Story, pool: tuple[Story, ...] = (KIM,)) -> Place:
    """The case where its story has come to; others that its commands may name are there too."""
    told = place(ALEX, *pool, OPEN_AGENDA, CLOSED_AGENDA, *beside, story)
    ids = {
        "case_id": ROBIN.case_id,
        "survivor": ALEX.case_id,
        "duplicate_of": ALEX.case_id,
        "other_person": ALEX.person_id,
        "successor_id": KIM.worker_id,
        "cover_worker_id": KIM.worker_id,
        "meeting_id": story.case.meeting_id or OPEN_AGENDA.meeting_id,
        "earlier_meeting": JANUARY.meeting_id,
    }
    return (
        told.about(**ids)
        .where("schedule-item", meeting_id=str(OPEN_AGENDA.meeting_id))
        .where("schedule-review-item", meeting_id=str(OPEN_AGENDA.meeting_id))
        .where("schedule-advice-item", meeting_id=str(OPEN_AGENDA.meeting_id))
        .where("add-urgent-item", meeting_id=str(CLOSED_AGENDA.meeting_id))
        .where("draft-referral", case_id=str(ROBIN.case_id))
        .where("submit-referral", case_id=str(ROBIN.case_id))
    )


def _closed(story: CaseStory, *, lawfully: str = "withdrawn") -> CaseStory:
    """The case was closed from wherever it stood, and nobody has it any more."""
    worker_id = story.case.worker_id
    freed: list[Event] = (
        [CaseReleased(worker_id=worker_id, case_id=story.case_id)] if worker_id is not None else []
    )
    return story.then_also(
        CaseClosed(**story.ids, because=lawfully),
        *freed,
        EpisodeEnded(person_id=story.person_id, case_id=story.case_id, programme=PROGRAMME),
    )


def _merged(story: CaseStory) -> CaseStory:
    """The case was merged into Alex's from wherever it stood, and nobody has it any more."""
    worker_id = story.case.worker_id
    merged = story.merged_into(ALEX)
    return merged.then_also(CaseReleased(worker_id=worker_id, case_id=story.case_id)) if worker_id else merged


ACTIVE = ROBIN.active(SAM)
HANDOVER_GRANT = (Category.IDENTITY, Category.CONTACT, Category.SUPPORT_PLAN)
PROPOSED = ACTIVE.with_grant(
    SHELTER, *HANDOVER_GRANT, recipient=HOUSING, purpose=Purpose.HANDOVER
).step_down_proposed()
STEPPING_DOWN = ACTIVE.stepping_down()
CHECKED_IN = ACTIVE.handed_over().checked_in()
SUSTAINED_AT = CHECKED_IN.case.due["monitoring"]
OVER = CHECKED_IN.then_also(MonitoringWindowElapsed(**ROBIN.ids, ended_at=SUSTAINED_AT), at=SUSTAINED_AT)
STAGES: Mapping[Stage, CaseStory] = {
    Stage.SUBMITTED: ROBIN.submitted(),
    Stage.TRIAGE: ROBIN.in_triage(),
    Stage.INFO_REQUESTED: ROBIN.asked_for_information(),
    Stage.AWAITING_CONSENT: ROBIN.awaiting_consent(),
    Stage.READY_FOR_FORUM: ROBIN.ready_for_forum(),
    Stage.ON_AGENDA: ROBIN.on_agenda(JANUARY),
    Stage.AWAITING_ALLOCATION: ROBIN.accepted(),
    Stage.WAITING_LIST: ROBIN.waiting(),
    Stage.INTRODUCTION: ROBIN.allocated_to(SAM),
    Stage.ACTIVE: ACTIVE,
    Stage.OUTREACH: ACTIVE.lost(),
    Stage.SUSPENDED: ACTIVE.suspended(),
    Stage.STEP_DOWN_PROPOSED: PROPOSED,
    Stage.STEPPING_DOWN: STEPPING_DOWN,
    Stage.MONITORING: ACTIVE.handed_over(),
}
"""The main road: the case in each of its open stages."""


def _drafted() -> Place:
    return (
        _case(ROBIN).after(FORMS["draft-referral"], case_id=str(ROBIN.case_id)).about(case_id=ROBIN.case_id)
    )


def _of_the_case() -> dict[str, Place]:
    stages = {stage: _case(story, SAM, JANUARY.agenda_closed()) for stage, story in STAGES.items()}
    for stage in (Stage.INTRODUCTION, *list(Stage)[list(Stage).index(Stage.ACTIVE) : -1]):
        stages[stage] = _case(STAGES[stage], JANUARY.agenda_closed())
    in_session = JANUARY.in_session()
    review = REVIEW.in_session()
    introduced = ROBIN.allocated_to(SAM).met()
    led = ROBIN.led_by()
    lost = ACTIVE.lost()
    screened = FORMS["record-risk-screen"]
    attempted = _case(STAGES[Stage.AWAITING_CONSENT], SAM).after(FORMS["record-consent-attempt"])
    own = sum(getattr(event, "case_id", None) == ROBIN.case_id for event in attempted.events)
    return {
        "New": _case(ROBIN, SAM),
        "Draft": _drafted(),
        "Submitted": stages[Stage.SUBMITTED],
        "Triage": stages[Stage.TRIAGE],
        "Triage, perhaps known": _case(ROBIN.in_triage().perhaps(ALEX), SAM),
        "Triage, unanswered": _case(ROBIN.unanswered(), SAM),
        "Triage, lives elsewhere": _case(a_case("robin", neighbourhood=None).in_triage(), SAM),
        "Triage, a concern is open": _case(ROBIN.in_triage().with_concern(), SAM),
        "Triage, said to have died": _case(ROBIN.in_triage().said_to_have_died(), SAM),
        "Triage, moved away": _case(ROBIN.in_triage().moved_out(), SAM),
        "InfoRequested": stages[Stage.INFO_REQUESTED],
        "AwaitingConsent": attempted.where("void-record", version=own - 1),
        "AwaitingConsent, agreed": _case(ROBIN.awaiting_consent(), SAM).after(FORMS["agree-to-take-part"]),
        "AwaitingConsent, overdue": _case(ROBIN.consent_overdue(), SAM),
        "AwaitingConsent, up for advice": _case(ROBIN.up_for_advice(REVIEW), SAM, review),
        "ReadyForForum": stages[Stage.READY_FOR_FORUM],
        "OnAgenda": stages[Stage.ON_AGENDA],
        "OnAgenda, in session": _case(ROBIN.on_agenda(JANUARY, at=MEETS), SAM, in_session),
        "AwaitingAllocation": stages[Stage.AWAITING_ALLOCATION],
        "AwaitingAllocation, nobody has room": _case(ROBIN.accepted(), pool=()),
        "WaitingList": stages[Stage.WAITING_LIST],
        "WaitingList, offered": _case(ROBIN.waiting().offered(SAM), SAM),
        "Introduction": stages[Stage.INTRODUCTION],
        "Introduction, unanswered": stages[Stage.INTRODUCTION].after(
            FORMS["mark-allocation-answer-overdue"], lapse=timedelta(days=10)
        ),
        "Introduction, met": _case(introduced, JANUARY.agenda_closed()),
        "Introduction, missed twice": _case(ROBIN.allocated_to(SAM).missed(2)),
        "Active": stages[Stage.ACTIVE],
        "Active, with an outcome": _case(ACTIVE.with_outcome()),
        "Active, plan reviewed": _case(ACTIVE.reviewed()),
        "Active, up for review": _case(ACTIVE.up_for_review(REVIEW), review),
        "Active, worker away": _case(ACTIVE.worker_away()),
        "Active, led by an agency": by_manager(_case(led, SAM)),
        "Active, led, plan reviewed": by_manager(_case(led.reviewed(), SAM)),
        "Active, led, a key worker wanted": by_manager(
            _case(led.reviewed_by_forum(REVIEW, "request_key_worker"), SAM)
        ),
        "Outreach": stages[Stage.OUTREACH].after(screened),
        "Outreach, attempts exhausted": _case(lost.missed(3)),
        "Outreach, from the introduction": _case(ROBIN.allocated_to(SAM).lost()),
        "Suspended": stages[Stage.SUSPENDED],
        "Suspended, from the introduction": _case(ROBIN.allocated_to(SAM).suspended()),
        "Suspended, another worker": _case(ACTIVE.suspended())
        .after(FORMS["plan-handover"])
        .after(FORMS["complete-worker-handover"])
        .acted_by(KIM.actor, for_=SAM.actor.person),
        "Suspended, worker gone": by_manager(
            _case(ACTIVE.suspended().then_also(*_let_go(ACTIVE)))  # as a log of before may tell it
        ),
        "Suspended, from a lead agency": by_manager(_case(led.suspended(), SAM)),
        "StepDownProposed": stages[Stage.STEP_DOWN_PROPOSED],
        "SteppingDown": stages[Stage.STEPPING_DOWN],
        "SteppingDown, worker gone": by_manager(
            _case(STEPPING_DOWN).after(FORMS["end-allocation, step_down"])
        ),
        "SteppingDown, led by an agency": by_manager(_case(led.stepping_down(), SAM)),
        "Monitoring": _case(ACTIVE.check_in_asked()),
        "Monitoring, worker gone": by_manager(
            _case(ACTIVE.handed_over()).after(FORMS["end-allocation, step_down"])
        ),
        "Monitoring, over": _case(OVER),
        "Closed, as withdrawn": _case(_closed(STAGES[Stage.TRIAGE]), SAM),
        "Closed, merged": _case(_merged(STAGES[Stage.TRIAGE]), SAM),
        "Closed, as completed": _case(OVER).after(FORMS["confirm-sustained"]),
        "Closed, asked whether it lasts": _case(OVER)
        .after(FORMS["confirm-sustained"])
        .after(FORMS["raise-sustained-outcome-test"], lapse=timedelta(days=300)),
        "Closed, died": _case(STAGES[Stage.TRIAGE], SAM).after(FORMS["record-death"]),
    }


def by_manager(at: Place) -> Place:
    """Nobody has the case: a manager does what the key worker would."""
    return at.acted_by(MANAGER, for_=SAM.actor.person)


def _let_go(story: CaseStory) -> tuple[Event, ...]:
    worker_id = story.allocated_worker
    return (
        AllocationEnded(**story.ids, worker_id=worker_id, because="other_worker"),
        CaseReleased(worker_id=worker_id, case_id=story.case_id),
    )


def _stage(at: Place) -> str | None:
    case = at.states.cases.get(ROBIN.case_id)
    return case.stage if case else "New"


BEING_CLOSED: dict[str, Place] = {
    f"Closed, {how} from {stage}": _case(end(STAGES[stage]), *([] if STAGES[stage].case.worker_id else [SAM]))
    for stage in STAGES
    for how, end in (("withdrawn", _closed), ("merged", _merged))
}
BESIDE: dict[str, Place] = {
    stage: _case(
        story.moved_out().with_concern().escalated(), *([] if story.case.worker_id else [SAM])
    ).about(concern_id=CONCERN, escalation_id=ROBIN.escalation_id())
    for stage, story in STAGES.items()
}
BESIDE_CLOSED: dict[str, Place] = {
    Stage.CLOSED: _case(_closed(ACTIVE.with_concern().escalated())).about(
        concern_id=CONCERN, escalation_id=ROBIN.escalation_id()
    )
}


# -- B, a consent ----------------------------------------------------------------------------------------------------

_ASK = Form("request-consent", {"grant_id": str(ROBIN.grant_id(POLICE))})


def _of_a_consent() -> dict[str, Place]:
    grant_id = ROBIN.grant_id(POLICE)
    new = _case(ROBIN.awaiting_consent(at=CONSENTED), SAM).about(grant_id=grant_id)
    new = new.where("request-consent", grant_id=str(grant_id))
    asked = new.after(FORMS["request-consent"], grant_id=str(grant_id))
    incapable = asked.after(FORMS["cannot-consent"])
    granted = asked.after(FORMS["grant-consent"])
    due = timedelta(days=190)
    refused = asked.after(FORMS["refuse-consent"])
    withdrawn = granted.after(FORMS["withdraw-consent"])
    return {
        "new": new,
        "requested": asked,
        "best_interests": incapable,
        "granted": granted,
        "substitute_granted": incapable.after(FORMS["record-best-interests-decision, share"]),
        "review_due": granted.after(FORMS["mark-consent-review-due"], lapse=due),
        "refused": refused,
        "refused, long ago": refused.later(due),
        "withdrawn": withdrawn,
        "withdrawn, long ago": withdrawn.later(due),
        "expired": granted.after(FORMS["expire-consent"], lapse=timedelta(days=400)),
    }


def _consent_state(at: Place) -> str | None:
    grant = at.states.cases[ROBIN.case_id].grants.get(ROBIN.grant_id(POLICE))
    return grant.state if grant else "new"


# -- C, a meeting and its items --------------------------------------------------------------------------------------


def _of_a_meeting() -> dict[str, Place]:
    meeting = a_meeting("robin", repeats=True)
    earlier = a_meeting("december", starts_at=london(2026, 12, 9, 10)).handled_by_chair(a_case("kim"))
    case = ROBIN.with_grant(POLICE).ready_for_forum().on_agenda(meeting)

    def at(story: Story, *cases: CaseStory, now: object = None) -> Place:
        told = place(earlier, SAM, *cases, story).about(
            meeting_id=meeting.meeting_id, earlier_meeting=earlier.meeting_id, case_id=ROBIN.case_id
        )
        return told.where("plan-meeting", meeting_id=str(meeting.meeting_id))

    listed = meeting.agenda_open().hearing()
    return {
        "New": at(KIM).later(AGENDA_OPENED - KIM.now),
        "Planned": at(meeting),
        "AgendaOpen": at(listed, case).later(AGENDA_CLOSED - listed.now),
        "AgendaClosed": at(meeting.agenda_closed(at=MEETS), case),
        "InSession": at(meeting.in_session(), case),
        "InSession, all decided": at(meeting.in_session(), case.accepted()),
        "Inquorate": at(meeting.inquorate(), case),
        "Concluded": at(meeting.concluded(), case.accepted()),
        "Concluded, by the chair alone": at(meeting.inquorate(), case).after(FORMS["chair-decides, urgent"]),
        "MinutesIssued": at(meeting.minutes_issued(), case.accepted()),
        "Cancelled": at(meeting.cancelled()),
    }


def _meeting_state(at: Place) -> str | None:
    meeting = at.states.meetings.get(MeetingId(at.ids["meeting_id"]))
    return meeting.stage if meeting else "New"


def _of_an_item() -> dict[str, Place]:
    """Each kind of item, on an agenda that is open or published, in session, and once it has an outcome."""
    kinds: Mapping[str, Callable[[], CaseStory]] = {
        "case": lambda: ROBIN.with_grant(POLICE).ready_for_forum().on_agenda(REVIEW, at=LISTED),
        "review": lambda: ACTIVE.up_for_review(REVIEW),
        "advice": lambda: ROBIN.up_for_advice(REVIEW),
    }
    outcomes = {
        "case": "record-decision, decline",
        "review": "record-review-decision, continue",
        "advice": "record-engagement-advice",
    }
    meetings: Mapping[str, Story] = {
        "agenda open": REVIEW.agenda_open(),
        "agenda published": REVIEW.agenda_closed(),
        "in session": REVIEW.in_session(),
    }
    found = {
        f"{kind}, {when}": _case(told(), *([SAM] if kind != "review" else []), meeting).about(
            meeting_id=REVIEW.meeting_id
        )
        for kind, told in kinds.items()
        for when, meeting in meetings.items()
    }
    return found | {
        f"{kind}, decided": found[f"{kind}, in session"].after(FORMS[form]) for kind, form in outcomes.items()
    }


def _to_be_listed() -> dict[str, Place]:
    """Each kind of case that may come onto an agenda, and the meeting in each of its stages."""
    kinds: Mapping[str, CaseStory] = {
        "ready": ROBIN.ready_for_forum(at=AGENDA_OPENED),
        "in support": ACTIVE,
        "consent overdue": ROBIN.consent_overdue(),
    }
    stages: tuple[MeetingStory, ...] = (
        REVIEW,
        REVIEW.agenda_open(),
        REVIEW.agenda_closed(),
        REVIEW.in_session(),
        REVIEW.inquorate(),
        REVIEW.concluded(),
        REVIEW.minutes_issued(),
        REVIEW.cancelled(),
    )
    listing = ("schedule-item", "schedule-review-item", "schedule-advice-item", "add-urgent-item")
    found = {}
    for kind, case in kinds.items():
        for meeting in stages:
            at = _case(case, *([SAM] if case.case.worker_id is None else []), meeting)
            for form in listing:
                at = at.where(form, meeting_id=str(REVIEW.meeting_id))
            found[f"{kind}, {meeting.meeting.stage}"] = at
    return found


# -- D, an action ----------------------------------------------------------------------------------------------------


def _of_an_action() -> dict[str, Place]:
    case = _case(STAGES[Stage.AWAITING_ALLOCATION], SAM)
    none = _case(STAGES[Stage.TRIAGE], SAM).about(action_id=ROBIN.action_id())
    there = case.about(action_id=ROBIN.action_id())
    overdue = there.after(FORMS["mark-action-overdue"], lapse=timedelta(days=40))
    return {
        "none": none,
        "open": there,
        "acknowledged": there.after(FORMS["acknowledge-action"]),
        "in_progress": there.after(FORMS["start-work"]),
        "in_progress, blocked": there.after(FORMS["report-blocked"]),
        "open, overdue": overdue,
        "open, escalated": overdue.after(FORMS["escalate-action"], lapse=timedelta(days=20)),
        "done": there.after(FORMS["complete-action"]),
        "not_done": there.after(FORMS["report-not-done"]),
        "cancelled": there.after(FORMS["cancel-action"]),
        "cancelled, with its case": there.after(FORMS["withdraw-participation"]),
    }


def _action_state(at: Place) -> str | None:
    return _of_this_or_a_new_one(at, at.states.cases[ROBIN.case_id].actions, "action_id")


def _of_this_or_a_new_one(at: Place, known: Mapping[Any, Any], name: str) -> str:
    """The state of the one that the place is about; where there was none, of the one that there is now."""
    found = known.get(at.ids[name]) or next(iter(known.values()), None)
    return str(found.state) if found else "none"


# -- E, an allocation ------------------------------------------------------------------------------------------------


def _of_an_allocation() -> dict[str, Place]:
    unallocated = _case(STAGES[Stage.AWAITING_ALLOCATION], SAM)
    proposed = unallocated.after(FORMS["propose-match"])
    allocated = proposed.after(FORMS["allocate-key-worker"])
    accepted = allocated.after(FORMS["accept-allocation"])
    away = accepted.after(FORMS["record-absence"])
    planned = accepted.after(FORMS["plan-handover"])
    overridden = unallocated.after(FORMS["record-absence"]).after(
        FORMS["allocate-key-worker, against a rule"]
    )
    return {
        "Unallocated": unallocated,
        "Proposed": proposed,
        "Allocated": allocated,
        "Allocated, accepted": accepted,
        "Allocated, against a rule": overridden,
        "Allocated, worker away": away,
        "Allocated, orphaned": away.after(FORMS["mark-allocation-orphaned"], lapse=timedelta(days=30)),
        "Allocated, covered": away.after(FORMS["start-cover"]),
        "Allocated, worker leaves": accepted.after(FORMS["record-key-worker-leaving"]),
        "HandoverPlanned": planned,
        "Allocated, handed over": planned.after(FORMS["complete-worker-handover"]).about(
            worker_id=KIM.worker_id, successor_id=SAM.worker_id, cover_worker_id=SAM.worker_id
        ),
        "Unallocated, ended": accepted.after(FORMS["end-allocation, other_worker"]),
        "Unallocated, closed": accepted.after(FORMS["withdraw-participation"]),
        "Unallocated, merged": accepted.after(FORMS["merge-cases"]),
    }


def _allocation_state(at: Place) -> str | None:
    return at.states.cases[ROBIN.case_id].allocation_state


def cover_state(at: Place) -> str | None:
    """Whether the case is covered there."""
    return at.states.cases[ROBIN.case_id].cover_state


# -- F, a concern ----------------------------------------------------------------------------------------------------


def _of_a_concern() -> dict[str, Place]:
    none = _case(ROBIN.in_triage(), SAM)
    adult = _case(ROBIN.in_triage().with_concern(), SAM).about(concern_id=CONCERN)
    child = _case(ROBIN.in_triage().with_concern(about="child"), SAM).about(concern_id=CONCERN)
    met, not_met = FORMS["screen-concern, met"], FORMS["screen-concern, not met"]
    return {
        "none": none.about(concern_id=CONCERN),
        "raised": adult,
        "raised, screening late": adult.after(FORMS["mark-screening-overdue"], lapse=timedelta(days=9)),
        "met, an adult": adult.after(met),
        "met, a child": child.after(met),
        "not_met": adult.after(not_met),
        "enquiry": adult.after(met).after(FORMS["open-s42"]),
        "enquiry, about a child": child.after(met).after(FORMS["strategy-discussion"]),
        "closed": adult.after(not_met).after(FORMS["return-to-pathway"]),
    }


def _concern_state(at: Place) -> str | None:
    return _of_this_or_a_new_one(at, at.states.cases[ROBIN.case_id].concerns, "concern_id")


# -- G, a place on the waiting list ----------------------------------------------------------------------------------


def _on_the_waiting_list() -> dict[str, Place]:
    waiting = _case(ROBIN.waiting(), SAM)
    asked = waiting.after(FORMS["raise-waiting-check"], lapse=timedelta(days=40))
    first = waiting.after(FORMS["change-band"])
    nobody_else = _case(ROBIN.waiting(), SAM, pool=())
    return {
        "none": _case(ROBIN.accepted(), pool=()),
        "Waiting": waiting,
        "Waiting, a check is due": asked,
        "Waiting, a check was missed": asked.after(
            FORMS["mark-waiting-check-missed"], lapse=timedelta(days=30)
        ),
        "Waiting, in band P1": first,
        "Waiting, in band P1, too long": first.after(
            FORMS["mark-priority-wait-exceeded"], lapse=timedelta(days=9)
        ),
        "Offered": waiting.after(FORMS["offer-worker"]),
        "Left": waiting.after(FORMS["remove-from-waiting-list"]),
        "Left, merged": waiting.after(FORMS["merge-cases"]),
        "Left, allocated": waiting.after(FORMS["allocate-key-worker"]),
        "Left, allocated and queried": nobody_else.after(FORMS["allocate-key-worker"]).after(
            FORMS["query-allocation"]
        ),
    }


def _waiting_state(at: Place) -> str | None:
    return at.states.cases[ROBIN.case_id].waiting_state


# -- J, an escalation ------------------------------------------------------------------------------------------------


def _of_an_escalation() -> dict[str, Place]:
    robin, ids = ROBIN.in_triage(), {"escalation_id": ROBIN.escalation_id()}
    opened = _case(robin.escalated(), SAM).about(**ids)
    late = _of_a_concern()["raised, screening late"]
    late = late.about(escalation_id=next(iter(late.states.cases[ROBIN.case_id].escalations)))
    return {
        "none": _case(robin, SAM).about(**ids),
        "open": opened,
        "open, about safeguarding": _case(robin.escalated(subject="safeguarding"), SAM).about(**ids),
        "open, for a late screening": late,
        "open, at the highest level": _case(robin.escalated().escalated_to(5), SAM).about(**ids),
        "responded": opened.after(FORMS["respond-to-escalation"]),
        "closed": opened.after(FORMS["withdraw-escalation"]),
    }


def _escalation_state(at: Place) -> str | None:
    return _of_this_or_a_new_one(at, at.states.cases[ROBIN.case_id].escalations, "escalation_id")


# -- all of them -----------------------------------------------------------------------------------------------------


def machines() -> dict[str, Machine]:
    """Every machine of the pathway, with a place for each of its states."""
    beside = forms_of(
        *(
            form.command
            for form in FORMS.values()
            if _module(form).startswith(
                (
                    "domain.case.safeguarding",
                    "domain.case.enquiry",
                    "domain.case.escalation",
                    "domain.case.leaving",
                    "domain.case.route",
                )
            )
        )
    )
    return {
        "A, before there is a case": Machine(
            {"New": _case(ROBIN, SAM)},
            forms_of("record-conversation", "draft-referral", "submit-referral"),
            _stage,
        ),
        "A, a case": Machine(_of_the_case(), forms_about("Case"), _stage),
        "A, a case brought back": Machine(BEING_CLOSED, forms_of("reopen-case", "reverse-merge"), _stage),
        "A, what runs beside a case": Machine({**BESIDE, **BESIDE_CLOSED}, beside, _stage),
        "B, a consent": Machine(
            _of_a_consent(),
            forms_of(
                "request-consent",
                "grant-consent",
                "refuse-consent",
                "cannot-consent",
                "record-best-interests-decision",
                "narrow-consent",
                "withdraw-consent",
                "mark-consent-review-due",
                "renew-consent",
                "expire-consent",
                "record-disclosure-without-consent",
            ),
            _consent_state,
        ),
        "C, a meeting": Machine(_of_a_meeting(), forms_about("Meeting"), _meeting_state),
        "C, an item": Machine(
            _of_an_item(),
            forms_of(
                "withdraw-item",
                "return-information",
                "mark-returns-missing",
                "declare-interest",
                "share-information",
                "record-dissent",
                "record-decision",
                "mark-decision-overdue",
                "record-review-decision",
                "record-engagement-advice",
            ),
            lambda at: None,
        ),
        "C, a case that comes onto an agenda": Machine(
            _to_be_listed(),
            forms_of("schedule-item", "schedule-review-item", "schedule-advice-item", "add-urgent-item"),
            lambda at: None,
        ),
        "D, an action": Machine(
            _of_an_action(),
            forms_of("reopen-case", *(n for n in FORMS if "action" in _module(FORMS[n]))),
            _action_state,
        ),
        "E, an allocation": Machine(
            _of_an_allocation(),
            forms_of(
                "propose-match",
                "allocate-key-worker",
                "accept-allocation",
                "query-allocation",
                "declare-conflict-of-interest",
                "mark-allocation-answer-overdue",
                "record-absence",
                "end-absence",
                "record-key-worker-leaving",
                "mark-allocation-orphaned",
                "mark-absence-over",
                "raise-handover-start",
                "raise-override-review",
                "start-cover",
                "end-cover",
                "mark-cover-ended",
                "plan-handover",
                "complete-worker-handover",
                "hand-over-caseload",
                "end-allocation",
                "reopen-case",
                "reverse-merge",
            ),
            _allocation_state,
        ),
        "F, a safeguarding concern": Machine(
            _of_a_concern(),
            forms_of(
                "raise-safeguarding-concern",
                "record-emergency-services",
                "screen-concern",
                "mark-screening-overdue",
                "return-to-pathway",
                "mark-enquiry-overdue",
                "open-s42",
                "strategy-discussion",
                "record-child-seen",
                "mark-child-not-seen",
                "record-initial-conference",
                "mark-initial-conference-overdue",
                "record-safeguarding-outcome",
                "refer-to-forum",
            ),
            _concern_state,
        ),
        "G, a place on the waiting list": Machine(
            _on_the_waiting_list(),
            forms_of(
                "join-waiting-list",
                "change-band",
                "record-waiting-check",
                "raise-waiting-check",
                "mark-waiting-check-missed",
                "mark-priority-wait-exceeded",
                "offer-worker",
                "accept-offer",
                "decline-offer",
                "allocate-key-worker",
                "remove-from-waiting-list",
                "query-allocation",
                "reopen-case",
                "reverse-merge",
            ),
            _waiting_state,
        ),
        "J, an escalation": Machine(
            _of_an_escalation(),
            forms_of(
                "raise-escalation",
                "respond-to-escalation",
                "accept-response",
                "reject-response",
                "raise-escalation-level",
                "withdraw-escalation",
                "screen-concern",
            ),
            _escalation_state,
        ),
    }


def _module(form: Form) -> str:
    from domain import catalogue

    return catalogue.decision(form.command).decide.__module__
