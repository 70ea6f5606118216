"""Every command of the catalogue in the forms that matter to where it leads, by the name that the pinned table gives it.

Most have one form, that of `situations()`; a command that may lead to several events has one for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from domain import catalogue
from domain.roles import MAY_ISSUE, Role
from tests.domain.pairs import Form, in_days
from tests.support.scenario import CHAIR, HOUSING, MANAGER, POLICE, QUORUM, SAFEGUARDING_LEAD, a_worker, actor

OFFICER = actor("referrer", person="officer-7", agency=POLICE)
WORKER = a_worker("robin").actor
RECEIVING = actor("forum_member", person="recovery-1", agency=HOUSING)
A_YEAR = timedelta(days=400)
_PLAN = [{"owner": "officer-7", "agency": POLICE, "links_to": "nuisance_calls", "what": "A joint visit"}]


def _decided(decision: str, **more: Any) -> Form:
    nothing: Mapping[str, Any] = {"referrer_offer_reflected": False, "actions": []}
    return Form("record-decision", {"decision": decision, **nothing, **more}, CHAIR)


_BY_HAND: Mapping[str, Form] = {
    "record-decision, accept_key_worker": Form("record-decision"),
    "record-decision, accept_lead_agency": _decided("accept_lead_agency", lead_agency=HOUSING, lead="lead-1"),
    "record-decision, defer": _decided("defer", defer_until="2027-02-17T10:00:00+00:00"),
    "record-decision, refer_other_forum": _decided(
        "refer_other_forum", to_forum="marac", other_forum_notified=True
    ),
    "record-decision, refer_other_forum and stay": _decided(
        "refer_other_forum", to_forum="marac", other_forum_notified=True, stays_parallel=True
    ),
    "record-decision, decline": _decided("decline"),
    "record-decision, advice": _decided("advice"),
    "record-review-decision, continue": Form("record-review-decision"),
    "record-review-decision, request_key_worker": Form(
        "record-review-decision", {"outcome": "request_key_worker"}
    ),
    "chair-decides, all wait": Form("chair-decides", {"urgent": [], "explanation": None}),
    "chair-decides, urgent": Form("chair-decides"),
    "ratify-urgent-decisions, yes": Form("ratify-urgent-decisions"),
    "ratify-urgent-decisions, no": Form(
        "ratify-urgent-decisions", {"ratified": False, "explanation": "It could have waited"}
    ),
    "start-meeting, with a quorum": Form("start-meeting"),
    "start-meeting, without": Form(
        "start-meeting",
        {"attendees": [line.model_dump() | {"confidentiality_acknowledged": True} for line in QUORUM[:2]]},
    ),
    "decline-support": Form("decline-support"),
    "decline-support, another offer": Form("decline-support", {"another_offer": True}),
    "withdraw-participation": Form("withdraw-participation"),
    "withdraw-participation, a duty to go on": Form(
        "withdraw-participation", {"lawful_duty": "Care Act 2014, section 42"}, MANAGER
    ),
    "reopen-case": Form("reopen-case", {"person_agrees": True}),
    "reopen-case, nobody asked the person": Form("reopen-case"),
    "allocate-key-worker": Form("allocate-key-worker"),
    "allocate-key-worker, against a rule": Form(
        "allocate-key-worker", {"override_reason": "Knows the person", "override_review_on": "2027-12-01"}
    ),
    "end-allocation, other_worker": Form("end-allocation"),
    "end-allocation, worker_did_not_answer": Form("end-allocation", {"because": "worker_did_not_answer"}),
    "end-allocation, step_down": Form("end-allocation", {"because": "step_down"}),
    "record-contact, reached": Form("record-contact"),
    "record-contact, missed": Form("record-contact", {"reached": False, "face_to_face": False}),
    "remove-from-waiting-list": Form("remove-from-waiting-list"),
    "record-best-interests-decision, share": Form("record-best-interests-decision"),
    "record-best-interests-decision, do not": Form("record-best-interests-decision", {"share": False}),
    "expire-consent": Form("expire-consent", lapse=A_YEAR),
    "raise-override-review": Form("raise-override-review", lapse=A_YEAR),
    "raise-sustained-outcome-test": Form("raise-sustained-outcome-test", lapse=A_YEAR),
    "screen-concern, met": Form("screen-concern", {"threshold_met": True}),
    "screen-concern, not met": Form("screen-concern", {"threshold_met": False}),
    "withdraw-referral": Form("withdraw-referral", by=OFFICER),
    "reach-consent-position, agreed": Form(
        "reach-consent-position", {"position": "agreed", "rationale": None, "authoriser": None}
    ),
    "reach-consent-position, best_interests": Form("reach-consent-position"),
    "submit-referral": Form("submit-referral", {"if_possible_duplicate": "link"}),
    "record-disclosure-without-consent": Form(
        "record-disclosure-without-consent",
        {"share_at": lambda at: at.isoformat(), "review_on": in_days(7)},
    ),
    "start-cover": Form("start-cover", {"until": in_days(30), "told_on": in_days(0)}),
    "plan-handover": Form("plan-handover", {"joint_visit_on": in_days(7)}),
    "suspend": Form("suspend", {"review_on": in_days(60)}),
    "review-suspension": Form("review-suspension", {"review_on": in_days(60)}),
    "extend-introduction": Form("extend-introduction", {"until": in_days(60)}),
    "record-absence": Form("record-absence", {"first_day": in_days(0), "last_day": in_days(20)}),
    "record-key-worker-leaving": Form("record-key-worker-leaving", {"last_day": in_days(40)}),
    "plan-meeting": Form("plan-meeting", {"meeting_id": None}),
    "withdraw-escalation": Form("withdraw-escalation"),
    "withdraw-escalation, by a safeguarding lead": Form("withdraw-escalation", by=SAFEGUARDING_LEAD),
}

FORMS: Mapping[str, Form] = {
    **{
        command.NAME: Form(command.NAME)
        for command in catalogue.commands()
        if command.NAME not in {form.command for form in _BY_HAND.values()}
    },
    **_BY_HAND,
}
ORDER = {command.NAME: place for place, command in enumerate(catalogue.commands())}
"""Commands in pathway order."""


def forms_of(*commands: str) -> dict[str, Form]:
    """The forms of these commands."""
    return in_order({name: form for name, form in FORMS.items() if form.command in commands})


def forms_about(*kinds: str) -> dict[str, Form]:
    """The forms of all commands that read one of these aggregates."""
    return in_order(
        {
            name: form
            for name, form in FORMS.items()
            if any(kind in kinds for _, kind in catalogue.decision(form.command).reads)
        }
    )


def in_order(forms: Mapping[str, Form]) -> dict[str, Form]:
    """These forms in pathway order."""
    return dict(sorted(forms.items(), key=lambda one: (ORDER[one[1].command], one[0])))


def by_timer_alone(form: Form) -> bool:
    """Whether nobody but the engine issues it."""
    return MAY_ISSUE[catalogue.decision(form.command).command.PERMISSION] == frozenset({Role.SYSTEM})
