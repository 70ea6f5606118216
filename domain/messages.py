"""The shape of every command and event, and who did it, when and why. No stage's words live here.

Personal fields are marked with the person they are about, so that they can be encrypted per person without any event
changing. Whatever is not marked may leave the log: it goes to workflows, logs and errors. Hence the rule, held by a
test: every free text of an event is marked `Personal` or `StaffText`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, NewType, Self, get_args, get_origin
from uuid import UUID, uuid5

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticSerializationError

from domain.roles import Permission, Role

CaseId = NewType("CaseId", UUID)
PersonId = NewType("PersonId", UUID)
MeetingId = NewType("MeetingId", UUID)
WorkerId = NewType("WorkerId", UUID)
ActionId = NewType("ActionId", UUID)
GrantId = NewType("GrantId", UUID)
AuthorityId = NewType("AuthorityId", UUID)
OutcomeId = NewType("OutcomeId", UUID)
ConcernId = NewType("ConcernId", UUID)
EscalationId = NewType("EscalationId", UUID)
BlockerId = NewType("BlockerId", UUID)
ConversationId = NewType("ConversationId", UUID)


def _as_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_as_utc)]
"""An instant with its offset; stored in UTC, shown in Europe/London."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field as personal data about the person whose id stands in the field `subject`."""

    subject: str = "person_id"


@dataclass(frozen=True, slots=True)
class Staff:
    """Marks free text written by or about staff: kept in the log, never in workflows, logs or errors."""


Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$")]
"""A word from reference data: safe to show anywhere."""
AgencyName = Annotated[str, StringConstraints(min_length=1, max_length=120)]
"""An agency by its name as it was at the time."""
StaffRef = Annotated[str, Staff(), StringConstraints(min_length=1, max_length=120)]
"""How a member of staff is known to the product: a reference such as officer-1. It may be a name, so it is marked."""
PersonalText = Annotated[str, Personal(), StringConstraints(max_length=20_000)]
StaffText = Annotated[str, Staff(), StringConstraints(max_length=4_000)]


class Channel(StrEnum):
    """By which way a command came in."""

    HUMAN = "human"
    ADAPTER = "adapter"
    TIMER = "timer"
    MIGRATION = "migration"


class Message(BaseModel):
    """A frozen value; unknown fields are refused in commands and forgiven in events."""

    # A refused value may be personal data, so it must not stand in pydantic's own message.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Actor(Message):
    """Who acts: person, role and agency, and on whose behalf if it is not their own."""

    person: StaffRef
    role: Role
    agency: AgencyName
    on_behalf_of: StaffRef | None = None
    channel: Channel = Channel.HUMAN


class Command(Message):
    """An order in the imperative, known everywhere by its `NAME`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    NAME: ClassVar[str]
    PERMISSION: ClassVar[Permission]
    EXAMPLE: ClassVar[Mapping[str, Any]]

    @model_validator(mode="after")
    def _text_can_be_stored(self) -> Self:
        """No NUL and no half character: neither PostgreSQL nor JSON can hold them."""
        try:
            stored = self.model_dump_json()
        except PydanticSerializationError:
            raise PydanticCustomError("text_not_storable", "a text holds half a character") from None
        if "\\u0000" in stored.replace("\\\\", ""):
            raise PydanticCustomError("text_not_storable", "a text holds a NUL character")
        return self


EVENTS: dict[str, type[Event]] = {}
"""Every event of the product by its topic."""


class Event(Message):
    """A fact in the past tense. `TOPIC` is its name in the log for ever, never a Python path."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TOPIC: ClassVar[str]
    SCHEMA_VERSION: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "TOPIC" in cls.__dict__ and EVENTS.setdefault(cls.TOPIC, cls) is not cls:
            raise TypeError(f"two events claim the topic {cls.TOPIC}")

    @property
    @abstractmethod
    def stream_id(self) -> UUID:
        """The stream this event belongs to."""

    def open_fields(self) -> dict[str, object]:
        """The fields that may leave the log: identifiers, codes, numbers and instants, nothing marked."""
        return {name: getattr(self, name) for name in open_field_names(type(self))}


def marks(model: type[BaseModel]) -> Iterator[tuple[str, Personal | Staff]]:
    """Each marked field of a message with its mark, also where the mark sits inside a union or a collection."""
    for name, field in model.model_fields.items():
        for mark in (*field.metadata, *_metadata_within(field.annotation)):
            if isinstance(mark, Personal | Staff):
                yield name, mark


def _metadata_within(annotation: object) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from (mark for _, mark in marks(annotation))
    for inner in get_args(annotation):
        yield from _metadata_within(inner)


_OPEN: dict[type[BaseModel], tuple[str, ...]] = {}


def open_field_names(model: type[BaseModel]) -> tuple[str, ...]:
    """Names of the fields that carry no mark."""
    if model not in _OPEN:
        marked = {name for name, _ in marks(model)}
        _OPEN[model] = tuple(name for name in model.model_fields if name not in marked)
    return _OPEN[model]


class CaseEvent(Event):
    """A fact of one case; it always names the person too, whose key its marked fields will be encrypted with."""

    case_id: CaseId
    person_id: PersonId

    @property
    def stream_id(self) -> UUID:
        return self.case_id


class PersonEvent(Event):
    """A fact of one person's identity record."""

    person_id: PersonId

    @property
    def stream_id(self) -> UUID:
        return self.person_id


class MeetingEvent(Event):
    """A fact of one forum meeting."""

    meeting_id: MeetingId

    @property
    def stream_id(self) -> UUID:
        return self.meeting_id


class WorkerEvent(Event):
    """A fact of one key worker."""

    worker_id: WorkerId

    @property
    def stream_id(self) -> UUID:
        return self.worker_id


@dataclass(frozen=True, slots=True)
class Moment:
    """What a decision needs to know about the here and now: it reads no clock and draws no id itself.

    `now` is when we learn of it: our clocks start here. `effective_at` is when it happened: reports use it, and clocks
    that count from a fact of the person's life, such as the last contact or a yes.
    """

    now: datetime
    effective_at: datetime
    actor: Actor
    command_id: UUID

    def new_id(self, what: str) -> UUID:
        """The same command always makes the same id, so that trying it again doubles nothing."""
        return uuid5(self.command_id, what)

    @property
    def by_agency(self) -> str:
        return self.actor.agency


class Envelope(Message):
    """What is written beside every event: who, on whose behalf, what for, when it happened and when it was recorded."""

    event_id: UUID
    command_id: UUID
    command: str
    recorded_at: Instant
    effective_at: Instant
    actor: Actor
    reason: StaffText | None = None
    correlation_id: UUID
    causation_id: UUID | None = None
    programme_version: str | None = None
    schema_version: int = 1
    body_digest: str | None = None
    """Of the command's first event: by what the same command id with another body is told. Keyed: it gives nothing away."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the log holds it. `position` is its place in the whole log, `version` its place in its stream (from 1)."""

    position: int
    stream_id: UUID
    version: int
    event: Event
    envelope: Envelope


Day = date
