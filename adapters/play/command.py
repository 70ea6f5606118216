"""`ccp play`: plays stories one after the other on one set of servers, prints them, and says whether they held.

Exit codes: 0 every expectation held; 1 some did not; 2 a story cannot be played as it is written.
"""

# ruff: noqa: D301, PLC0415 - \b is click's mark for text that keeps its lines; Temporal loads slowly, and `--help` goes without

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapters.cli.output import console, json_option, print_json, say
from adapters.input import FieldError, InvalidInput
from adapters.logs import configure_logging
from adapters.loop import run_main
from adapters.play.rehearsal import Play, rehearse
from adapters.play.report import StoryReport
from adapters.play.story import StoryInvalid, read_story
from adapters.settings import LogLevel, load_settings
from domain.programmes import Programme, ProgrammeInvalid
from domain.rules import Rules, UnknownProgramme, load_rules

if TYPE_CHECKING:
    from adapters.play.narrator import Narrator
    from adapters.play.theatre import Theatre

HELD, DID_NOT_HOLD = 0, 1


@click.command("play")
@click.argument(
    "files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--programme",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Play under the programme in this TOML file, in place of the one of the same name.",
)
@click.option(
    "--keep", is_flag=True, help="Leave the database of the (one) story, and say how to look into it."
)
@json_option
def play(files: tuple[Path, ...], programme: Path | None, keep: bool, as_json: bool) -> int:
    """Play stories against the real engine in virtual time, and check what they expect.

    A story is a TOML file: who does what when, and what must follow. A year takes seconds, on a database and servers of
    its own that are gone afterwards. The format is described in docs/stories.md.

    \b
    Example of a story, kept in late.toml:
      title = "Nobody decides"
      start = 2027-01-04T09:00:00                # Europe/London when no offset is given
      [[step]]
      after = "30m"                              # or at = 2027-01-04T09:30:00
      as = { person = "officer-1", role = "referrer", agency = "Greater Manchester Police" }
      do = "submit-referral"                     # any command: `ccp commands`
      case = "robin"
      expect = { events = ["ReferralSubmitted"], stage = "Triage" }
      [step.data.form]                           # its fields: `ccp commands submit-referral`
      given_name = "Robin"
      family_name = "Example"
      date_of_birth = "1985-03-31"
      ward = "Ardwick"
      needs = ["homelessness", "mental_health", "nuisance_calls"]
      offer = "Joint visits"
      person_aware = true
      [[step]]
      after = "2wd"                              # nobody acts: time passes
      case = "robin"
      expect = { events = ["TriageOverdue"] }

    \b
    Examples:
      ccp play late.toml
      ccp play stories/*.toml
      ccp play late.toml --programme changed.toml
    """
    rules = _rules(programme)
    if keep and len(files) > 1:
        raise click.UsageError(
            "--keep is for one story: the database of one is kept.", click.get_current_context()
        )
    plays = _rehearsed(files, rules)
    configure_logging(load_settings().model_copy(update={"log_level": LogLevel.ERROR}))
    reports = run_main(_play_all(plays, rules, keep=keep, quiet=as_json))
    passed = all(report.passed for report in reports)
    if as_json:
        print_json({"passed": passed, "stories": [report.as_json() for report in reports]})
    elif len(reports) > 1:
        _summary(reports)
    return HELD if passed else DID_NOT_HOLD


def _rules(file: Path | None) -> Rules:
    if file is None:
        return load_rules()
    try:
        given = Programme.from_toml(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise InvalidInput(FieldError(str(file), f"cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError:
        raise InvalidInput(FieldError(str(file), "must be TOML in UTF-8")) from None
    except ProgrammeInvalid as refused:
        raise InvalidInput(*(FieldError(str(file), problem) for problem in refused.problems)) from None
    try:
        return load_rules().under(given)
    except UnknownProgramme as unknown:
        raise InvalidInput(FieldError(str(file), str(unknown))) from None


def _rehearsed(files: Sequence[Path], rules: Rules) -> list[Play]:
    """Every story, looked at before any server is started."""
    plays: list[Play] = []
    problems: list[FieldError] = []
    for file in files:
        try:
            plays.append(rehearse(read_story(file), str(file), rules))
        except StoryInvalid as refused:
            problems += refused.errors
    if problems:
        raise StoryInvalid(*problems)
    return plays


async def _play_all(plays: Sequence[Play], rules: Rules, *, keep: bool, quiet: bool) -> list[StoryReport]:
    from adapters.play.narrator import Narrator
    from adapters.play.theatre import Theatre

    narrator = None if quiet else Narrator(console())
    reports = []
    async with Theatre.opened(keep=keep) as theatre:
        for number, one in enumerate(plays, start=1):
            if narrator and number > 1:
                narrator.console.print()
            reports.append(await _play_one(one, rules, theatre, narrator, number=number, keep=keep))
    if keep and not quiet:
        _say_how_to_look(theatre.directory)
    # The Temporal client's threads must have gone before the interpreter does.
    await asyncio.sleep(0.05)
    return reports


async def _play_one(
    one: Play, rules: Rules, theatre: Theatre, narrator: Narrator | None, *, number: int, keep: bool
) -> StoryReport:
    from adapters.play.teller import Teller
    from adapters.play.theatre import on_stage

    async with AsyncExitStack() as stack:
        dsn = theatre.kept_database if keep else await stack.enter_async_context(theatre.fresh_database())
        product = await stack.enter_async_context(
            on_stage(dsn, theatre.virtual, rules, one.start, task_queue=f"story-{number}")
        )
        report = await Teller(one, product, theatre.virtual, narrator).tell()
        if keep:
            report.kept_in = str(theatre.directory)
        return report


def _summary(reports: Sequence[StoryReport]) -> None:
    say("")
    for report in reports:
        failed = sum(len(step.failures) for step in report.told)
        came_of_it = "held" if report.passed else f"{failed} did not hold"
        say(
            f"{'✓' if report.passed else '✗'} {report.title}   {report.file}   {came_of_it}, {report.seconds:.1f} s"
        )
    good = sum(report.passed for report in reports)
    say(f"{good} of {len(reports)} stories held.")


def _say_how_to_look(directory: Path) -> None:
    say("")
    say(f"The database is kept in {directory}. To look into it:")
    say(f"  CCP_DATA={shlex.quote(str(directory))} ccp up")
    say("and remove the directory when you are done.")
