"""Referral and triage as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import information as inf
from domain.case import referral as r
from domain.case import same_person as same
from domain.case import triage as t
from domain.case import triage_deadlines as td

if TYPE_CHECKING:
    from domain.case.state import Case

AnyReferralEvent = (
    r.ReferralDrafted
    | r.ReferralDraftDiscarded
    | r.ReferralSubmitted
    | r.PossibleDuplicateFlagged
    | t.ReferralAcknowledged
    | t.TriageStarted
    | td.TriageBroughtForward
    | td.TriageOverdue
    | t.EligibilityConfirmed
    | t.ReferralDeclined
    | t.ReferralTransferredOut
    | t.DuplicateFound
    | t.ReferralLinked
    | t.ReferralAttached
    | t.DuplicateRuledOut
    | t.ReferralWithdrawn
    | same.SamePersonConfirmed
    | inf.InformationRequested
    | inf.InformationReminderRaised
    | inf.InformationSupplied
    | inf.InformationRequestLapsed
)


def evolve(case: Case, event: AnyReferralEvent) -> None:
    """Assign what the event says."""
    match event:
        case r.ReferralDrafted():
            case.person_id, case.programme, case.referring_agency = (
                event.person_id,
                event.programme,
                event.referring_agency,
            )
        case r.ReferralDraftDiscarded():
            case.close("draft_discarded")
        case r.ReferralSubmitted():
            _submitted(case, event)
        case r.PossibleDuplicateFlagged():
            case.undecided_duplicates.add(event.other_person)
            if event.other_case is not None:
                case.duplicate_candidates[event.other_case] = event.other_person
        case t.ReferralAcknowledged():
            case.acknowledged = True
            case.due.pop("acknowledge", None)
        case t.TriageStarted():
            pass
        case td.TriageBroughtForward():
            case.due["triage"] = event.triage_due_at
        case td.TriageOverdue():
            case.overdue.add("triage")
        case t.EligibilityConfirmed():
            case.stop_clocks("triage")
            case.due.update(consent_attempt=event.consent_attempt_due_at, consent=event.consent_due_at)
        case t.ReferralDeclined():
            case.close("not_eligible")
        case t.ReferralTransferredOut():
            case.close("out_of_area")
        case t.DuplicateFound():
            case.undecided_duplicates.clear()
        case t.ReferralLinked():
            case.close("merged")
            case.merged_into = event.to_case
        case t.ReferralAttached():
            case.attached_referrers += (event.referring_agency,)
        case t.DuplicateRuledOut():
            case.undecided_duplicates.discard(event.other_person)
        case t.ReferralWithdrawn():
            case.close("withdrawn_by_referrer")
        case same.SamePersonConfirmed():
            case.undecided_duplicates.discard(event.other_person)
            case.same_as.add(event.other_person)
        case inf.InformationRequested():
            case.stop_clocks("triage")
            case.due.update(information_reminder=event.reminder_due_at, information_request=event.due_at)
        case inf.InformationReminderRaised():
            case.stop_clocks("information_reminder")
        case inf.InformationSupplied():
            case.stop_clocks("information_reminder", "information_request")
            case.needs = (*case.needs, *(need for need in event.further_needs if need not in case.needs))
            case.information_lapsed = False
            case.due["triage"] = event.triage_due_at
        case inf.InformationRequestLapsed():
            case.stop_clocks("information_request")
            case.information_lapsed = True
            case.due["triage"] = event.triage_due_at
        case _:
            assert_never(event)


def _submitted(case: Case, event: r.ReferralSubmitted) -> None:
    case.person_id = event.person_id
    case.programme, case.programme_version = event.programme, event.programme_version
    case.previous_case = event.previous_case
    case.referring_agency, case.urgency = event.referring_agency, event.urgency
    case.neighbourhood, case.forum = event.neighbourhood, event.forum
    case.needs, case.offer, case.ndta = event.form.needs, event.form.offer, event.form.ndta
    case.interpreter_needed, case.first_language = event.interpreter_needed, event.form.first_language
    case.risk_to_workers = event.form.risk_to_workers
    case.due.update(acknowledge=event.acknowledge_due_at, triage=event.triage_due_at)
