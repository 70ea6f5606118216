"""The catalogue as callers read it: what a command does, its fields, who may issue it and what may refuse it.

Made from the domain only, in shapes that HTTP and the command line share.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python

from adapters.fields import fields_of
from adapters.problems import status_of
from domain import catalogue
from domain.case.viewers import ViewerIsBarred
from domain.decisions import Decision
from domain.errors import (
    CommandIdReused,
    ConcurrentChange,
    DomainError,
    EffectiveInFuture,
    NotFound,
    NotPermitted,
    WrongStage,
)
from domain.meeting.state import WrongMeetingStage
from domain.rules import UnknownProgramme


class FieldView(BaseModel):
    """One field of a command."""

    name: str
    kind: str
    required: bool
    description: str
    default: Any = None
    about_a_person: bool = Field(
        description="personal data, or words of staff: never in workflows, logs or errors"
    )


class RefusalView(BaseModel):
    """One rule that may refuse a command."""

    code: str
    message: str
    status: int


class CommandView(BaseModel):
    """One command of the catalogue: what it does, its fields, who may issue it and what may refuse it."""

    name: str
    what: str
    roles: list[str]
    fields: list[FieldView]
    refusals: list[RefusalView]
    example: dict[str, Any]


def command_view(decision: Decision) -> CommandView:
    """One command of the catalogue, for people."""
    command = decision.command
    return CommandView(
        name=command.NAME,
        what=" ".join((command.__doc__ or "").split()),
        roles=sorted(catalogue.may_issue(command)),
        fields=[
            FieldView(
                name=field.name,
                kind=field.kind,
                required=field.required,
                description=field.description,
                default=to_jsonable_python(field.default),
                about_a_person=field.about_a_person,
            )
            for field in fields_of(command)
        ],
        refusals=[
            RefusalView(code=one.code, message=one.sentence({}), status=status_of(one))
            for one in refusals(decision)
        ],
        example=dict(command.EXAMPLE),
    )


def refusals(decision: Decision) -> tuple[type[DomainError], ...]:
    """Every rule that may refuse a command: its own first, then those that may refuse any."""
    kinds = {kind for _, kind in decision.reads}
    common: list[type[DomainError]] = [NotPermitted]
    if kinds - {"Moment", "Rules"} - decision.starts:
        common.append(NotFound)
    if "Case" in kinds:
        common += [WrongStage, ViewerIsBarred]
    if "Meeting" in kinds - decision.starts:
        common.append(WrongMeetingStage)
    if "Rules" in kinds:
        common.append(UnknownProgramme)
    common += [EffectiveInFuture, ConcurrentChange, CommandIdReused]
    return tuple(dict.fromkeys([*decision.refuses, *common]))
