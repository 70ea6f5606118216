"""The grant machine whole: every pair of a state and a command gives the event of the table, or is refused and leaves no trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from domain import catalogue
from domain.case import best_interests as b
from domain.case import consent as c
from domain.case import consent_changes as cc
from domain.case import consent_renewal as cr
from domain.case import consent_request as cq
from domain.case import disclosure as di
from domain.case import sharing as sh
from domain.case.grants import GRANT_MOVES, LIVE, GrantState, grant_state_after
from domain.case.sharing import Category, Purpose
from domain.case.state import Case
from domain.errors import DomainError, NotFound
from domain.messages import Command, Event
from tests.support.scenario import (
    A_SECOND,
    CONSENTED,
    POLICE,
    CaseStory,
    a_case,
    given,
    london,
    rules,
)

G = GrantState
CASE = a_case().awaiting_consent(at=CONSENTED)
GRANT = CASE.grant_id(POLICE)
ID: dict[str, Any] = {"case_id": CASE.case_id, "grant_id": GRANT}
FACT: dict[str, Any] = {**CASE.ids, "grant_id": GRANT}
REVIEW = rules().deadline("manchester-maps", "consent_review", CONSENTED)
EXPIRY = rules().deadline("manchester-maps", "consent_expiry", CONSENTED)
LONG_AFTER = london(2029, 1, 8, 10)
"""Past every deadline and every interval, so that the state alone decides."""

REQUESTED = cq.ConsentRequested(
    **FACT,
    discloser=POLICE,
    recipient="forum",
    purpose=Purpose.COORDINATED_SUPPORT,
    categories=(Category.IDENTITY, Category.OFFENDING),
    capacity_view=sh.CapacityView.HAS,
    information_version="notice-2026.1",
    information_language="English",
    information_format="spoken",
    asked_by="coordinator-1",
)
GRANTED = c.ConsentGranted(
    **FACT,
    decider="self",
    method="signed",
    evidence_ref="form-1",
    explicit=True,
    effective_from=CONSENTED,
    review_due_at=REVIEW,
    expires_at=EXPIRY,
)
INCAPACITY = b.ConsentIncapacityRecorded(
    **FACT,
    capacity_view=sh.CapacityView.LACKS,
    cannot=("retain",),
    impairment="Brain injury",
    help_given="Pictures",
    assessed_by="social-worker-3",
    assessed_at=CONSENTED,
)
SUBSTITUTE = b.BestInterestsDecisionRecorded(
    **FACT,
    share=True,
    decision_maker="social-worker-3",
    consultees=("Sister",),
    least_restrictive="Identity only",
    to_state=G.SUBSTITUTE_GRANTED,
    effective_from=CONSENTED,
    review_due_at=REVIEW,
    expires_at=EXPIRY,
)
LEADING_TO: Mapping[GrantState, tuple[Event, ...]] = {
    G.NEW: (),
    G.REQUESTED: (REQUESTED,),
    G.BEST_INTERESTS: (REQUESTED, INCAPACITY),
    G.GRANTED: (REQUESTED, GRANTED),
    G.SUBSTITUTE_GRANTED: (REQUESTED, INCAPACITY, SUBSTITUTE),
    G.REVIEW_DUE: (REQUESTED, GRANTED, cr.ConsentReviewDue(**FACT, due_at=REVIEW, expires_at=EXPIRY)),
    G.REFUSED: (REQUESTED, c.ConsentRefused(**FACT)),
    G.WITHDRAWN: (REQUESTED, GRANTED, cc.ConsentWithdrawn(**FACT, by_channel="telephone")),
    G.EXPIRED: (
        REQUESTED,
        GRANTED,
        cr.ConsentExpired(
            **FACT,
            discloser=POLICE,
            purpose=Purpose.COORDINATED_SUPPORT,
            categories=(Category.IDENTITY,),
            recipients=("forum",),
            due_at=EXPIRY,
        ),
    ),
}
COMMANDS: Mapping[str, Command] = {
    "ConsentRequested": cq.RequestConsent(
        **ID,
        discloser=POLICE,
        recipient="forum",
        purpose=Purpose.COORDINATED_SUPPORT,
        categories=(Category.IDENTITY, Category.OFFENDING),
        capacity_view=sh.CapacityView.HAS,
        information_version="notice-2026.1",
    ),
    "ConsentGranted": c.GrantConsent(**ID, method="signed", evidence_ref="form-1"),
    "ConsentRefused": c.RefuseConsent(**ID),
    "ConsentIncapacityRecorded": b.CannotConsent(
        **ID, cannot=("retain",), impairment="Brain injury", help_given="Pictures"
    ),
    "BestInterestsDecisionRecorded": b.RecordBestInterestsDecision(
        **ID,
        share=True,
        decision_maker="social-worker-3",
        consultees=("Sister",),
        least_restrictive="Identity only",
        review_by=LONG_AFTER.date().replace(year=LONG_AFTER.year, month=6),
    ),
    "ConsentNarrowed": cc.NarrowConsent(**ID, categories=(Category.IDENTITY,)),
    "ConsentWithdrawn": cc.WithdrawConsent(**ID, by_channel="telephone"),
    "ConsentReviewDue": cr.MarkConsentReviewDue(**ID),
    "ConsentRenewed": cr.RenewConsent(
        **ID,
        information_version="notice-2029.1",
        capacity_view=sh.CapacityView.HAS,
        method="signed",
        evidence_ref="form-2",
    ),
    "ConsentExpired": cr.ExpireConsent(**ID),
}
"""For each event of the table the command that brings it about; complete but for the state."""


def standing(state: GrantState) -> CaseStory:
    story = CASE.then_also(*LEADING_TO[state], at=CONSENTED)
    grant = story.case.grants.get(GRANT)
    assert (grant.state if grant else G.NEW) is state
    return story


def test_every_event_of_the_table_has_its_command() -> None:
    assert set(COMMANDS) == set(GRANT_MOVES)
    assert {command.NAME for command in COMMANDS.values()} <= {kind.NAME for kind in catalogue.commands()}


@pytest.mark.parametrize("topic", GRANT_MOVES)
@pytest.mark.parametrize("state", GrantState)
def test_a_command_does_what_the_table_says_in_this_state_or_is_refused(
    state: GrantState, topic: str
) -> None:
    story = standing(state)
    before = story.case
    outcome = given(story).when(COMMANDS[topic], at=LONG_AFTER)
    if state in GRANT_MOVES[topic]:
        assert topic == outcome.accepted().happened[0].TOPIC
        after = outcome.after.case
        assert after.grants[GRANT].state is grant_state_after(state, outcome.happened[0])
        assert after.stage is before.stage
    else:
        rule: type[DomainError] = NotFound if state is G.NEW else c.GrantNotInState
        outcome.refused(rule)
        assert outcome.happened == ()


@pytest.mark.parametrize("state", GrantState)
def test_only_a_live_state_opens_the_gate(state: GrantState) -> None:
    case = standing(state).case
    five = (POLICE, "forum", Purpose.COORDINATED_SUPPORT, Category.IDENTITY)
    basis = di.may_disclose(case, *five, CONSENTED + A_SECOND, rules())
    assert (basis is not None) is (state in LIVE)


@pytest.mark.parametrize("state", GrantState)
def test_a_consent_that_lives_can_be_taken_back_when_the_case_is_closed(state: GrantState) -> None:
    closed = standing(state).closed(LONG_AFTER)
    outcome = given(closed).when(cc.WithdrawConsent(**ID, by_channel="letter"))
    if state in LIVE:
        outcome.then(cc.ConsentWithdrawn)
        assert not [clock for clock in outcome.after.case.due_when_closed if str(GRANT) in clock]
    else:
        outcome.refused(NotFound if state is G.NEW else c.GrantNotInState)


@pytest.mark.parametrize("state", LIVE)
def test_what_a_live_consent_waits_for_stands_among_the_clocks_of_the_case(state: GrantState) -> None:
    due = standing(state).case.due
    assert due[f"consent_expiry:{GRANT}"] == EXPIRY
    assert due.get(f"consent_review:{GRANT}") == (None if state is G.REVIEW_DUE else REVIEW)


@pytest.mark.parametrize("state", [state for state in GrantState if state not in LIVE])
def test_a_consent_that_does_not_live_leaves_no_clock(state: GrantState) -> None:
    case: Case = standing(state).case
    assert not [clock for clock in case.due if str(GRANT) in clock]
