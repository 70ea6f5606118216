"""`ccp do COMMAND`: any command of the catalogue, with an option for each of its fields. No command is known by name."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import click

from adapters.answers import Done, done
from adapters.cli.connect import run
from adapters.cli.failures import CommandRefused
from adapters.cli.output import note, print_json, print_pairs, say, words
from adapters.fields import Field, fields_of
from adapters.input import (
    FieldError,
    InvalidInput,
    command_from,
    instant_from,
    json_object,
    unkeepable,
)
from adapters.postgres.errors import LogError
from adapters.settings import Settings, load_settings
from domain import catalogue
from domain.application import Request, command_id_from
from domain.decisions import DECISIONS
from domain.errors import DomainError
from domain.messages import Actor, Channel, Command
from domain.roles import Role

if TYPE_CHECKING:
    from adapters.product import Product

ROLES = tuple(role.value for role in Role if role is not Role.SYSTEM)


class Do(click.Group):
    """One sub-command for each command of the catalogue, made when it is typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        return [command.NAME for command in catalogue.commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click gives it
        return _sub_command(DECISIONS[cmd_name].command) if cmd_name in DECISIONS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in DECISIONS and not args[0].startswith("-"):
            raise click.UsageError("There is no such command; `ccp commands` lists them.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click gives it
        with formatter.section("Commands"):
            formatter.write_dl([(command.NAME, _first_line(command)) for command in catalogue.commands()])


@click.group(cls=Do, subcommand_metavar="COMMAND [OPTIONS]")
def do() -> None:
    """Issue a command of the catalogue: it is done, or refused with the rule that refused it.

    Each field of the command is an option; `ccp commands COMMAND` explains them and shows an example to paste.
    Who acts comes from --as-person, --as-role and --as-agency, or from CCP_AS_PERSON, CCP_AS_ROLE and CCP_AS_AGENCY.

    \b
    Examples:
      ccp do start-triage --case-id 0b8f0e5a
      ccp do submit-referral --data @referral.json --key gmp-2027-00417
      ccp do submit-referral --form.given-name Robin --form.family-name Example …
    """


def option_name(path: Iterable[str]) -> str:
    """The option for a field: `form.given_name` → `--form.given-name`."""
    return "--" + ".".join(path).replace("_", "-")


def _first_line(command: type[Command]) -> str:
    return " ".join((command.__doc__ or "").split())


def _sub_command(command: type[Command]) -> click.Command:
    fields = fields_of(command)
    options: list[click.Parameter] = [
        _option(field, f"field_{number}") for number, field in enumerate(fields)
    ]
    # A command that has a field of its own by the name of a common option means that field.
    own = {option for parameter in options for option in parameter.opts}
    common = [one for one in _common() if own.isdisjoint(one.opts)]
    return click.Command(
        command.NAME,
        params=[*options, *common],
        callback=lambda **given: _issue(command, fields, given),
        help=f"{_first_line(command)}\n\nFor: {', '.join(sorted(catalogue.may_issue(command)))}.",
        epilog=f"\b\nRules, error codes and an example to paste:\n  ccp commands {command.NAME}",
    )


def _option(field: Field, name: str) -> click.Option:
    text = field.description or ("" if field.shape.choices else field.kind)
    if field.shape.choices and "one of" not in text:
        text = f"{text} ({', '.join(field.shape.choices)})".strip()
    if field.shape.many:
        how = "separated by commas, or the option again" if field.shape.comma else "the option again for each"
        text = f"{text}; {'one as JSON, ' if field.shape.nested else ''}{how}".removeprefix("; ")
    if field.required:
        text = f"{text}  [required]"
    option = option_name(field.path)
    if field.shape.yes_or_no and not field.shape.many:
        return click.Option([f"{option}/--no-{option[2:]}", name], default=None, help=text)
    metavar = (
        "JSON"
        if field.shape.nested
        else None
        if len(field.kind) > 20
        else field.kind.upper().replace(" ", "-")
    )
    return click.Option([option, name], multiple=field.shape.many, metavar=metavar or "TEXT", help=text)


def _common() -> list[click.Parameter]:
    return [
        click.Option(
            ["--data", "data"], metavar="JSON|@FILE|-", help="The command as JSON; options go before it."
        ),
        click.Option(["--as-person", "as_person"], metavar="REF", help="Who acts (CCP_AS_PERSON)."),
        click.Option(["--as-role", "as_role"], metavar="ROLE", help="In which role (CCP_AS_ROLE)."),
        click.Option(
            ["--as-agency", "as_agency"], metavar="AGENCY", help="For which agency (CCP_AS_AGENCY)."
        ),
        click.Option(
            ["--on-behalf-of", "on_behalf_of"], metavar="REF", help="For whom, if not for themselves."
        ),
        click.Option(
            ["--key", "key"],
            metavar="KEY",
            help="Idempotency key: the same key again gives the first answer and adds nothing. Made when left out.",
        ),
        click.Option(
            ["--effective-at", "effective_at"],
            metavar="INSTANT",
            help="When it happened, if not now; in Europe/London when no offset is given.",
        ),
        click.Option(["--reason", "reason"], metavar="TEXT", help="Why; kept with the events."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON instead of text."),
    ]


def _issue(command: type[Command], fields: tuple[Field, ...], given: Mapping[str, Any]) -> None:
    plain = _plain(fields, given)
    actor = actor_from(load_settings(), given)
    key = _key(given["key"])
    reason = _line(given.get("reason"), "--reason", 4000)
    effective_at = instant_from(given["effective_at"], "--effective-at") if given["effective_at"] else None
    # Once before connecting, so that a slip is told even when nothing runs; ids are completed below.
    _checked(command, {**plain, **({"case_id": _ANY} if _is_short(plain.get("case_id")) else {})})

    async def work(product: Product) -> Done:
        if _is_short(plain.get("case_id")):
            plain["case_id"] = str(await product.read_models.resolve_case(plain["case_id"]))
        order = Request(
            command=_checked(command, plain),
            actor=actor,
            command_id=command_id_from(key, agency=actor.agency),
            effective_at=effective_at,
            reason=reason,
        )
        return await done(await product.application.execute(order), order.command, product.log)

    try:
        answer = run(work)
    except DomainError as refused:
        raise CommandRefused(command, refused) from None
    except (LogError, OSError):
        # Nobody knows whether it was recorded; under the same key it can be sent again without harm.
        if given["key"] is None and not given["as_json"]:
            note(f"To send it again without doubling it, add: --key {key}")
        raise
    if given["as_json"]:
        print_json({**answer.model_dump(mode="json", exclude_none=True), "idempotency_key": key})
    else:
        _show(answer)


_ANY = "00000000-0000-0000-0000-000000000000"


def _is_short(case_id: object) -> bool:
    """Whether this is no whole id but may be the beginning of one, or a register's reference."""
    if not isinstance(case_id, str) or not case_id.strip():
        return False
    try:
        UUID(case_id)
    except ValueError:
        return True
    return False


def _checked(command: type[Command], plain: Mapping[str, Any]) -> Command:
    try:
        return command_from(command, plain)
    except InvalidInput as refused:
        options = [
            FieldError(option_name(one.field.split(".")) if one.field else "", one.rule, one.value)
            for one in refused.errors
        ]
        raise InvalidInput(*options) from None


def _plain(fields: tuple[Field, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The command as plain values: what --data says, and over it what the options say."""
    plain = _data(given["data"])
    for number, field in enumerate(fields):
        value = given[f"field_{number}"]
        if value is None or value == ():
            continue
        part = plain
        for name in field.path[:-1]:
            inner = part.setdefault(name, {})
            if not isinstance(inner, dict):
                raise InvalidInput(FieldError(option_name(field.path[:-1]), "must be an object"))
            part = inner
        part[field.path[-1]] = _many(field, value) if field.shape.many else value
    return plain


def _many(field: Field, values: tuple[str, ...]) -> list[Any]:
    if field.shape.nested is not None:
        try:
            return [json_object(value) for value in values]
        except InvalidInput as refused:
            raise InvalidInput(
                *[FieldError(option_name(field.path), one.rule) for one in refused.errors]
            ) from None
    if field.shape.comma:
        return [part.strip() for value in values for part in value.split(",") if part.strip()]
    return list(values)


def _data(given: str | None) -> dict[str, Any]:
    if given is None:
        return {}
    try:
        if given == "-":
            return json_object(sys.stdin.buffer.read())
        if given.startswith("@"):
            return json_object(Path(given[1:]).expanduser().read_bytes())
        return json_object(given)
    except InvalidInput as refused:
        errors = [FieldError(f"--data {one.field}".strip(), one.rule) for one in refused.errors]
        raise InvalidInput(*errors) from None
    except OSError as error:
        raise InvalidInput(FieldError("--data", f"the file cannot be read: {error.strerror}")) from None


def actor_from(settings: Settings, given: Mapping[str, Any]) -> Actor:
    said = {
        "person": given["as_person"] or settings.as_person,
        "role": given["as_role"] or settings.as_role,
        "agency": given["as_agency"] or settings.as_agency,
    }
    errors = [
        FieldError(f"--as-{name}", f"is required: say who acts, or set CCP_AS_{name.upper()}")
        for name, value in said.items()
        if not value
    ]
    if said["role"] and said["role"] not in ROLES:
        errors.append(FieldError("--as-role", f"must be one of {', '.join(ROLES)}"))
    if errors:
        raise InvalidInput(*errors)
    role = Role(str(said["role"]))
    return Actor(
        person=_line(said["person"], "--as-person", 120) or "",
        role=role,
        agency=_line(said["agency"], "--as-agency", 120) or "",
        on_behalf_of=_line(given["on_behalf_of"], "--on-behalf-of", 120),
        channel=Channel.ADAPTER if role is Role.ADAPTER else Channel.HUMAN,
    )


def _line(given: str | None, option: str, longest: int) -> str | None:
    if given is None:
        return None
    text = given.strip()
    if not 1 <= len(text) <= longest or unkeepable(text) or not text.isprintable():
        raise InvalidInput(FieldError(option, f"must be 1 to {longest} printable characters on one line"))
    return text


def _key(given: str | None) -> str:
    if given is None:
        return str(uuid4())
    if not 1 <= len(given) <= 200 or not given.isprintable():
        raise InvalidInput(FieldError("--key", "must be a UUID or 1 to 200 printable characters"))
    return given


def _show(answer: Done) -> None:
    if answer.repeated:
        say(f"Done before under this key ({answer.command}); nothing was added.")
    else:
        say(f"Done: {answer.command}, recorded {words(answer.recorded_at)}.")
    ids = answer.model_dump(exclude_none=True)
    print_pairs(
        [
            *(
                (name.removesuffix("_id"), ids[name])
                for name in ids
                if name.endswith("_id") and name != "command_id"
            ),
            ("actions", answer.action_ids),
            ("events", [event.topic for event in answer.events]),
            ("position", answer.position),
        ],
        indent=2,
    )
