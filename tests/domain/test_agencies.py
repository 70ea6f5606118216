"""The partner agencies: who they are, by whatever name they are called."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from domain.geography import Agencies, Agency, UnknownAgency
from domain.programmes import Programme

AGENCIES = Agencies.load()
REGISTER = Path(__file__).parents[3] / "shared" / "data" / "referrals.csv"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Greater Manchester Police", "greater-manchester-police"),
        ("GMP", "greater-manchester-police"),
        (" greater  manchester POLICE ", "greater-manchester-police"),
        ("greater-manchester-police", "greater-manchester-police"),
        ("Manchester Women's Aid", "manchester-womens-aid"),
        ("Manchester Women\N{RIGHT SINGLE QUOTATION MARK}s Aid", "manchester-womens-aid"),
        ("GREATER MANCHESTER FIRE & RESCUE", "gm-fire-and-rescue"),
        ("CGL", "change-grow-live"),
        ("MCC Adult Social Care", "adult-social-care"),
    ],
)
def test_an_agency_is_found_by_name_alias_or_code(text: str, code: str) -> None:
    found = AGENCIES.find(text)
    assert found is not None
    assert found.code == code
    assert AGENCIES.get(code) is found


@pytest.mark.parametrize("text", ["", "Police", "Manchester", "Acme Ltd"])
def test_an_agency_that_is_not_known_is_not_guessed(text: str) -> None:
    assert AGENCIES.find(text) is None


def test_an_unknown_code_is_refused_by_name() -> None:
    with pytest.raises(UnknownAgency, match="acme"):
        AGENCIES.get("acme")


def test_only_the_drug_and_alcohol_service_needs_a_consent_of_its_own_by_default() -> None:
    assert [agency.code for agency in AGENCIES if agency.explicit_consent_required] == ["change-grow-live"]


def test_two_agencies_cannot_share_a_name_or_a_code() -> None:
    police = Agency(code="police", name="The Police", sector="police")
    with pytest.raises(ValueError, match="THE POLICE"):
        Agencies([police, Agency(code="other", name="THE POLICE", sector="police")])
    with pytest.raises(ValueError, match="same code"):
        Agencies([police, Agency(code="police", name="Other", sector="police")])


def test_the_programmes_quorum_and_expectations_name_sectors_and_agencies_that_exist() -> None:
    for name in Programme.names():
        programme = Programme.load(name)
        assert set(programme.quorum.one_of_sectors) <= {agency.sector for agency in AGENCIES}
        for code in programme.forum.expected_agencies:
            assert AGENCIES.get(code)


@pytest.mark.skipif(not REGISTER.exists(), reason="no shared referral register beside the repository")
def test_every_agency_of_the_shared_register_is_known() -> None:
    with REGISTER.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    named = {row["referring_agency"] for row in rows}
    named |= {name for row in rows for name in row["agencies_involved"].split(";") if name}
    named |= {name for row in rows for name in row["consent_held"].split(";") if name not in ("", "forum")}
    assert len(named) >= 21
    assert [name for name in named if AGENCIES.find(name) is None] == []
