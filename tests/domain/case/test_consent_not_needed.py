"""The gate without a consent: an authority on a complete rationale, or a lawful basis that no policy and no no forbids."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from domain.case import consent_changes as cc
from domain.case import disclosure as d
from domain.case import without_consent as w
from domain.case.consent import RefuseConsent
from domain.case.consent_request import RequestConsent
from domain.case.disclosure import may_disclose
from domain.case.forum_review import InformationReturned
from domain.case.participation import (
    AuthoriserIsRequester,
    DisclosureAuthorityStands,
    ParticipationRefused,
    ReachConsentPosition,
    RefuseToTakePart,
)
from domain.case.sharing import CapacityView, Category, DisclosureBasis, Purpose
from domain.errors import NotFound, NotPermitted, NotYetDue
from domain.messages import Recorded
from domain.person.identity import EpisodeEnded
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CONSENTED,
    COORDINATOR,
    HOUSING,
    KEY_WORKER,
    MANAGER,
    POLICE,
    SAFEGUARDING_LEAD,
    SHELTER,
    SYSTEM,
    CaseStory,
    a_case,
    a_meeting,
    given,
    like,
    london,
    new_id,
    rules,
)

CASE = a_case().awaiting_consent()
NOON = london(2027, 1, 20, 12)
COMPLETE = w.RecordDisclosureWithoutConsent(
    **{**w.RecordDisclosureWithoutConsent.EXAMPLE, "case_id": CASE.case_id}
)
AMBULANCE = "North West Ambulance Service"
TOLD = (SHELTER, AMBULANCE, Purpose.SAFEGUARDING, Category.SUBSTANCE_USE)


def authorised(**other: Any) -> CaseStory:
    outcome = given(CASE).when(COMPLETE.model_copy(update=other), as_=MANAGER, at=NOON)
    return CASE.then_also(*outcome.accepted().happened, at=NOON)


# -- the rationale ---------------------------------------------------------------------------------------------------


def test_with_a_complete_rationale_a_manager_authorises_and_the_gate_opens() -> None:
    outcome = given(CASE).when(COMPLETE, as_=MANAGER, at=NOON)
    outcome.then(
        like(
            w.DisclosureAuthorisedWithoutConsent,
            authority_id=new_id("authority"),
            authorised_by=MANAGER.person,
            requested_by="support-worker-2",
            consent_answer="no_answer",
            one_off=True,
        )
    )
    basis = may_disclose(outcome.after.case, *TOLD, NOON, rules())
    assert basis is not None
    assert (basis.kind, basis.authority_id) == ("without_consent", new_id("authority"))
    assert outcome.after.case.stage is CASE.case.stage


@pytest.mark.parametrize(
    ("part", "empty"),
    [
        ("discloser", None),
        ("recipient", None),
        ("purpose", None),
        ("categories", ()),
        ("what", None),
        ("what", ""),
        ("share_at", None),
        ("why_now", None),
        ("lawful_basis", None),
        ("consent_sought", None),
        ("consent_answer", None),
        ("person_told", None),
        ("not_told_because", None),
        ("risk_if_not_shared", None),
        ("least_information", None),
        ("requested_by", None),
        ("review_on", None),
    ],
)
def test_every_part_of_the_rationale_is_mandatory(part: str, empty: Any) -> None:
    missing = "consent_answer" if part == "consent_answer" else part
    outcome = given(CASE).when(COMPLETE.model_copy(update={part: empty}), as_=MANAGER, at=NOON)
    outcome.refused(w.RationaleIncomplete, missing=missing)


def test_the_refusal_lists_everything_that_is_missing() -> None:
    bare = w.RecordDisclosureWithoutConsent(case_id=CASE.case_id)
    refusal = given(CASE).when(bare, as_=MANAGER).refused(w.RationaleIncomplete)
    assert str(refusal.data["missing"]).split(", ") == [
        part for part in w.rationale(bare) if part not in ("consent_answer", "not_told_because")
    ]


def test_what_was_not_asked_needs_no_answer_and_who_was_told_no_excuse() -> None:
    told = {"consent_sought": False, "consent_answer": None, "person_told": True, "not_told_because": None}
    outcome = given(CASE).when(COMPLETE.model_copy(update=told), as_=SAFEGUARDING_LEAD, at=NOON)
    outcome.then(like(w.DisclosureAuthorisedWithoutConsent, consent_answer="not_asked", person_told=True))


def test_nobody_authorises_what_they_ask_for_themselves() -> None:
    own = COMPLETE.model_copy(update={"requested_by": MANAGER.person})
    given(CASE).when(own, as_=MANAGER, at=NOON).refused(AuthoriserIsRequester)


@pytest.mark.parametrize("who", [KEY_WORKER, COORDINATOR])
def test_a_worker_does_not_authorise(who: Any) -> None:
    given(CASE).when(COMPLETE, as_=who, at=NOON).refused(NotPermitted)


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        ({"lawful_basis": "6-1-a-consent"}, w.BasisIsConsent),
        ({"standing_until": date(2027, 2, 1)}, w.OneOffOrStanding),
        ({"one_off": False, "standing_until": date(2027, 1, 19)}, w.StandingUntilPast),
        ({"one_off": None}, w.RationaleIncomplete),
        ({"review_on": date(2027, 1, 19)}, w.ReviewDateOutOfRange),
        ({"review_on": date(2028, 1, 21)}, w.ReviewDateOutOfRange),
    ],
)
def test_an_authority_is_bounded_and_not_consent_by_another_name(other: dict[str, Any], rule: Any) -> None:
    given(CASE).when(COMPLETE.model_copy(update=other), as_=MANAGER, at=NOON).refused(rule)


def test_it_is_possible_whatever_the_person_said_and_when_the_case_is_closed() -> None:
    given(CASE.closed(NOON)).when(COMPLETE, as_=MANAGER).then(w.DisclosureAuthorisedWithoutConsent)


# -- how long it opens the gate --------------------------------------------------------------------------------------


def test_one_disclosure_uses_a_single_authority_up() -> None:
    story = authorised(recipient="forum", purpose=Purpose.COORDINATED_SUPPORT)
    told = (SHELTER, "forum", Purpose.COORDINATED_SUPPORT, Category.IDENTITY)
    basis = may_disclose(story.case, *told, NOON, rules())
    assert basis is not None
    shared = InformationReturned(
        **CASE.ids,
        meeting_id=a_meeting().meeting_id,
        agency=SHELTER,
        nothing_to_share=False,
        purpose=Purpose.COORDINATED_SUPPORT,
        categories=(Category.IDENTITY,),
        grant_ids=(),
        bases=(basis,),
    )
    assert may_disclose(story.then_also(shared).case, *told, NOON + A_SECOND, rules()) is None


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (NOON - A_SECOND, False),
        (NOON, True),
        (london(2027, 3, 2) - A_SECOND, True),
        (london(2027, 3, 2), False),
    ],
)
def test_a_standing_authority_opens_the_gate_until_the_end_of_its_day(at: Any, *, opens: bool) -> None:
    story = authorised(one_off=None, standing_until=date(2027, 3, 1), share_at=NOON)
    assert (may_disclose(story.case, *TOLD, at, rules()) is not None) is opens


def test_its_review_comes_at_its_date() -> None:
    story = authorised()
    review = w.MarkDisclosureReviewDue(case_id=CASE.case_id, authority_id=new_id("authority"))
    due_at = story.case.due[f"disclosure_review:{new_id('authority')}"]
    given(story).when(review, as_=SYSTEM, at=due_at - A_SECOND).refused(NotYetDue)
    outcome = (
        given(story).when(review, as_=SYSTEM, at=due_at).then(like(w.DisclosureReviewDue, due_at=due_at))
    )
    assert not [clock for clock in outcome.after.case.due if clock.startswith("disclosure_review")]
    given(CASE).when(review, as_=SYSTEM, at=due_at).refused(NotFound)


def test_a_lawful_substitute_on_record_is_a_consent_position() -> None:
    reach = ReachConsentPosition(case_id=CASE.case_id, position="shared_without_consent")
    given(authorised()).when(reach).accepted()


def test_a_person_may_refuse_to_take_part_at_a_serious_risk_and_another_forum_is_told() -> None:
    refuse = RefuseToTakePart(
        case_id=CASE.case_id, capacity_view=CapacityView.HAS, risk_referred_to="MARM", advice="Door is open"
    )
    given(CASE).when(refuse).then(like(ParticipationRefused, risk_referred_to="MARM"), EpisodeEnded)


def test_a_refusal_to_take_part_does_not_undo_a_standing_decision_to_protect() -> None:
    standing = authorised(one_off=None, standing_until=date(2027, 3, 1))
    refuse = RefuseToTakePart(case_id=CASE.case_id, capacity_view=CapacityView.HAS)
    given(standing).when(refuse, at=NOON).refused(DisclosureAuthorityStands)
    given(standing).when(refuse, at=london(2027, 3, 2)).then(ParticipationRefused, EpisodeEnded)


# -- a lawful basis of the discloser's own ---------------------------------------------------------------------------

SUPPORT = Purpose.COORDINATED_SUPPORT


def with_basis(discloser: str = HOUSING, story: CaseStory = CASE, **other: Any) -> CaseStory:
    fields = {"article_6": "6-1-e-public-task", "article_9": "9-2-h", "schedule_1": "paragraph-2", **other}
    return story.then_also(d.LawfulBasisRecorded(**CASE.ids, controller=discloser, purpose=SUPPORT, **fields))


@pytest.mark.parametrize(
    ("discloser", "recipient", "category", "other", "opens"),
    [
        (HOUSING, "forum", Category.HOUSING, {}, True),
        ("One Manchester", "forum", Category.HOUSING, {}, True),
        (HOUSING, "forum", Category.HEALTH, {}, True),
        (HOUSING, "forum", Category.HEALTH, {"article_9": None}, False),
        (HOUSING, "forum", Category.HEALTH, {"article_9": "9-2-a-explicit-consent"}, False),
        (HOUSING, "forum", Category.OFFENDING, {"schedule_1": None}, False),
        (HOUSING, "forum", Category.HOUSING, {"article_6": "6-1-a"}, False),
        (HOUSING, "forum", Category.HOUSING, {"article_6": "consent"}, False),
        (CGL, "forum", Category.HOUSING, {}, False),
        (HOUSING, CGL, Category.HOUSING, {}, False),
    ],
)
def test_a_lawful_basis_opens_the_gate_where_it_depends_on_no_consent_and_no_policy_demands_one(
    discloser: str, recipient: str, category: Category, other: dict[str, Any], *, opens: bool
) -> None:
    case = with_basis(discloser, **other).case
    basis = may_disclose(case, discloser, recipient, SUPPORT, category, CONSENTED, rules())
    assert (basis is not None) is opens
    if basis is not None:
        assert (basis.kind, basis.article_6) == ("lawful_basis", "6-1-e-public-task")


def test_a_lawful_basis_is_for_one_purpose_and_without_the_rules_for_none() -> None:
    case = with_basis().case
    assert (
        may_disclose(case, HOUSING, "forum", Purpose.HANDOVER, Category.HOUSING, CONSENTED, rules()) is None
    )
    assert may_disclose(case, HOUSING, "forum", SUPPORT, Category.HOUSING, CONSENTED) is None


def test_a_lawful_basis_does_not_overrule_a_no() -> None:
    asked = given(CASE).when(
        RequestConsent(
            case_id=CASE.case_id,
            discloser=HOUSING,
            recipient="forum",
            purpose=SUPPORT,
            categories=(Category.HOUSING,),
            capacity_view=CapacityView.HAS,
            information_version="notice-2026.1",
        )
    )
    story = with_basis().then_also(*asked.accepted().happened)
    told = (HOUSING, "forum", SUPPORT, Category.HOUSING, CONSENTED, rules())
    assert may_disclose(story.case, *told) is not None
    refused = given(story).when(RefuseConsent(case_id=CASE.case_id, grant_id=new_id("grant")))
    assert may_disclose(refused.after.case, *told) is None


def test_what_was_taken_back_is_not_shared_on_a_lawful_basis_either() -> None:
    granted = with_basis(POLICE, a_case().with_grant(POLICE, Category.IDENTITY, Category.HOUSING))
    narrowed = given(granted).when(
        cc.NarrowConsent(
            case_id=granted.case_id, grant_id=granted.grant_id(POLICE), categories=(Category.IDENTITY,)
        )
    )
    at = CONSENTED + timedelta(hours=1)
    assert may_disclose(narrowed.after.case, POLICE, "forum", SUPPORT, Category.HOUSING, at, rules()) is None
    basis = may_disclose(narrowed.after.case, POLICE, "forum", SUPPORT, Category.IDENTITY, at, rules())
    assert basis is not None
    assert basis.kind == "grant"


@pytest.mark.parametrize(
    ("article", "is_consent"),
    [
        ("6-1-a", True),
        ("6.1.a", True),
        ("art6-1-a-consent", True),
        ("gdpr-6-1a", True),
        ("9-2-a", True),
        ("explicit-consent", True),
        ("6-1-e-public-task", False),
        ("6-1-d", False),
        ("6-1-c-legal-obligation", False),
        ("9-2-h-health-or-social-care", False),
        ("public-task", False),
        (None, True),
    ],
)
def test_consent_is_known_as_a_basis_however_it_is_written(article: str | None, *, is_consent: bool) -> None:
    assert d.depends_on_consent(article) is is_consent


def test_the_lawful_basis_is_recorded_apart_from_any_consent() -> None:
    recorded = given(CASE).when(
        d.RecordLawfulBasis(
            case_id=CASE.case_id, controller=HOUSING, purpose=SUPPORT, article_6="6-1-e-public-task"
        )
    )
    recorded.then(d.LawfulBasisRecorded)
    assert recorded.after.case.grants == {}


# -- what was shared already -----------------------------------------------------------------------------------------


def test_what_was_shared_under_a_consent_can_be_listed_after_it_ended() -> None:
    story = a_case().with_grant(POLICE, Category.IDENTITY).ready_for_forum().on_agenda()
    grant_id = story.grant_id(POLICE)
    basis = DisclosureBasis(
        kind="grant", category=Category.IDENTITY, evaluated_at=CONSENTED, grant_id=grant_id
    )
    shared = InformationReturned(
        **story.ids,
        meeting_id=a_meeting().meeting_id,
        agency=POLICE,
        nothing_to_share=False,
        purpose=SUPPORT,
        categories=(Category.IDENTITY,),
        grant_ids=(grant_id,),
        bases=(basis,),
    )
    nothing = shared.model_copy(update={"nothing_to_share": True, "grant_ids": (), "bases": ()})
    withdrawn = cc.ConsentWithdrawn(**story.ids, grant_id=grant_id, by_channel="letter")
    history = [_recorded(place, event) for place, event in enumerate([*story, shared, nothing, withdrawn], 1)]
    assert [one.event for one in d.already_disclosed(history, grant_id)] == [shared]
    assert [one.event for one in d.already_disclosed(history)] == [shared]


def _recorded(place: int, event: Any) -> Recorded:
    envelope: Any = None  # who and when do not matter here
    return Recorded(position=place, stream_id=event.stream_id, version=place, event=event, envelope=envelope)
