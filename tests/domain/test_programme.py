"""The programme as data: its needs, its rules, its clocks, and what its reader refuses."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time
from importlib import resources
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.calendar import LONDON
from domain.programmes import Clocks, Programme, ProgrammeInvalid, UnknownClock, UnknownProgramme

MAPS = Programme.load("manchester-maps")
TOML = (resources.files("domain.programmes") / "manchester-maps.toml").read_text(encoding="utf-8")
REGISTER = Path(__file__).parents[3] / "shared" / "data" / "referrals.csv"

NEEDS = """
homelessness, risk_of_eviction, rent_arrears, hoarding, property_condition, mental_health,
personality_disorder, self_harm, suicidal_ideation, substance_drugs, substance_alcohol,
domestic_abuse_victim, domestic_abuse_perpetrator,
offending, victim_of_crime, antisocial_behaviour, nuisance_calls, trauma, adverse_childhood_experiences,
learning_disability, autism, physical_health, mobility, debt, benefits, isolation, bereavement, exploitation,
cuckooing, immigration_status, language_barrier, self_neglect, carer_strain, employment, gambling
""".replace(",", " ").split()

CLOCKS = {
    "acknowledge": "1 working day",
    "triage": "2 working days",
    "triage_child": "1 working day",
    "information_request": "5 working days",
    "information_reminder": "3 working days",
    "consent_first_attempt": "5 working days",
    "consent_reminder_every": "5 working days",
    "consent_reminder_overdue": "4 weeks",
    "consent_ask_again": "4 weeks",
    "consent_wait": "20 working days",
    "consent_review": "6 months",
    "consent_expiry": "12 months",
    "agenda_open": "10 working days",
    "agenda_published": "5 working days",
    "information_returns": "3 working days",
    "listing": "5 working days",
    "forum_cadence": "4 weeks",
    "minutes": "3 working days",
    "decision_record": "1 working day",
    "forum_review": "6 weeks",
    "forum_review_repeat": "12 weeks",
    "action_escalation": "5 working days",
    "allocation": "5 working days",
    "allocation_answer": "2 working days",
    "first_contact": "3 working days",
    "waiting_check": "4 weeks",
    "introduction": "4 weeks",
    "contact": "10 working days",
    "disengagement": "15 working days",
    "step_down_approval": "5 working days",
    "step_down_overlap": "4 weeks",
    "monitoring": "12 weeks",
    "check_in_every": "4 weeks",
    "check_in_grace": "5 working days",
    "sustained_outcome": "6 months",
    "parked": "20 working days",
    "repeat_window": "12 months",
    "reopen": "28 days",
    "waiting_check_grace": "5 working days",
    "priority_wait": "1 working day",
    "cover_priority": "3 working days",
    "cover": "10 working days",
    "leaver_handover": "20 working days",
    "screening": "1 working day",
    "enquiry": "1 working day",
    "child_seen": "1 working day",
    "initial_conference": "15 working days",
    "escalation_answer": "5 working days",
    "escalation_reminder": "4 weeks",
    "transfer": "28 days",
}


def test_the_programme_knows_exactly_the_needs_of_the_referral_form_each_with_a_plain_label() -> None:
    assert [need.code for need in MAPS.needs] == NEEDS
    assert len({need.label for need in MAPS.needs}) == len(NEEDS)


def test_every_clock_has_the_length_of_the_pathway_and_its_source() -> None:
    assert {name: str(MAPS.clock(name)) for name in Clocks.model_fields} == CLOCKS
    assert all(MAPS.clock(name).source for name in CLOCKS)


def test_the_programme_says_who_it_is_for_and_from_when() -> None:
    assert (MAPS.name, MAPS.version, MAPS.valid_from) == ("manchester-maps", "2026.1", date(2026, 1, 1))
    assert (MAPS.minimum_age, MAPS.working_day_ends) == (18, time(17))
    assert MAPS.caseload.soft_cases == 10
    assert MAPS.caseload.hard_cases == 15
    assert not MAPS.assessment.ndta_required


@pytest.mark.parametrize(
    ("clock", "start", "due"),
    [
        ("triage", "2026-12-24 10:00", "2026-12-30 17:00"),
        ("agenda_published", "2026-11-25 10:00", "2026-11-18 17:00"),
        ("forum_cadence", "2026-10-14 10:00", "2026-11-11 10:00"),
        ("reopen", "2026-03-20 09:00", "2026-04-17 09:00"),
        ("consent_review", "2026-08-31 12:00", "2027-02-28 12:00"),
    ],
)
def test_a_deadline_is_the_instant_at_which_a_clock_has_run_out(clock: str, start: str, due: str) -> None:
    started = datetime.fromisoformat(start).replace(tzinfo=LONDON).astimezone(UTC)
    deadline = MAPS.deadline(clock, started, MAPS.working_calendar())
    assert deadline.astimezone(LONDON).strftime("%Y-%m-%d %H:%M") == due


def test_a_clock_that_the_programme_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(UnknownClock, match="tea_break"):
        MAPS.deadline("tea_break", datetime(2026, 1, 5, tzinfo=UTC), MAPS.working_calendar())


@pytest.mark.parametrize(
    ("needs", "eligible"),
    [
        ([], False),
        (["debt"], False),
        (["debt", "debt"], False),
        (["debt", "flying_saucers"], False),
        (["debt", "isolation"], True),
        (["debt", "isolation", "trauma"], True),
    ],
)
def test_several_distinct_needs_make_a_person_eligible(needs: list[str], eligible: bool) -> None:
    assert MAPS.eligibility_of(needs).eligible is eligible


def test_eligibility_explains_what_it_counted() -> None:
    trace = MAPS.eligibility_of(["self_harm", "substance_drugs", "mental_health", "debt", "flying_saucers"])
    assert trace.needs == ("mental_health", "self_harm", "substance_drugs", "debt")
    assert trace.domains == ("substance_misuse", "mental_health")
    assert (trace.minimum_needs, trace.minimum_domains, trace.version) == (2, 3, "2026.1")


@pytest.mark.parametrize(
    ("domains", "met"),
    [
        (["homelessness", "substance_misuse", "mental_health"], True),
        (["homelessness", "substance_misuse"], False),
        (["homelessness", "homelessness", "substance_misuse"], False),
        (["homelessness", "substance_misuse", "astrology"], False),
    ],
)
def test_changing_futures_counts_three_of_five_domains(domains: list[str], met: bool) -> None:
    assert MAPS.eligibility.domains_met(domains) is met


def test_another_programme_may_decide_by_domains() -> None:
    by_domains = Programme.from_toml(TOML.replace('decided_by = "needs"', 'decided_by = "domains"'))
    assert not by_domains.eligibility_of(["debt", "isolation", "trauma"]).eligible
    assert by_domains.eligibility_of(["offending", "homelessness", "trauma", "substance_alcohol"]).eligible


def test_needs_that_the_programme_does_not_know_are_named_once_in_their_order() -> None:
    assert MAPS.unknown_needs(["debt", "flying_saucers", "yeti", "flying_saucers"]) == (
        "flying_saucers",
        "yeti",
    )
    assert MAPS.need("yeti") is None


@pytest.mark.parametrize(
    ("found", "replaced", "named"),
    [
        ("[clocks.triage]", "[clocks.triag]", "unknown key clocks.triag"),
        ("[clocks.triage]", "[clocks.triag]", "missing key clocks.triage"),
        ("minimum_age = 18", "minimum_age = 18\nmaximum_age = 99", "unknown key maximum_age"),
        ("interpreter = 1", "interpretor = 1", "unknown key caseload.points.interpretor"),
        ("minimum_age = 18", 'minimum_age = "18"', "minimum_age"),
        ('unit = "months"', 'unit = "moons"', "clocks.consent_review.unit"),
        ("minimum = 3", "minimum = 6", "eligibility: minimum is higher"),
        ("soft_cases = 10", "soft_cases = 16", "caseload: soft_cases is above hard_cases"),
        ('code = "hoarding"', 'code = "debt"', "listed twice: debt"),
        ('domain = "homelessness"', 'domain = "home"', "unknown domains: home"),
        ("low = 2, ", "", "no weight for low"),
        ("minimum_age = 18", "minimum_age 18", "not TOML"),
    ],
)
def test_a_file_that_breaks_the_shape_is_refused_with_the_key_named(
    found: str, replaced: str, named: str
) -> None:
    assert found in TOML
    with pytest.raises(ProgrammeInvalid) as refusal:
        Programme.from_toml(TOML.replace(found, replaced))
    assert named in str(refusal.value)


@pytest.mark.parametrize("name", ["manchester-flaps", "", "../pyproject", "Manchester-MAPS"])
def test_a_programme_that_is_not_shipped_is_refused_and_the_shipped_ones_are_named(name: str) -> None:
    with pytest.raises(UnknownProgramme, match="manchester-maps"):
        Programme.load(name)


def test_a_programme_cannot_be_changed_once_read() -> None:
    assert Programme.load("manchester-maps") is MAPS
    field = "minimum_age"
    with pytest.raises(ValidationError):
        setattr(MAPS, field, 16)


@pytest.mark.skipif(
    not REGISTER.exists(), reason="the shared referral register is not beside this repository"
)
def test_the_only_unknown_need_of_the_shared_register_is_the_planted_one() -> None:
    with REGISTER.open(encoding="utf-8-sig", newline="") as file:
        codes = {code for row in csv.DictReader(file) for code in row["needs"].split(";") if code}
    assert MAPS.unknown_needs(codes) == ("flying_saucers",)
