"""Conversation: what is talked over before anybody refers: advice, a signpost, or the way to a referral.

It belongs to no case and opens none; a referral that follows names it. Whoever called is not the person it is about,
who may not even be known by name.
Source: stage 0 and machine A, RecordConversation (domain reference 2.2, 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from domain.decisions import decides
from domain.errors import RuleBroken
from domain.messages import (
    AgencyName,
    Command,
    ConversationId,
    Event,
    Moment,
    Personal,
    StaffRef,
)
from domain.roles import Permission

Outcome = Literal[
    "advice_only", "signpost", "early_help", "proceed_to_referral", "safeguarding", "no_further_action"
]
"""Source: stage 0, allowed outcomes (domain reference 2.2)."""

# Nobody is a subject of the log yet, so what was said is marked with the conversation itself.
Said = Annotated[str, Personal(subject="conversation_id"), StringConstraints(max_length=20_000)]


# -- events ----------------------------------------------------------------------------------------------------------


class ConversationRecorded(Event):
    """Somebody asked for advice about a person, and got an answer."""

    TOPIC: ClassVar[str] = "ConversationRecorded"

    conversation_id: ConversationId
    caller: StaffRef
    caller_agency: AgencyName
    concern: Said
    advice: Said
    outcome: Outcome

    @property
    def stream_id(self) -> UUID:
        return self.conversation_id


# -- rules -----------------------------------------------------------------------------------------------------------


class CallerNotIdentified(RuleBroken):
    """caller: a conversation is recorded with who called; without a caller nobody can be called back."""

    code = "caller_not_identified"


# -- commands --------------------------------------------------------------------------------------------------------


class RecordConversation(Command):
    """Record a conversation before a referral: what it was about, the advice, and how it ended."""

    NAME: ClassVar[str] = "record-conversation"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONVERSATION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "caller": "nursery-manager-1",
        "caller_agency": "Longsight Nursery",
        "concern": "A parent who does not answer the door any more",
        "advice": "Speak with the health visitor first",
        "outcome": "advice_only",
    }

    caller: StaffRef | None = Field(None, description="who called, as they are known to the product")
    caller_agency: AgencyName
    concern: Said = Field(min_length=1)
    advice: Said = ""
    outcome: Outcome


@decides(RecordConversation, refuses=(CallerNotIdentified,))
def record_conversation(command: RecordConversation, moment: Moment) -> Sequence[Event]:
    if command.caller is None:
        raise CallerNotIdentified
    return [
        ConversationRecorded(
            conversation_id=ConversationId(moment.new_id("conversation")),
            caller=command.caller,
            caller_agency=command.caller_agency,
            concern=command.concern,
            advice=command.advice,
            outcome=command.outcome,
        )
    ]
