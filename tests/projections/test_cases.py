"""Cases: one row per case, found again by what people remember of it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from domain.case.referral import PossibleDuplicateFlagged, ReferralDrafted
from domain.case.referral_form import ReferralForm
from domain.case.stages import Stage
from domain.case.triage import DuplicateRuledOut
from domain.person.matching import MatchGround
from projections import CaseFilter, ProjectionRunner, ReadModels
from projections.cases import CaseNotFound, CaseNotUnique, plain_words
from projections.page import CursorInvalid
from tests.projections.telling import (
    A_MINUTE,
    Teller,
    as_referred,
    completed,
    engaged,
    given_to,
    stepped_down,
)
from tests.support.scenario import (
    DECIDED,
    FORUM,
    HOUSING,
    POLICE,
    PROGRAMME,
    REFERRED,
    CaseStory,
    a_case,
    a_worker,
    some_id,
)


async def names(models: ReadModels, **wanted: object) -> set[str]:
    page = await models.cases(CaseFilter(**wanted))  # type: ignore[arg-type]
    assert page.total == len(page.rows)
    return {row.given_name for row in page.rows}


async def test_a_referral_is_a_case_that_waits_for_its_acknowledgement(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    written = REFERRED - timedelta(days=2)
    story = a_case().submitted()
    await teller.tell(story, effective_at=written)
    await runner.catch_up()
    row = await models.case(story.case_id)
    assert row is not None
    assert (row.stage, row.programme, row.forum, row.neighbourhood) == (
        Stage.SUBMITTED,
        PROGRAMME,
        FORUM,
        FORUM,
    )
    assert (row.referring_agency, row.urgency, row.reference) == (POLICE, "routine", None)
    assert row.received_at == written
    assert row.opened_at == row.since == REFERRED + 3 * A_MINUTE
    assert (row.next_clock, row.next_due_at) == ("acknowledge", story.due("acknowledge", REFERRED))
    assert (row.possible_duplicate, row.safeguarding_open, row.repeat) == (False, False, False)
    assert (row.given_name, row.family_name) == ("Robin", "Example")
    assert row.events == 1


async def test_a_row_follows_its_case_to_the_end(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, case = a_worker("sam"), a_case().accepted()
    await teller.tell(sam, case, given_to(case, sam))
    await runner.catch_up()
    row = await models.case(case.case_id)
    assert row is not None
    assert (row.stage, row.worker_id, row.worker_name) == (Stage.INTRODUCTION, sam.worker_id, "Sam")
    assert row.next_clock == "allocation_answer"
    await teller.tell(engaged(case, sam), stepped_down(case, at=DECIDED))
    await runner.catch_up()
    row = await models.case(case.case_id)
    assert row is not None
    assert (row.stage, row.next_clock) == (Stage.MONITORING, "check_in_answer")
    since = row.since
    await teller.tell(completed(case, sam, at=DECIDED))
    await runner.catch_up()
    row = await models.case(case.case_id)
    assert row is not None
    assert (row.stage, row.closed_because, row.worker_id, row.next_clock) == (
        Stage.CLOSED,
        "completed",
        None,
        None,
    )
    assert row.closed_at is not None
    assert row.closed_at == row.since > since


async def test_a_possible_duplicate_is_flagged_until_somebody_decides(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    story = a_case().submitted()
    flag = PossibleDuplicateFlagged(
        **story.ids,
        other_person=some_id("person/other"),
        other_case=some_id("case/other"),
        ground=MatchGround.SAME_NHS_NUMBER,
    )
    await teller.tell(story, flag, a_case("sure").submitted())
    await runner.catch_up()
    page = await models.cases(CaseFilter(possible_duplicate=True))
    assert [row.case_id for row in page.rows] == [story.case_id]
    await teller.tell(DuplicateRuledOut(**story.ids, other_person=flag.other_person))
    await runner.catch_up()
    assert (await models.cases(CaseFilter(possible_duplicate=True))).rows == ()


async def test_an_open_safeguarding_concern_and_a_repeat_referral_are_flagged(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    story = a_case().submitted().with_concern()
    await teller.tell(as_referred(story, repeat=True))
    await runner.catch_up()
    row = await models.case(story.case_id)
    assert row is not None
    assert (row.safeguarding_open, row.repeat) == (True, True)


PEOPLE = [
    ("Zoë", "O\N{RIGHT SINGLE QUOTATION MARK}Neill-Smith", "9990000018", "GMP-2027-001"),
    ("Łukasz", "Żółty", "", "HSG/17"),
    ("Robin", "Example", "", "GMP-2027-002"),
]


async def told_people(teller: Teller, runner: ProjectionRunner) -> list[CaseStory]:
    stories = [a_case(name).submitted() for name in ("zoe", "lukasz", "robin")]
    for story, (given, family, number, reference) in zip(stories, PEOPLE, strict=True):
        form = {"given_name": given, "family_name": family, "nhs_number": number}
        await teller.tell(as_referred(story, source_reference=reference, **form))
    await runner.catch_up()
    return stories


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("zoe", {"Zoë"}),
        ("ZOË O'NEILL", {"Zoë"}),
        ("smith zoe", {"Zoë"}),
        ("oneill", {"Zoë"}),
        ("999 000 0018", {"Zoë"}),
        ("lukasz zolty", {"Łukasz"}),
        ("żółty", {"Łukasz"}),
        ("hsg/17", {"Łukasz"}),
        ("gmp-2027", {"Zoë", "Robin"}),
        ("robin smith", set()),
        ("100%", set()),
        ("_", set()),
        ("   ", {"Zoë", "Łukasz", "Robin"}),
        ("zoe\x00", {"Zoë"}),
    ],
)
async def test_a_case_is_found_by_words_whatever_their_accents_and_case(
    teller: Teller, runner: ProjectionRunner, models: ReadModels, text: str, found: set[str]
) -> None:
    await told_people(teller, runner)
    assert await names(models, text=text) == found


async def test_a_case_is_found_by_the_beginning_of_its_id(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    stories = await told_people(teller, runner)
    for story in stories:
        assert [
            row.case_id for row in (await models.cases(CaseFilter(text=str(story.case_id)[:9]))).rows
        ] == [story.case_id]
        assert await models.resolve_case(f" {str(story.case_id)[:8].upper()} ") == story.case_id
        assert await models.resolve_case(str(story.case_id)) == story.case_id


async def test_a_case_is_meant_by_its_register_reference(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    zoe, *_ = await told_people(teller, runner)
    assert await models.resolve_case("gmp-2027-001") == zoe.case_id


async def test_what_means_no_case_or_two_is_refused_without_repeating_it(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    await told_people(teller, runner)
    for text in ("Zoë", "0000000", "", "nul\x00", "GMP"):
        with pytest.raises(CaseNotFound) as refused:
            await models.resolve_case(text)
        assert "Zo" not in str(refused.value)
        assert refused.value.data == {}
    again = a_case("again").submitted()
    await teller.tell(as_referred(again, source_reference="HSG/17"))
    await runner.catch_up()
    with pytest.raises(CaseNotUnique):
        await models.resolve_case("HSG/17")


async def test_cases_are_filtered_by_where_they_stand_and_whose_they_are(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam = a_worker("sam")
    new, heard, closed = (
        a_case("new").submitted(),
        a_case("heard").accepted(),
        a_case("closed", by=HOUSING).closed(),
    )
    await teller.tell(sam, new, heard, closed, given_to(heard, sam))
    await runner.catch_up()

    async def found(**wanted: object) -> set[UUID]:
        return {row.case_id for row in (await models.cases(CaseFilter(**wanted))).rows}  # type: ignore[arg-type]

    assert await found() == {new.case_id, heard.case_id, closed.case_id}
    assert await found(stages=[Stage.SUBMITTED]) == {new.case_id}
    assert await found(stages=[Stage.SUBMITTED, Stage.CLOSED]) == {new.case_id, closed.case_id}
    assert await found(stages=[]) == set()
    assert await found(open=True) == {new.case_id, heard.case_id}
    assert await found(open=False) == {closed.case_id}
    assert await found(agency=HOUSING) == {closed.case_id}
    assert await found(worker=sam.worker_id) == {heard.case_id}
    assert await found(forum=FORUM, programme=PROGRAMME) == {new.case_id, heard.case_id, closed.case_id}
    assert await found(forum="elsewhere") == set()
    assert await found(agency="nul\x00") == set()


async def test_a_draft_is_seen_only_by_who_asks_for_drafts(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    story = a_case()
    form = ReferralForm(given_name="Robin")
    await teller.tell(ReferralDrafted(**story.ids, programme=PROGRAMME, referring_agency=POLICE, form=form))
    await runner.catch_up()
    assert (await models.cases()).total == 0
    page = await models.cases(CaseFilter(stages=[Stage.DRAFT]))
    assert [(row.given_name, row.received_at) for row in page.rows] == [("Robin", None)]


async def test_pages_meet_without_gap_or_repetition_also_where_instants_are_equal(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    for number in range(7):
        await teller.tell(a_case(f"c{number}").submitted(), at=REFERRED + timedelta(hours=number // 3))
    await runner.catch_up()
    whole = await models.cases(limit=7)
    assert (len(whole.rows), whole.total, whole.next) == (7, 7, None)
    assert [row.opened_at for row in whole.rows] == sorted(
        (row.opened_at for row in whole.rows), reverse=True
    )
    for size in (1, 2, 3, 6):
        gathered, after = [], None
        while True:
            page = await models.cases(limit=size, after=after)
            assert page.total == 7
            gathered += page.rows
            after = page.next
            if after is None:
                break
            assert len(page.rows) == size
        assert gathered == list(whole.rows)


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WyJhIiwiYiJd", "é", "WyIyMDI3LTAxLTA0IiwgIngiXQ"])
async def test_a_cursor_of_another_list_is_refused(models: ReadModels, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await models.cases(after=cursor)


def test_words_lose_accents_and_marks_but_nothing_else() -> None:
    assert plain_words("Søren Æbel, d'Arc-Straße") == ["soren", "aebel", "darc", "strasse"]
