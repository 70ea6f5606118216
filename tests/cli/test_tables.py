"""Tables at a terminal: readable in eighty columns, ids whole or cut to what tells them apart, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.cli import output
from adapters.cli.output import print_after, print_pairs, print_table
from adapters.postgres.event_log import PostgresEventLog
from tests.support.clocks import StandingClock
from tests.support.scenario import HOUSING, NEXT_MEETING_DAY_ENDS, a_case, a_meeting, a_worker
from tests.support.situations import tell

KIM = UUID("885abb44-4213-5ab8-b5ac-ce85ec27e7d6")
KAI = UUID("885abb44-9999-5ab8-b5ac-ce85ec27e7d6")
LONG = "a place on the agenda of a forum that meets every four weeks on a Tuesday"


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    columns: int = request.param
    monkeypatch.setattr(output, "_width", lambda: columns)
    return columns


@pytest.mark.parametrize("width", [80, 100, 240], indirect=True)
def test_no_line_is_longer_than_the_terminal_and_no_word_is_lost(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    row = (KIM, "Tue 5 Jan 2027 11:00", LONG, "coordinator", "Greater Manchester Police", "ardwick-longsight")
    print_table(["case", "due", "what", "who", "of", "forum"], [row], empty="")
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    for word in (*LONG.split(), "coordinator", "Police", "ardwick-longsight", "885abb44"):
        assert word in shown


@pytest.mark.parametrize("width", [80], indirect=True)
def test_ids_are_cut_to_what_tells_them_apart_and_it_is_said(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert width == 80
    print_table(["case", "worker", "stage"], [(KIM, KAI, "Triage")], empty="")
    first = capsys.readouterr()
    assert "885abb44-4213 " in first.out
    assert "885abb44-9999 " in first.out
    assert "--json" in first.err
    print_table(["case", "stage"], [(KIM, "Triage")], empty="")
    second = capsys.readouterr()
    assert (str(KIM) in second.out, second.err) == (True, "")


@pytest.mark.parametrize("width", [40], indirect=True)
def test_what_fits_in_no_table_is_printed_as_blocks_with_whole_ids(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(
        ["due", "what", "forum", "id"],
        [("Tue 5 Jan 2027", LONG, "ardwick-longsight", KIM), ("Wed", "x", "", KAI)],
        empty="",
    )
    shown = capsys.readouterr().out.replace("\n" + " " * 7, "")
    assert f"id     {KIM}" in shown
    assert f"id     {KAI}" in shown
    assert shown.count("forum  ") == 1, "what has no value is left out"
    assert width < len(str(KIM)) + len("due    ")


@pytest.mark.parametrize("width", [240], indirect=True)
def test_a_column_without_a_value_is_left_out(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["case", "owner"], [(KIM, None)], empty="")
    assert "owner" not in capsys.readouterr().out
    print_table(["case"], [], empty="Nothing.")
    assert capsys.readouterr().out == "Nothing.\n"
    print_table(["a", "b"], [("", None)], empty="")
    assert "a" in capsys.readouterr().out


@pytest.mark.parametrize("width", [50], indirect=True)
def test_a_long_value_goes_on_below_its_beginning(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs([("waits for", LONG), ("none", None)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert all(line.startswith(" " * len("waits for  ")) for line in lines[1:])
    print_after("", "")
    assert capsys.readouterr().out == "\n"


@pytest.mark.parametrize("width", [80], indirect=True)
async def test_every_list_fits_eighty_columns(
    width: int, running: Callable[..., Any], log: PostgresEventLog, clock: StandingClock
) -> None:
    clock.at = NEXT_MEETING_DAY_ENDS + timedelta(days=60)
    robin = a_case().active(a_worker()).with_action("arrears", agency=HOUSING).with_concern().escalated()
    meeting = a_meeting().in_session()
    await tell(log, [meeting, robin, a_case("kim").waiting(), a_case("jo").in_triage()])
    for line in (
        ("cases",),
        ("case", "show", str(robin.case_id)),
        ("case", "events", str(robin.case_id)),
        ("case", "audit", str(robin.case_id)),
        ("case", "explain", str(robin.case_id)),
        ("caseload",),
        ("workload",),
        ("waiting-list",),
        ("due",),
        ("actions",),
        ("parked",),
        ("agenda", str(meeting.meeting_id)),
        ("safeguarding", "--as-role", "safeguarding_lead"),
        ("escalations", "--as-role", "manager"),
        ("projections", "list"),
    ):
        shown = await running(*line)
        assert shown.exit_code == 0, (line, shown.err)
        assert shown.out.count("\n") > 1, line
        assert max(map(len, shown.out.splitlines())) <= width, (line, shown.out)
