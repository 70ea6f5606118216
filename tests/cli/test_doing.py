"""`ccp do`: JSON and options together, keys, who acts, and what somebody is told when it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.postgres.event_log import PostgresEventLog
from tests.cli.conftest import Ccp

FORM = {
    "given_name": "Robin",
    "family_name": "Example",
    "date_of_birth": "1985-03-31",
    "ward": "Ardwick",
    "needs": ["hoarding"],
    "offer": "Neighbourhood officer joins the first visit",
    "person_aware": True,
}
SUBMIT = ("do", "submit-referral", "--data", json.dumps({"form": FORM}))


@pytest.fixture(autouse=True)
def somebody_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCP_AS_PERSON", "officer-7")
    monkeypatch.setenv("CCP_AS_ROLE", "referrer")
    monkeypatch.setenv("CCP_AS_AGENCY", "Greater Manchester Police")


async def test_the_same_key_again_adds_nothing(running: Callable[..., Any], log: PostgresEventLog) -> None:
    first = await running(*SUBMIT, "--key", "gmp-1")
    assert first.exit_code == 0
    assert first.out.startswith("Done: submit-referral, recorded ")
    again = await running(*SUBMIT, "--key", "gmp-1")
    assert again.exit_code == 0
    assert "nothing was added" in again.out
    assert await log.head() == 3
    changed = await running(*SUBMIT, "--form.given-name", "Kim", "--key", "gmp-1")
    assert (changed.exit_code, "(command_id_reused)" in changed.err) == (1, True)
    assert "Kim" not in changed.err
    assert await log.head() == 3
    other = await running(
        "do", "start-triage", "--key", "gmp-1", "--as-role", "coordinator", "--case-id", _case(first)
    )
    assert (other.exit_code, "(command_id_reused)" in other.err) == (1, True)


def _case(done: Any) -> str:
    return next(line.split()[1] for line in done.out.splitlines() if line.strip().startswith("case"))


async def test_options_go_before_what_the_data_says(
    running: Callable[..., Any], log: PostgresEventLog
) -> None:
    done = await running(
        *SUBMIT,
        *("--form.given-name", "Kim", "--form.needs", "debt,isolation", "--form.needs", "gambling"),
        *("--no-form.person-aware", "--form.not-aware-reason", "Not safe to ask yet"),
        *("--urgency", "urgent", "--effective-at", "2026-03-30T09:15", "--reason", "Rang at night"),
        *("--on-behalf-of", "officer-9", "--json"),
    )
    assert done.exit_code == 0, done.out
    (submitted,) = [
        one for one in await log.read_stream(done.json["case_id"]) if one.event.TOPIC == "ReferralSubmitted"
    ]
    form = submitted.event.model_dump()["form"]
    assert (form["given_name"], form["family_name"]) == ("Kim", "Example")
    assert form["needs"] == ("debt", "isolation", "gambling")
    assert form["person_aware"] is False
    assert submitted.envelope.effective_at.isoformat() == "2026-03-30T08:15:00+00:00"
    assert submitted.envelope.reason == "Rang at night"
    assert submitted.envelope.actor.on_behalf_of == "officer-9"


async def test_the_data_may_come_from_a_file_or_from_a_pipe(
    running: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "referral.json"
    file.write_text(json.dumps({"form": FORM}), encoding="utf-8")
    assert (await running("do", "submit-referral", "--data", f"@{file}")).exit_code == 0
    piped = json.dumps({"form": {**FORM, "given_name": "Kim", "date_of_birth": "1990-01-02"}})
    assert (await running("do", "submit-referral", "--data", "-", stdin=piped)).exit_code == 0


async def test_a_case_may_be_meant_by_the_beginning_of_its_id_or_by_its_reference(
    running: Callable[..., Any],
) -> None:
    done = (await running(*SUBMIT, "--source-reference", "GMP-2027-00417", "--json")).json
    as_coordinator = ("--as-role", "coordinator", "--as-agency", "MCC Community Safety")
    started = await running("do", "start-triage", "--case-id", "gmp-2027-00417", *as_coordinator, "--json")
    assert started.json["case_id"] == done["case_id"]
    again = await running("do", "confirm-eligible", "--case-id", done["case_id"][:8], *as_coordinator)
    assert (again.exit_code, "(not_eligible)" in again.err) == (1, True)


async def test_a_refusal_is_one_sentence_with_its_code(running: Callable[..., Any]) -> None:
    refused = await running(*SUBMIT, "--form.offer", " ")
    assert refused.exit_code == 1
    assert refused.out == ""
    assert refused.err == (
        "Refused (referrer_offer_required): offer: every referral comes with the referrer's own offer to play a part.\n"
    )
    as_json = await running(*SUBMIT, "--form.offer", " ", "--json")
    assert as_json.exit_code == 1
    assert as_json.json["code"] == "referrer_offer_required"
    assert as_json.json["errors"][0]["field"] == "form.offer"


NOT_UNDERSTOOD: list[tuple[tuple[str, ...], str]] = [
    (("do", "start-triage"), "Not understood (invalid_input): --case-id: is required"),
    (("do", "submit-referral", "--form.given-name", "Robin", "Quill"), "argument too many"),
    (("do", "submit-referral", "--urgency", "rutine"), "--urgency: must be one of routine, urgent"),
    (("do", "submit-referral", "--form.ndta", "a,b"), "--form.ndta.0: must be a whole number"),
    (("do", "submit-referral", "--data", "{"), "--data: is not JSON"),
    (("do", "submit-referral", "--data", '{"form": 3}', "--form.ward", "x"), "--form: must be an object"),
    (("do", "submit-referral", "--data", "@/nowhere"), "--data: the file cannot be read"),
    (
        ("do", "submit-referral", "--data", '{"form": {"nam": 1}}'),
        "--form.nam: is not a field of this command",
    ),
    (("do", "start-triage", "--case-id", "7", "--as-role", "wizard"), "--as-role: must be one of"),
    (("do", "start-triage", "--case-id", "7", "--as-person", " "), "--as-person: must be 1 to 120"),
    (
        ("do", "start-triage", "--case-id", "7", "--effective-at", "soon"),
        "--effective-at: must be a date and time",
    ),
    (("do", "start-triage", "--case-id", "7", "--key", "a\x07b"), "--key: must be a UUID or 1 to 200"),
    (("do", "make-tea"), "There is no such command; `ccp commands` lists them"),
    (("commands", "make-tea"), "There is no such command; `ccp commands` lists them"),
    (("do", "start-triage", "--cas-id", "7"), "--cas-id"),
    (("make-tea",), "No such command 'make-tea'"),
    (("due", "--role", "wizard"), "--role: must be one of"),
    (("due", "--until", "soon"), "--until: must be a date and time"),
    (("cases", "--stage", "Lost"), "--stage: must be one of"),
    (("cases", "--worker", "7"), "--worker: must be a whole id"),
    (("cases", "--limit", "0"), "--limit"),
    (("workflows", "list", "--kind", "tea"), "--kind: must be one of"),
]


def test_what_cannot_be_understood_is_told_before_anything_is_opened(ccp: Ccp) -> None:
    for line, told in NOT_UNDERSTOOD:
        answer = ccp(*line)
        assert answer.exit_code == 2, line
        assert told in answer.err, (line, answer.err)
        assert "Quill" not in answer.err
        as_json = ccp(*line, "--json")
        assert as_json.exit_code == 2, line
        assert as_json.json["code"] in ("invalid_input", "wrong_usage")


def test_without_who_acts_nothing_is_done(ccp: Ccp, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CCP_AS_PERSON", "CCP_AS_ROLE", "CCP_AS_AGENCY"):
        monkeypatch.delenv(name)
    answer = ccp("do", "start-triage", "--case-id", "7")
    assert answer.exit_code == 2
    for name in ("person", "role", "agency"):
        assert f"--as-{name}: is required: say who acts, or set CCP_AS_{name.upper()}" in answer.err


def test_when_nothing_runs_somebody_is_told_what_to_type(ccp: Ccp) -> None:
    case = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
    for line in (
        ("do", "start-triage", "--case-id", case),
        ("case", "show", case),
        ("cases",),
        ("caseload",),
        ("due",),
        ("agenda", "ardwick-longsight"),
        ("workflows", "list"),
        ("workflows", "show", "triage-1"),
        ("migrate",),
    ):
        answer = ccp(*line)
        assert answer.exit_code == 3, line
        assert "ccp up" in answer.err, line
        assert ccp(*line, "--json").json["code"] == "product_not_running"


def test_a_database_that_is_away_is_told_in_a_sentence(ccp: Ccp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ccp:secret@127.0.0.1:9/ccp")
    answer = ccp("cases")
    assert answer.exit_code == 3
    assert "(log_unavailable)" in answer.err
    assert "secret" not in answer.err


def test_a_temporal_that_is_away_is_told_in_a_sentence(ccp: Ccp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    answer = ccp("workflows", "list")
    assert answer.exit_code == 3
    assert "(temporal_unavailable)" in answer.err


def test_a_setting_that_cannot_be_used_is_told_in_a_sentence(
    ccp: Ccp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCP_PORT", "many")
    answer = ccp("cases")
    assert answer.exit_code == 2
    assert "(setting_invalid)" in answer.err
    assert "CCP_PORT" in answer.err


async def test_a_database_without_tables_is_told_in_a_sentence(
    ccp: Ccp, monkeypatch: pytest.MonkeyPatch, postgres: Any
) -> None:
    import asyncio

    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("CREATE DATABASE bare_of_tables")
    monkeypatch.setenv("DATABASE_URL", postgres.dsn_for(database="bare_of_tables"))
    answer = await asyncio.to_thread(ccp, "cases")
    await connection.execute("DROP DATABASE bare_of_tables WITH (FORCE)")
    await connection.close()
    assert answer.exit_code == 3, answer.err
    assert "(log_not_ready)" in answer.err


async def test_no_personal_data_is_in_any_error(running: Callable[..., Any]) -> None:
    planted = {**FORM, "given_name": "Zebedee", "family_name": "Quillfeather", "nhs_number": "9990000019"}
    for change in (
        {},
        {"offer": ""},
        {"ward": "Zebedee"},
        {"date_of_birth": "Zebedee"},
        {"needs": "Zebedee"},
        {"Zebedee Q": 1},
    ):
        answer = await running("do", "submit-referral", "--data", json.dumps({"form": {**planted, **change}}))
        assert answer.exit_code in (1, 2)
        assert "Zebedee" not in answer.err
        assert "9990000019" not in answer.err
