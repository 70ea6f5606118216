"""Triage: the first decision on a referral."""

import pytest

from domain.case import triage as t
from domain.case import triage_deadlines as td
from domain.case.referral import PossibleDuplicateFlagged
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue, WrongStage
from domain.meeting.events import AgendaItemRemoved
from domain.person.identity import EpisodeEnded
from tests.support.scenario import (
    A_SECOND,
    COORDINATOR,
    HOUSING,
    MANAGER,
    REFERRER,
    SAFEGUARDING_LEAD,
    SYSTEM,
    a_case,
    actor,
    given,
    like,
)


def test_the_engine_acknowledges_a_referral_once() -> None:
    case = a_case().submitted()
    told = given(case).when(t.AcknowledgeReferral(case_id=case.case_id), as_=SYSTEM)
    told.then(like(t.ReferralAcknowledged, to_agency=case.agency))
    given(*case.facts, *told.happened).when(t.AcknowledgeReferral(case_id=case.case_id)).refused(
        AlreadyRecorded
    )


def test_triage_is_started_once() -> None:
    case = a_case().in_triage()
    given(case).when(t.StartTriage(case_id=case.case_id)).refused(WrongStage)


def test_triage_is_overdue_at_its_deadline_and_not_a_second_before() -> None:
    case = a_case().in_triage()
    due = case.case.due["triage"]
    overdue = td.MarkTriageOverdue(case_id=case.case_id)
    given(case).when(overdue, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    marked = given(case).when(overdue, as_=SYSTEM, at=due).then(like(td.TriageOverdue, due_at=due))
    given(*case.facts, *marked.happened).when(overdue, as_=SYSTEM, at=due + A_SECOND).refused(AlreadyRecorded)


def test_only_the_engine_marks_a_deadline() -> None:
    case = a_case().in_triage()
    given(case).when(td.MarkTriageOverdue(case_id=case.case_id), as_=COORDINATOR).refused(NotPermitted)


@pytest.mark.parametrize(
    ("needs", "eligible"), [(("debt",), False), (("debt", "debt"), False), (("debt", "hoarding"), True)]
)
def test_several_support_needs_make_a_person_eligible(needs: tuple[str, ...], eligible: bool) -> None:
    case = a_case(needs=needs).in_triage()
    outcome = given(case).when(t.ConfirmEligible(case_id=case.case_id))
    if eligible:
        outcome.then(like(t.EligibilityConfirmed, needs_counted=2, rule_version="2026.1"))
    else:
        outcome.refused(t.NotEligible)


def test_a_manager_may_override_eligibility_with_a_reason_and_a_coordinator_may_not() -> None:
    case = a_case(needs=("debt",)).in_triage()
    override = t.ConfirmEligible(case_id=case.case_id, override_reason="High risk behind one need")
    given(case).when(override, as_=COORDINATOR).refused(t.OverrideNeedsManager)
    given(case).when(override, as_=MANAGER).one(t.EligibilityConfirmed)


def test_eligibility_waits_until_a_possible_duplicate_is_decided() -> None:
    other, case = a_case("other").submitted(), a_case().in_triage()
    flagged = PossibleDuplicateFlagged(
        **case.ids, other_person=other.person_id, other_case=other.case_id, ground="same_nhs_number"
    )
    known = given(other, *case.facts, flagged)
    confirm = t.ConfirmEligible(case_id=case.case_id)
    # The first case of a scenario is not always the one decided on, so the command names it.
    known.when(confirm).refused(t.DuplicateUndecided)
    ruled_out = known.when(t.RuleOutDuplicate(case_id=case.case_id, other_person=other.person_id)).then(
        t.DuplicateRuledOut
    )
    given(*known.events, *ruled_out.happened).when(confirm).one(t.EligibilityConfirmed)


def test_a_confirmed_duplicate_goes_on_as_part_of_the_open_case_and_nothing_is_lost() -> None:
    other, case = a_case("other").submitted(), a_case().in_triage()
    flagged = PossibleDuplicateFlagged(
        **case.ids, other_person=other.person_id, other_case=other.case_id, ground="same_nhs_number"
    )
    given(other, *case.facts, flagged).when(
        t.MatchDuplicate(case_id=case.case_id, duplicate_of=other.case_id)
    ).then(
        t.DuplicateFound,
        like(t.ReferralLinked, to_case=other.case_id),
        like(t.ReferralAttached, case_id=other.case_id, from_case=case.case_id, referring_agency=case.agency),
        EpisodeEnded,
    )


def test_a_case_that_was_not_flagged_is_no_duplicate() -> None:
    other, case = a_case("other").submitted(), a_case().in_triage()
    given(other, case).when(t.MatchDuplicate(case_id=case.case_id, duplicate_of=other.case_id)).refused(
        t.NotADuplicateCandidate
    )


def test_a_referral_is_not_attached_to_a_case_that_has_closed_since() -> None:
    other, case = a_case("other").submitted(), a_case().in_triage()
    flagged = PossibleDuplicateFlagged(
        **case.ids, other_person=other.person_id, other_case=other.case_id, ground="same_nhs_number"
    )
    withdraw = t.WithdrawReferral(case_id=other.case_id, explanation="Sent in error")
    withdrawn = given(other).when(withdraw, as_=REFERRER)
    match = t.MatchDuplicate(case_id=case.case_id, duplicate_of=other.case_id)
    given(*other.facts, *withdrawn.happened, *case.facts, flagged).when(match).refused(
        t.NotADuplicateCandidate
    )


def test_an_ineligible_person_is_pointed_elsewhere_and_their_place_is_free_again() -> None:
    case = a_case().in_triage()
    given(case).when(
        t.MarkIneligible(case_id=case.case_id, signpost="be-well", explanation="One need, already met")
    ).then(like(t.ReferralDeclined, signpost="be-well", by_rule=False), EpisodeEnded)


def test_a_referral_is_passed_on_to_another_area_but_not_to_our_own() -> None:
    case = a_case().in_triage()
    given(case).when(t.PassOutOfArea(case_id=case.case_id, to_area="Trafford")).then(
        t.ReferralTransferredOut, EpisodeEnded
    )
    for ours in ("manchester", "Ardwick", "  ancoats AND beswick "):
        given(case).when(t.PassOutOfArea(case_id=case.case_id, to_area=ours)).refused(t.ServedArea)


def test_the_referring_agency_may_withdraw_and_another_may_not() -> None:
    case = a_case().awaiting_consent()
    withdraw = t.WithdrawReferral(case_id=case.case_id, explanation="Sent in error")
    given(case).when(withdraw, as_=actor("referrer", agency=HOUSING)).refused(t.ReferrerOnly)
    given(case).when(withdraw, as_=REFERRER).then(t.ReferralWithdrawn, EpisodeEnded)


def test_while_a_safeguarding_concern_is_open_only_the_safeguarding_lead_agrees_to_a_withdrawal() -> None:
    case = a_case().awaiting_consent().with_concern()
    withdraw = t.WithdrawReferral(case_id=case.case_id, explanation="Sent in error")
    given(case).when(withdraw, as_=REFERRER).refused(t.SafeguardingConcernOpen)
    given(case).when(withdraw, as_=SAFEGUARDING_LEAD).then(t.ReferralWithdrawn, EpisodeEnded)


def test_a_withdrawn_case_leaves_the_agenda_so_that_the_meeting_does_not_wait_for_it() -> None:
    case = a_case().on_agenda()
    outcome = given(case).when(
        t.WithdrawReferral(case_id=case.case_id, explanation="Sent in error"), as_=REFERRER
    )
    outcome.then(t.ReferralWithdrawn, like(AgendaItemRemoved, case_id=case.case_id), EpisodeEnded)
    assert outcome.after.meeting.items == {}
