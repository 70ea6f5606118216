"""`ccp`: the commands of the command line, each loaded only when it is typed, and the one place where errors become words.

Exit codes: 0 done; 1 refused by a rule; 2 wrong usage or input; 3 the product cannot be reached; 70 an error of ours.
"""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

REFUSED, WRONG_USAGE, NOT_REACHABLE, DEFECT, INTERRUPTED = 1, 2, 3, 70, 130

COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("adapters.cli.servers:up", "Run the whole product on this machine."),
    "demo": (
        "adapters.demo:demo_command",
        "Play one resident's story, then start the product with a register.",
    ),
    "play": ("adapters.play.command:play", "Play stories in virtual time, and check what they expect."),
    "do": ("adapters.cli.do:do", "Issue a command of the catalogue."),
    "commands": (
        "adapters.cli.catalogue:commands",
        "What can be done: fields, roles, rules, an example to paste.",
    ),
    "case": ("adapters.cli.cases:case", "One case: as it stands, its events, its story."),
    "cases": ("adapters.cli.cases:cases", "Find cases."),
    "caseload": (
        "adapters.cli.allocation:caseload",
        "Who carries what: cases, points and limits of key workers.",
    ),
    "workload": ("adapters.cli.allocation:workload", "What each case on each caseload weighs."),
    "waiting-list": (
        "adapters.cli.allocation:waiting_list",
        "Who waits for a key worker, first in line first.",
    ),
    "allocation": ("adapters.cli.allocation:allocation", "What giving a case to a key worker would mean."),
    "actions": ("adapters.cli.work:actions", "What somebody took on: open, overdue, escalated, blocked."),
    "parked": (
        "adapters.cli.work:parked",
        "Cases that nothing is done for: no contact, nothing in progress.",
    ),
    "due": ("adapters.cli.cases:due", "What is due or overdue, and for whom."),
    "agenda": ("adapters.cli.meetings:agenda", "A forum meeting and its items."),
    "meeting": (
        "adapters.cli.meetings:meeting",
        "A meeting's pack for one agency; the calendar of meetings.",
    ),
    "audit": ("adapters.cli.audit:audit", "Who did what, the engine included."),
    "import": ("adapters.register.cli:import_group", "Bring in a register of referrals."),
    "safeguarding": ("adapters.cli.protection:safeguarding", "Safeguarding concerns; for their leads alone."),
    "escalations": (
        "adapters.cli.protection:escalations",
        "What was put to a higher level, and who must answer.",
    ),
    "outbox": (
        "adapters.cli.post:outbox",
        "Messages to people: what arrived, what failed, and trying again.",
    ),
    "mailbox": ("adapters.cli.post:mailbox", "The messages that lie in the local mailbox."),
    "workflows": ("adapters.cli.workflows:workflows", "What waits and which timer fires next."),
    "projections": (
        "adapters.cli.projections:projections_group",
        "The read models: how far they are, and whether they are right.",
    ),
    "serve": ("adapters.cli.servers:serve", "Run the HTTP API alone."),
    "worker": ("adapters.cli.servers:worker", "Run the worker of the workflows alone."),
    "migrate": ("adapters.cli.servers:migrate", "Bring the database up to date."),
}
"""Name → where it is, and what it does; so that the list of commands needs none of them."""


class Root(click.Group):
    """The group `ccp`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click gives it
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click gives it
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name or "ccp", complete_var, standalone_mode=False, **extra)
        arguments = list(sys.argv[1:] if args is None else args)
        sys.exit(self._run(arguments, complete_var, extra))

    def _run(self, arguments: list[str], complete_var: str | None, extra: Mapping[str, Any]) -> int:
        try:
            ended = super().main(arguments, "ccp", complete_var, standalone_mode=False, **extra)
        except click.exceptions.Exit as asked:
            return asked.exit_code
        except (click.Abort, KeyboardInterrupt):
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has seen enough; keep Python from saying so when it closes the stream.
            sys.stdout = None
            return 0
        except Exception as error:  # noqa: BLE001 - every error becomes one sentence and a code here, nowhere else
            from adapters.cli.failures import report

            return report(error, as_json="--json" in arguments)
        return ended if isinstance(ended, int) else 0


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `ccp demo`, or with `ccp up` and, in another terminal, `ccp commands`.",
)
@click.version_option(package_name="coordinated-care-pathway", prog_name="ccp")
def root() -> None:
    """The coordinated care pathway, from referral to step-down.

    \b
    Examples:
      ccp up                                     run the product on this machine
      ccp commands submit-referral               what a referral needs, with an example
      ccp do submit-referral --data @form.json   issue a command
      ccp cases --stage Triage                   what waits for triage
      ccp due                                    what is due, soonest first
    """


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    root.main()
    raise SystemExit(0)


if __name__ == "__main__":
    main()
