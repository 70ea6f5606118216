"""A register is read as spreadsheets write it; what cannot be put into words is refused with a rule."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.register.reader import COLUMNS, CellRefused, Line, RegisterUnreadable, in_words, read_register

SOUND = {
    "reference": "REF-1",
    "received": "04/01/2027 09:30",
    "referring_agency": "Greater Manchester Police",
    "referrer": "Officer One",
    "given_name": "Robin",
    "family_name": "Example",
    "date_of_birth": "31/03/1985",
    "ward": "Ardwick",
    "needs": "mental_health;homelessness;mental_health",
    "offer": "A first visit together",
    "person_aware": "Yes",
}


def a_line(**cells: str) -> Line:
    return Line(2, {**dict.fromkeys(COLUMNS, ""), **SOUND, **cells}, shape_is_wrong=False)


@pytest.mark.parametrize(
    "written",
    [
        "31/03/1985",
        "1985-03-31",
        "31 Mar 1985",
        "31 March 1985",
        "31-03-1985",
        "31.03.1985",
        "1985-03-31 00:00:00",
        "31/03/1985 00:00",
        "31/03/1985 00:00:00",
    ],
)
def test_a_birthday_is_read_in_every_usual_british_form(written: str) -> None:
    assert (
        in_words(a_line(date_of_birth=written), "manchester-maps").command.form.date_of_birth == "1985-03-31"
    )


def test_an_impossible_birthday_is_left_as_written_for_the_rule_of_the_form_to_refuse() -> None:
    assert (
        in_words(a_line(date_of_birth="31/02/1985"), "manchester-maps").command.form.date_of_birth
        == "31/02/1985"
    )


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("04/01/2027 09:30", datetime(2027, 1, 4, 9, 30, tzinfo=UTC)),
        ("2027-07-04T09:30:00", datetime(2027, 7, 4, 8, 30, tzinfo=UTC)),
        ("2027-07-04T09:30:00+00:00", datetime(2027, 7, 4, 9, 30, tzinfo=UTC)),
        ("04/07/2027", datetime(2027, 7, 3, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_european_london(written: str, instant: datetime) -> None:
    assert in_words(a_line(received=written), "manchester-maps").received_at == instant


def test_needs_are_taken_apart_and_each_counted_once() -> None:
    assert in_words(a_line(), "manchester-maps").command.form.needs == ("mental_health", "homelessness")


def test_a_cell_that_a_spreadsheet_would_run_is_kept_as_the_text_it_is() -> None:
    run = '=HYPERLINK("http://x.example","click")'
    assert in_words(a_line(narrative=run), "manchester-maps").command.form.narrative == run


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"reference": ""}, "reference_required"),
        ({"reference": "two words"}, "reference_malformed"),
        ({"referring_agency": ""}, "referring_agency_required"),
        ({"urgency": "whenever"}, "urgency_unknown"),
        ({"person_aware": "perhaps"}, "yes_or_no_expected"),
        ({"received": "last Tuesday"}, "received_not_a_time"),
        ({"ndta": "1,two,3"}, "score_out_of_range"),
        ({"ndta": "," * 30}, "score_out_of_range"),
        ({"given_name": "x" * 101}, "cell_unusable"),
        ({"referring_agency": "x" * 121}, "cell_unusable"),
        ({"referrer": "x" * 121}, "cell_unusable"),
        ({"referrer_email": "x" * 4_001}, "cell_unusable"),
        ({"narrative": "half\x00a cell"}, "cell_unusable"),
        ({"referrer": "Officer\x00One"}, "cell_unusable"),
        ({"received": "0001-01-01T00:00:00+05:00"}, "received_not_a_time"),
    ],
)
def test_a_cell_that_cannot_be_put_into_words_is_refused_by_rule_and_never_quoted(
    cells: dict[str, str], rule: str
) -> None:
    with pytest.raises(CellRefused) as refused:
        in_words(a_line(**cells), "manchester-maps")
    assert refused.value.rule == rule
    assert all(cell not in str(refused.value) for cell in cells.values() if len(cell) > 8)


def test_the_same_reference_in_another_case_is_the_same_command() -> None:
    assert a_line(reference="ref-1").command_id == a_line().command_id


def test_a_row_with_a_cell_too_many_is_refused_and_the_rows_around_it_are_read(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    header = ",".join(SOUND)
    row = ",".join(SOUND.values())
    register.write_text(f"\ufeff{header}\n{row}\n{row},more\n\n{row}\n", encoding="utf-8")
    lines = read_register(register)
    assert [(line.number, line.shape_is_wrong) for line in lines] == [(2, False), (3, True), (5, False)]


def test_a_cell_of_any_length_is_read_so_that_only_its_own_row_is_refused(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    row = ",".join(SOUND.values())
    register.write_text(
        f"{','.join(SOUND)}\n{row.replace('Robin', 'x' * 200_000)}\n{row}\n", encoding="utf-8"
    )
    too_long, sound = read_register(register)
    with pytest.raises(CellRefused, match="given_name"):
        in_words(too_long, "manchester-maps")
    assert in_words(sound, "manchester-maps").command.form.given_name == "Robin"


def test_what_stands_in_place_of_a_reference_is_not_shown_for_it_may_be_a_name() -> None:
    assert a_line().shown_reference == "REF-1"
    assert a_line(reference="Robin Example").shown_reference == ""


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_register_may_be_separated_by_commas_semicolons_or_tabs(tmp_path: Path, delimiter: str) -> None:
    register = tmp_path / "register.csv"
    register.write_text(
        f"{delimiter.join(SOUND)}\n{delimiter.join(cell.replace(';', ' ') for cell in SOUND.values())}\n",
        encoding="utf-8",
    )
    assert read_register(register)[0].reference == "REF-1"


def test_a_file_that_is_no_register_is_refused_whole_with_what_it_lacks(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    register.write_text("name,date\nx,y\n", encoding="utf-8")
    with pytest.raises(RegisterUnreadable, match="lacks date_of_birth, family_name"):
        read_register(register)


def test_a_column_that_the_header_has_twice_is_no_matter_of_which_comes_last(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    register.write_text(f"{','.join(SOUND)},Ward\n{','.join(SOUND.values())},Hulme\n", encoding="utf-8")
    with pytest.raises(RegisterUnreadable, match="twice in its header: ward"):
        read_register(register)


def test_a_file_in_another_encoding_is_refused_with_what_to_do(tmp_path: Path) -> None:
    register = tmp_path / "register.csv"
    register.write_bytes("reference,given_name\n1,Jos\xe9\n".encode("latin-1"))
    with pytest.raises(RegisterUnreadable, match="CSV UTF-8"):
        read_register(register)


@pytest.mark.parametrize(("cell", "has_no_home"), [("yes", True), ("Y", True), ("no", False), ("", False)])
def test_a_person_without_a_home_comes_in_without_a_ward(cell: str, has_no_home: bool) -> None:
    form = in_words(a_line(no_fixed_abode=cell, ward=""), "manchester-maps").command.form
    assert (form.no_fixed_abode, form.ward) == (has_no_home, "")


def test_a_register_may_say_nothing_of_people_without_a_home() -> None:
    line = a_line()
    del line.cells["no_fixed_abode"]
    assert not in_words(line, "manchester-maps").command.form.no_fixed_abode


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"no_fixed_abode": "yes", "ward": "Ardwick"}, "ward_of_no_fixed_abode"),
        ({"no_fixed_abode": "Ardwick", "ward": ""}, "yes_or_no_expected"),
    ],
)
def test_a_row_that_contradicts_itself_about_a_home_is_refused(cells: dict[str, str], rule: str) -> None:
    with pytest.raises(CellRefused) as refused:
        in_words(a_line(**cells), "manchester-maps")
    assert refused.value.rule == rule
    assert "Ardwick" not in str(refused.value)
