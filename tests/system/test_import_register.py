"""A register of referrals brought in by the command line: what becomes of each row, once, again, and after a kill.

What is expected of each row is worked out here from its cells by rules of the test's own, not by the product's.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.bootstrap import open_product, prepare_database
from adapters.product import Product
from adapters.settings import Settings
from domain.messages import CaseId
from tests.support.servers import SharedPostgres
from tests.system.processes import CCP, ccp_aside, environment

ROOT = Path(__file__).parents[2]
COUNCIL = ROOT.parent / "shared" / "data" / "referrals.csv"
SHIPPED = ROOT / "adapters" / "demo" / "register.csv"
Row = dict[str, str]
Report = list[dict[str, str]]


# -- what a person with the list of rules on paper would say of a row ----------------------------------------------

OF_THE_CITY = (
    "ancoats & beswick, ardwick, baguley, brooklands, burnage, charlestown, cheetham, chorlton, chorlton park, "
    "clayton & openshaw, crumpsall, deansgate, didsbury east, didsbury west, fallowfield, gorton & abbey hey, "
    "harpurhey, higher blackley, hulme, levenshulme, longsight, miles platting & newton heath, moss side, moston, "
    "northenden, old moat, piccadilly, rusholme, sharston, whalley range, withington, woodhouse park"
)
WARDS = set(OF_THE_CITY.split(", "))
HELD_UP = 4711
"""The lock that the log waits for where an import is to be killed."""
ELSEWHERE = {"stretford", "middleton", "broughton (salford)"}
NAMED = (
    "homelessness risk_of_eviction rent_arrears hoarding property_condition mental_health personality_disorder "
    "self_harm suicidal_ideation substance_drugs substance_alcohol domestic_abuse_victim domestic_abuse_perpetrator "
    "offending victim_of_crime antisocial_behaviour nuisance_calls trauma adverse_childhood_experiences "
    "learning_disability autism physical_health mobility debt benefits isolation bereavement exploitation cuckooing "
    "immigration_status language_barrier self_neglect carer_strain employment gambling"
)
NEEDS = set(NAMED.split())


def born(row: Row) -> date | None:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d %b %Y"):
        try:
            return datetime.strptime(row["date_of_birth"].strip(), form).date()  # noqa: DTZ007 - a birthday
        except ValueError:
            continue
    return None


def number(row: Row) -> str:
    return re.sub(r"\s", "", row["nhs_number"])


def check_digit_is_right(digits: str) -> bool:
    weighted = sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9]))
    return len(digits) == 10 and 11 - weighted % 11 in (int(digits[9]), int(digits[9]) + 11)


def broken(row: Row, today: date) -> set[str]:
    """Every rule of the form that this row breaks."""
    rules = set()
    birthday = born(row)
    if birthday is None:
        rules.add("date_of_birth_impossible")
    elif birthday > today:
        rules.add("date_of_birth_in_future")
    if number(row) and not check_digit_is_right(number(row)):
        rules.add("nhs_number_invalid")
    if ward(row) not in WARDS | ELSEWHERE:
        rules.add("ward_unknown")
    needs = {need.strip() for need in row["needs"].split(";")} - {""}
    if not needs:
        rules.add("needs_required")
    if needs - NEEDS:
        rules.add("need_not_in_programme")
    if not row["offer"].strip():
        rules.add("referrer_offer_required")
    if row["person_aware"].strip().lower() != "yes" and not row["not_aware_reason"].strip():
        rules.add("not_aware_reason_required")
    if row["ndta"].strip():
        scores = [int(score) for score in row["ndta"].split(",")]
        allowed = [{0, 2, 4, 6, 8} if item in (3, 4) else set(range(5)) for item in range(10)]
        if len(scores) != 10 or any(score not in fits for score, fits in zip(scores, allowed, strict=False)):
            rules.add("score_out_of_range")
    return rules


def ward(row: Row) -> str:
    return row["ward"].strip().casefold().replace(" and ", " & ")


def is_a_child(row: Row, today: date) -> bool:
    birthday = born(row)
    assert birthday is not None
    return (today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day))) < 18


def may_be(row: Row, other: Row) -> bool:
    """The same number; or, unless both have one, the same birthday and a name spelt much alike."""
    if number(row) and number(other):
        return number(row) == number(other)
    names = [f"{one['given_name']} {one['family_name']}".casefold() for one in (row, other)]
    return born(row) == born(other) and difflib.SequenceMatcher(None, *names).ratio() > 0.8


def expected(rows: list[Row], today: date) -> Iterator[tuple[str, set[str]]]:
    """Outcome and the rules that may be named for it, row by row."""
    recorded: dict[str, Row] = {}
    for row in rows:
        if row["reference"] in recorded:
            yield "already known", {"same_reference"}
            continue
        if rules := broken(row, today):
            yield "refused", rules
            continue
        before = list(recorded.values())
        recorded[row["reference"]] = row
        if ward(row) in ELSEWHERE:
            yield "refused", {"out_of_area"}
        elif is_a_child(row, today):
            yield "refused", {"under_age"}
        elif any(may_be(row, other) for other in before):
            yield "linked", {"possible_duplicate"}
        else:
            yield "accepted", {""}


# -- bringing it in --------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """Somebody who imports registers into one database, and a look into that database."""

    dsn: str
    product: Product

    @property
    def env(self) -> dict[str, str]:
        return {"DATABASE_URL": self.dsn}

    async def bring_in(self, register: Path, report: Path) -> Report:
        ended = await ccp_aside("import", "referrals", str(register), "--report", str(report), env=self.env)
        assert ended.returncode == 0, ended.stderr
        return read(report)

    async def killed_after(self, cases: int, register: Path, report: Path) -> int:
        """Begin to import, and `kill -9` it once so many referrals are in the log, in the middle of the next."""
        async with self._held_up_after(cases):
            process = await asyncio.create_subprocess_exec(
                CCP,
                *("import", "referrals", str(register), "--report", str(report)),
                env=environment(**self.env),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            while await self.referrals() < cases:
                assert process.returncode is None
                await asyncio.sleep(0.01)
            process.kill()
            await process.wait()
        return await self.referrals()

    @contextlib.asynccontextmanager
    async def _held_up_after(self, cases: int) -> AsyncIterator[None]:
        """The log takes no more than so many referrals, so that it does not matter how fast an import is."""
        owner = await asyncpg.connect(self.dsn)
        try:
            await owner.execute("SELECT pg_advisory_lock($1)", HELD_UP)
            await owner.execute("CREATE TABLE log.held_up (after_cases integer, by_lock bigint)")
            await owner.execute("INSERT INTO log.held_up VALUES ($1, $2)", cases, HELD_UP)
            await owner.execute(
                """CREATE FUNCTION log.hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN
                        PERFORM pg_advisory_xact_lock(by_lock) FROM log.held_up
                        WHERE after_cases <= (SELECT count(*) FROM log.event WHERE topic = 'ReferralSubmitted');
                        RETURN NULL;
                    END $$;
                    CREATE TRIGGER hold_up BEFORE INSERT ON log.event
                        FOR EACH STATEMENT EXECUTE FUNCTION log.hold_up()"""
            )
            yield
            # Nobody waits for its answer any more.
            await owner.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            await owner.execute("DROP FUNCTION log.hold_up CASCADE")
            await owner.execute("DROP TABLE log.held_up")
        finally:
            await owner.close()

    async def referrals(self) -> int:
        count: int = await self.product.pool.fetchval(
            "SELECT count(*) FROM log.event WHERE topic = 'ReferralSubmitted'"
        )
        return count

    async def state(self) -> dict[CaseId, Any]:
        """What there is of every case, whenever it was recorded: stage, who it is about, flags, what was written."""
        found: dict[CaseId, Any] = {}
        rows = await self.product.pool.fetch(
            "SELECT originator_id, topic, event_id FROM log.event ORDER BY notification_id"
        )
        submitted = [row["originator_id"] for row in rows if row["topic"] == "ReferralSubmitted"]
        for case_id in submitted:
            case = await self.product.application.case(case_id)
            found[case_id] = (
                case.stage,
                case.person_id,
                case.closed_because,
                sorted(map(str, case.undecided_duplicates)),
                [(row["topic"], row["event_id"]) for row in rows if row["originator_id"] == case_id],
            )
        assert list(found) == submitted, "a case was submitted twice"
        return found


def read(report: Path) -> Report:
    with report.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows_of(register: Path) -> list[Row]:
    with register.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def without_outcome(report: Report) -> list[tuple[str, ...]]:
    return [(line["line"], line["reference"], line["case_id"]) for line in report]


@pytest.fixture
async def desk(database: str) -> Any:
    await prepare_database(database, database)
    async with open_product(Settings(), dsn=database) as product:
        yield Desk(database, product)


@pytest.fixture
def another_database(postgres: SharedPostgres) -> Iterator[str]:
    name = postgres.create_database()
    yield postgres.dsn_for(database=name)
    postgres.drop_database(name)


@pytest.fixture(params=[COUNCIL, SHIPPED], ids=["council", "shipped"])
def register(request: pytest.FixtureRequest) -> Path:
    file: Path = request.param
    if not file.exists():
        pytest.skip("the council's register lies beside the repository and not in it")
    return file


# -- what is shown ---------------------------------------------------------------------------------------------------


async def test_every_row_of_a_register_ends_in_the_way_that_its_cells_call_for(
    desk: Desk, register: Path, tmp_path: Path
) -> None:
    rows = rows_of(register)
    report = await desk.bring_in(register, tmp_path / "report.csv")
    assert [line["reference"] for line in report] == [row["reference"] for row in rows]
    assert [int(line["line"]) for line in report] == list(range(2, len(rows) + 2))
    wanted = list(expected(rows, datetime.now().date()))  # noqa: DTZ005 - the day as people here have it
    wrong = [
        (line["reference"], line["outcome"], line["rule"], outcome, rules)
        for line, (outcome, rules) in zip(report, wanted, strict=True)
        if line["outcome"] != outcome or line["rule"] not in rules
    ]
    assert wrong == []
    recorded = [line for line in report if line["case_id"]]
    assert len({line["case_id"] for line in recorded}) == await desk.referrals()
    for line in report:
        assert line["detail"] or line["outcome"] in ("accepted", "already known")


@pytest.mark.skipif(
    not COUNCIL.exists(), reason="the council's register lies beside the repository and not in it"
)
@pytest.mark.skipif(
    datetime.now(UTC).date() >= date(2030, 6, 12), reason="the children of this register have grown up by now"
)
async def test_the_councils_register_ends_as_people_counted_it(desk: Desk, tmp_path: Path) -> None:
    report = await desk.bring_in(COUNCIL, tmp_path / "report.csv")
    assert Counter(line["outcome"] for line in report) == {
        "accepted": 196,
        "refused": 34,
        "linked": 8,
        "already known": 2,
    }


async def test_a_register_brought_in_again_changes_nothing_and_is_reported_as_known(
    desk: Desk, register: Path, tmp_path: Path
) -> None:
    first = await desk.bring_in(register, tmp_path / "first.csv")
    head, state = await desk.product.log.head(), await desk.state()
    again = await desk.bring_in(register, tmp_path / "again.csv")
    assert await desk.product.log.head() == head
    assert await desk.state() == state
    assert without_outcome(again) == without_outcome(first)
    for before, now in zip(first, again, strict=True):
        # What was recorded is known now; what was refused without a trace is refused by the same rule.
        assert now["outcome"] == ("already known" if before["case_id"] else "refused")
        assert now["rule"] == (before["rule"] or "same_reference")


async def test_a_row_that_says_otherwise_than_what_came_in_under_its_reference_is_told(
    desk: Desk, tmp_path: Path
) -> None:
    header, first, second, *_ = SHIPPED.read_text(encoding="utf-8-sig").splitlines()
    january, february = tmp_path / "january.csv", tmp_path / "february.csv"
    january.write_text(f"{header}\n{first}\n{second}", encoding="utf-8")
    february.write_text("\n".join([header, first.replace(",Aled,", ",Gwen,"), second]), encoding="utf-8")
    await desk.bring_in(january, tmp_path / "first.csv")
    changed, same = await desk.bring_in(february, tmp_path / "again.csv")
    assert (changed["outcome"], same["outcome"]) == ("already known", "already known")
    assert changed["detail"].endswith("under this reference says otherwise; it was kept.")
    assert same["detail"] == ""


async def test_an_import_killed_again_and_again_ends_as_one_that_nobody_killed(
    desk: Desk, register: Path, tmp_path: Path, another_database: str
) -> None:
    undisturbed = await desk.bring_in(register, tmp_path / "undisturbed.csv")
    whole = await desk.state()

    await prepare_database(another_database, another_database)
    async with open_product(Settings(), dsn=another_database) as product:
        other = Desk(another_database, product)
        reports = tmp_path / "killed.csv"
        stopped_at = [
            await other.killed_after(cases, register, reports)
            for cases in (1, len(whole) // 4, len(whole) // 2)
        ]
        assert all(cases < len(whole) for cases in stopped_at), "the import was over before it was killed"
        assert not reports.exists(), "a report was written by an import that did not end"
        resumed = await other.bring_in(register, reports)
        assert await other.state() == whole
        assert await product.log.head() == await desk.product.log.head()
        assert without_outcome(resumed) == without_outcome(undisturbed)
        # A row that the killed import had brought in is known; every other ends as it did undisturbed.
        for before, now in zip(undisturbed, resumed, strict=True):
            known = now["outcome"] == "already known"
            assert known or now == before
            assert now["rule"] == (before["rule"] or ("same_reference" if known else ""))
        assert Counter(line["outcome"] for line in resumed)["already known"] >= stopped_at[-1]


async def test_neither_the_report_nor_the_terminal_names_anybody_or_their_number(
    desk: Desk, register: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.csv"
    ended = await ccp_aside("import", "referrals", str(register), "--report", str(file), env=desk.env)
    said = {"report": file.read_text(encoding="utf-8"), "terminal": ended.stdout + ended.stderr}
    for where, text in said.items():
        digits = re.sub(r"\s", "", text)
        words = set(re.findall(r"\w+", text))
        for row in rows_of(register):
            assert f"{row['given_name']} {row['family_name']}".casefold() not in text.casefold(), where
            assert row["family_name"] not in words, where
            assert not number(row) or number(row) not in digits, where
            assert not row["narrative"] or row["narrative"] not in text, where


HOSTILE = (
    '=HYPERLINK("http://x.example","click")',
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    " =1+1",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
)


async def test_a_cell_that_a_spreadsheet_would_run_is_shown_by_the_report_and_not_run(
    desk: Desk, tmp_path: Path
) -> None:
    sound = rows_of(SHIPPED)[0]
    register, report = tmp_path / "hostile.csv", tmp_path / "report.csv"
    with register.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(sound))
        writer.writeheader()
        for reference in HOSTILE:
            writer.writerow({**sound, "reference": reference})
        for place, cell in enumerate(HOSTILE):
            writer.writerow({**sound, "reference": f"CELL-{place}", "needs": cell, "narrative": cell})
    lines = await desk.bring_in(register, report)
    assert [line["outcome"] for line in lines] == ["refused"] * len(lines)
    assert [line["rule"] for line in lines[: len(HOSTILE)]] == ["reference_malformed"] * len(HOSTILE)
    with report.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    for cell in cells:
        assert not unicodedata.normalize("NFKC", cell).lstrip().startswith(("=", "+", "-", "@")), cell
        assert not cell.startswith(("\t", "\r", "\n")), cell


async def test_a_file_that_is_not_a_register_is_refused_whole_with_a_sentence(
    desk: Desk, tmp_path: Path
) -> None:
    other = tmp_path / "rota.csv"
    other.write_text("day,who\nMonday,Sam\n", encoding="utf-8")
    ended = await ccp_aside("import", "referrals", str(other), env=desk.env)
    assert ended.returncode == 2
    assert "the header lacks" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert await desk.product.log.head() == 0


async def test_an_import_without_a_product_says_what_to_start(tmp_path: Path) -> None:
    ended = await ccp_aside("import", "referrals", str(SHIPPED), env={"CCP_DATA": str(tmp_path / "nothing")})
    assert ended.returncode == 3
    assert "ccp up" in ended.stderr


async def test_the_log_alone_remembers_what_was_imported(desk: Desk, tmp_path: Path) -> None:
    """Nothing is kept beside the register: a copy of it under another name, in another place, is known too."""
    await desk.bring_in(SHIPPED, tmp_path / "first.csv")
    moved = tmp_path / "elsewhere" / "copy of register.csv"
    moved.parent.mkdir()
    moved.write_bytes(SHIPPED.read_bytes())
    head = await desk.product.log.head()
    await desk.bring_in(moved, tmp_path / "second.csv")
    assert await desk.product.log.head() == head
    assert sorted(path.name for path in moved.parent.iterdir()) == [moved.name]
