"""Wards, neighbourhoods, forums and the boroughs around: what a place is on a day, however it is written."""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.geography import Geography, InArea, NoForumServes, OutOfArea, Unknown, UnknownGeographyCode
from domain.geography.places import _BoroughFile, _CityFile

GEOGRAPHY = Geography.load()
TODAY = date(2026, 11, 21)
REGISTER = Path(__file__).parents[3] / "shared" / "data" / "referrals.csv"


def packaged(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("domain.geography") / name).read_text(encoding="utf-8"))


def changed(**tables: list[dict[str, object]]) -> Geography:
    """The city with some tables of its file replaced."""
    city = _CityFile.model_validate({**packaged("manchester.toml"), **tables})
    return Geography(city, _BoroughFile.model_validate(packaged("greater_manchester.toml")))


def test_the_city_has_three_localities_twelve_neighbourhoods_and_32_wards() -> None:
    assert [locality.name for locality in GEOGRAPHY.localities] == ["North", "Central", "South"]
    assert len(GEOGRAPHY.neighbourhoods) == 12
    assert len(GEOGRAPHY.wards) == 32
    assert (GEOGRAPHY.city, GEOGRAPHY.city_code) == ("Manchester", "manchester")
    found = [GEOGRAPHY.place(ward.name, TODAY) for ward in GEOGRAPHY.wards]
    assert Counter(place.locality for place in found if isinstance(place, InArea)) == {
        "north": 11,
        "central": 10,
        "south": 11,
    }


@pytest.mark.parametrize(
    "text",
    [
        "Gorton & Abbey Hey",
        "GORTON AND ABBEY HEY",
        " gorton  &  abbey hey ",
        "Gorton&Abbey Hey",
        "Gorton and Abbey-Hey.",
        "gorton-and-abbey-hey",
        "Gorton & Abbey Hey ward",
        "Gorton\N{NO-BREAK SPACE}& Abbey\tHey,",
        "Gorton & Abbey Hey (Manchester)",
        "Gorton & Abbey Hey, Manchester",
        "Gorton & Abbey Hey - Manchester",
        "Gorton & Abbey Hey, Greater Manchester",
        "\N{LEFT DOUBLE QUOTATION MARK}Gorton & Abbey Hey\N{RIGHT DOUBLE QUOTATION MARK}",
    ],
)
def test_a_ward_is_found_however_it_is_written(text: str) -> None:
    assert GEOGRAPHY.place(text, TODAY) == InArea(
        "gorton-abbey-hey", "Gorton & Abbey Hey", "gorton-levenshulme", "central"
    )


def test_chorlton_and_chorlton_park_are_different_wards() -> None:
    chorlton, park = GEOGRAPHY.place("Chorlton", TODAY), GEOGRAPHY.place("chorlton park", TODAY)
    assert isinstance(chorlton, InArea)
    assert isinstance(park, InArea)
    assert (chorlton.ward_code, chorlton.locality) == ("chorlton", "central")
    assert (park.ward_code, park.locality) == ("chorlton-park", "south")


@pytest.mark.parametrize(
    ("text", "borough"),
    [
        ("Stretford", "Trafford"),
        ("STRETFORD", "Trafford"),
        ("Stretford, Manchester", "Trafford"),
        ("Middleton", "Rochdale"),
        ("Middleton (Rochdale)", "Rochdale"),
        ("Broughton", "Salford"),
        ("Broughton (Salford)", "Salford"),
        ("Broughton, Salford", "Salford"),
        (" broughton ( SALFORD ) ", "Salford"),
        ("Salford", "Salford"),
        ("Broughton, Salford.", "Salford"),
        ("City of Salford", "Salford"),
        ("Irlams o\N{RIGHT SINGLE QUOTATION MARK} th\N{RIGHT SINGLE QUOTATION MARK} Height", "Salford"),
        ("Ashton under Lyne", "Tameside"),
        ("Ashton-in-Makerfield", "Wigan"),
        ("Shaw & Crompton", "Oldham"),
        ("Heaton, Lostock & Chew Moor", "Bolton"),
        ("Cheadle Hulme", "Stockport"),
        ("Prestwich", "Bury"),
        ("Brooklands (Trafford)", "Trafford"),
        ("Charlestown (Salford)", "Salford"),
        ("Some New Estate (Wigan)", "Wigan"),
        ("Broughton [Salford]", "Salford"),
        ("Broughton - Salford", "Salford"),
        ("Broughton \N{EN DASH} City of Salford", "Salford"),
        ("Stockport, Greater Manchester", "Stockport"),
        ("Oldham (Greater Manchester)", "Oldham"),
        ("Sale, Cheshire", "Trafford"),
    ],
)
def test_a_place_in_another_borough_is_out_of_area_with_that_borough_named(text: str, borough: str) -> None:
    place = GEOGRAPHY.place(text, TODAY)
    assert isinstance(place, OutOfArea)
    assert place.borough == borough


@pytest.mark.parametrize("text", ["Brooklands", "BROOKLANDS", "Charlestown", "Brooklands (Manchester)"])
def test_a_name_that_the_city_shares_with_a_borough_is_the_citys(text: str) -> None:
    assert isinstance(GEOGRAPHY.place(text, TODAY), InArea)


def test_a_name_in_two_other_boroughs_says_so() -> None:
    assert GEOGRAPHY.place("Ashton", TODAY) == OutOfArea("Tameside", "Ashton", ("Wigan",))


@pytest.mark.parametrize(
    "text",
    [
        "M14",
        "M14 5AB",
        "Manchestr",
        "Wardx",
        "Manchester",
        "Greater Manchester",
        "Hulm",
        "Chorlton Parc",
        "",
        "   ",
        "()",
        ",",
        "-",
        "ward",
        "Liverpool",
        "=Hulme()",
        "Hulme (Liverpool)",
    ],
)
def test_postal_districts_misspellings_and_places_elsewhere_are_unknown(text: str) -> None:
    assert GEOGRAPHY.place(text, TODAY) == Unknown()


@pytest.mark.parametrize("text", ["Wythenshawe", "City Centre", "Didsbury", "Roundthorn", "Openshaw"])
def test_a_part_of_the_city_that_is_no_ward_is_unknown_and_never_passed_to_another_borough(text: str) -> None:
    assert GEOGRAPHY.place(text, TODAY) == Unknown()


def test_every_borough_is_known_with_dozens_of_its_places() -> None:
    assert sorted(borough.name for borough in GEOGRAPHY.boroughs) == [
        "Bolton",
        "Bury",
        "Manchester",
        "Oldham",
        "Rochdale",
        "Salford",
        "Stockport",
        "Tameside",
        "Trafford",
        "Wigan",
    ]
    for borough in GEOGRAPHY.boroughs:
        assert len(borough.places) >= 48, borough.name
        assert len(set(borough.places)) == len(borough.places), borough.name


def test_every_listed_place_of_another_borough_is_found_there_when_the_borough_stands_with_it() -> None:
    for borough in GEOGRAPHY.boroughs:
        for name in borough.places:
            place = GEOGRAPHY.place(f"{name} ({borough.name})", TODAY)
            assert place == (Unknown() if borough.in_area else OutOfArea(borough.name, name))


def test_a_ward_is_unknown_on_a_day_before_it_existed() -> None:
    first_day = GEOGRAPHY.ward("hulme").valid_from
    assert isinstance(GEOGRAPHY.place("Hulme", first_day), InArea)
    assert GEOGRAPHY.place("Hulme", first_day - timedelta(days=1)) == Unknown()


def test_every_neighbourhood_is_served_and_the_two_in_wythenshawe_share_a_forum() -> None:
    codes = {forum.code for forum in GEOGRAPHY.forums()}
    served_by = {n.code: GEOGRAPHY.forum_for(n.code, TODAY).code for n in GEOGRAPHY.neighbourhoods}
    assert set(served_by.values()) == codes
    assert len(codes) == 11
    shared = GEOGRAPHY.forum("wythenshawe-northenden")
    assert shared.neighbourhoods(TODAY) == (
        "wythenshawe-baguley-sharston-woodhouse-park",
        "wythenshawe-brooklands-northenden",
    )
    assert shared.serves("wythenshawe-brooklands-northenden", TODAY)
    assert not shared.serves("gorton-levenshulme", TODAY)


def test_a_forum_serves_only_while_its_link_holds_and_its_last_day_counts() -> None:
    handover = date(2027, 4, 1)
    links = [
        {
            "forum": "gorton-levenshulme",
            "neighbourhood": "ardwick-longsight",
            "valid_from": handover,
        },
        {
            "forum": "ardwick-longsight",
            "neighbourhood": "ardwick-longsight",
            "valid_from": date(2020, 1, 1),
            "valid_to": handover - timedelta(days=1),
        },
    ]
    geography = changed(forum_neighbourhoods=links)
    assert geography.forum_for("ardwick-longsight", date(2027, 3, 31)).code == "ardwick-longsight"
    assert geography.forum_for("ardwick-longsight", handover).code == "gorton-levenshulme"
    with pytest.raises(NoForumServes, match="2019-12-31"):
        geography.forum_for("ardwick-longsight", date(2019, 12, 31))


def test_a_ward_may_move_to_another_neighbourhood_and_old_referrals_stay_where_they_were() -> None:
    move = date(2027, 5, 6)
    links = [
        {
            "ward": "hulme",
            "neighbourhood": "hulme-moss-side-rusholme",
            "valid_from": date(2018, 5, 3),
            "valid_to": date(2027, 5, 5),
        },
        {"ward": "hulme", "neighbourhood": "ardwick-longsight", "valid_from": move},
        {"ward": "hulme", "neighbourhood": "gorton-levenshulme", "valid_from": move},
    ]
    geography = changed(ward_neighbourhoods=links)
    before, after = geography.place("Hulme", date(2027, 5, 5)), geography.place("Hulme", move)
    assert isinstance(before, InArea)
    assert isinstance(after, InArea)
    assert before.neighbourhood == "hulme-moss-side-rusholme"
    assert after.neighbourhood == "ardwick-longsight"
    assert geography.neighbourhoods_of("hulme", move) == ("ardwick-longsight", "gorton-levenshulme")


def test_codes_that_do_not_exist_are_refused_by_name() -> None:
    for question in (GEOGRAPHY.ward, GEOGRAPHY.neighbourhood, GEOGRAPHY.locality, GEOGRAPHY.forum):
        with pytest.raises(UnknownGeographyCode, match="atlantis"):
            question("atlantis")
    with pytest.raises(UnknownGeographyCode, match="atlantis"):
        GEOGRAPHY.forum_for("atlantis", TODAY)
    with pytest.raises(UnknownGeographyCode, match="atlantis"):
        changed(
            ward_neighbourhoods=[
                {"ward": "hulme", "neighbourhood": "atlantis", "valid_from": date(2020, 1, 1)}
            ]
        )


@given(st.sampled_from(GEOGRAPHY.wards), st.data())
def test_case_spaces_and_ampersands_never_change_the_ward(ward: Any, data: st.DataObject) -> None:
    text = ward.name.replace("&", data.draw(st.sampled_from(["&", "and", "AND", " & "])))
    text = "".join(data.draw(st.sampled_from([letter.upper(), letter.lower()])) for letter in text)
    text = text.replace(" ", data.draw(st.sampled_from([" ", "  ", "\t", "-"])))
    place = GEOGRAPHY.place(f" {text} ", TODAY)
    assert isinstance(place, InArea)
    assert place.ward_code == ward.code


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(GEOGRAPHY.place(text, TODAY), InArea | OutOfArea | Unknown)


@pytest.mark.skipif(not REGISTER.exists(), reason="no shared referral register beside the repository")
def test_every_ward_of_the_shared_register_is_found_passed_on_or_one_of_the_planted_strange_ones() -> None:
    with REGISTER.open(encoding="utf-8-sig", newline="") as file:
        texts = {row["ward"] for row in csv.DictReader(file)}
    places = {text: GEOGRAPHY.place(text, TODAY) for text in texts}
    assert {t for t, place in places.items() if place == Unknown()} == {"M14", "Manchestr", "Wardx"}
    assert {t: place.borough for t, place in places.items() if isinstance(place, OutOfArea)} == {
        "Broughton (Salford)": "Salford",
        "Middleton": "Rochdale",
        "Stretford": "Trafford",
    }
