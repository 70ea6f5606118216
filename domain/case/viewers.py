"""Viewers: who must not see or touch a case, whatever their role: a court forbids contact, or a child asked for it.

The alleged source of harm is barred too, by the concern itself (`safeguarding.py`). Whoever is barred is known by the
reference they act under, as a member of staff or as a person of their own. Raising a concern stays open to everybody.
Must not say who may see a case: it only says who may not.
Source: disputed parental responsibility and court orders, Gillick competence (domain reference 3.5); acceptance
scenarios 16 and 18; conflict of interest of a worker (2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.messages import Actor, CaseEvent, CaseId, Code, Command, Event, PersonalText, StaffRef
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case

Ground = Literal[
    "court_order", "disputed_parental_responsibility", "childs_wish", "source_of_harm", "conflict_of_interest"
]


# -- events ----------------------------------------------------------------------------------------------------------


class ViewerBarred(CaseEvent):
    """Somebody must not see or touch this case from now on."""

    TOPIC: ClassVar[str] = "ViewerBarred"

    viewer: StaffRef
    relationship: Code
    ground: Ground
    document: Code | None = None
    checked_by: StaffRef | None = None
    explanation: PersonalText | None = None


class ViewerBarLifted(CaseEvent):
    """What kept somebody from this case no longer holds."""

    TOPIC: ClassVar[str] = "ViewerBarLifted"

    viewer: StaffRef
    explanation: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class ViewerIsBarred(RuleBroken):
    """You are barred from this case; nothing was done. Who has a question about that asks the coordinator."""

    code = "viewer_barred"


class CourtOrderRequired(RuleBroken):
    """document: a bar that follows from a court order refers to the order."""

    code = "court_order_required"


class ViewerNotBarred(RuleBroken):
    """viewer: no bar of this person is on record; whom a concern names as the source of harm stays barred by the concern."""

    code = "viewer_not_barred"


class LiftingReasonRequired(RuleBroken):
    """explanation: a bar is lifted with a reason."""

    code = "lifting_reason_required"


def is_barred(case: Case, actor: Actor) -> bool:
    """Whether this person, or the one they act for, must not see or touch the case."""
    barred = case.barred | case.barred_viewers
    return actor.person in barred or (actor.on_behalf_of is not None and actor.on_behalf_of in barred)


def require_not_barred(case: Case, command: Command, actor: Actor) -> None:
    """A barred person issues nothing about the case; that somebody is in danger they can still say.

    Source: acceptance scenario 18; machine F, RaiseConcern must always be possible (domain reference 2.9).
    """
    if command.PERMISSION is not Permission.RAISE_SAFEGUARDING and is_barred(case, actor):
        raise ViewerIsBarred


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class BarViewer(Command):
    """Keep somebody from seeing or touching this case, such as a parent whom a court forbids contact."""

    NAME: ClassVar[str] = "bar-viewer"
    PERMISSION: ClassVar[Permission] = Permission.BAR_VIEWER
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "viewer": "parent-2",
        "relationship": "non_resident_parent",
        "ground": "court_order",
        "document": "non-molestation-order-2027-17",
    }

    case_id: CaseId
    viewer: StaffRef = Field(description="the reference that they act under")
    relationship: Code = Field(description="what they are to the person, such as parent, partner or cousin")
    ground: Ground
    document: Code | None = Field(None, description="court_order: required")
    explanation: PersonalText | None = None


class LiftViewerBar(Command):
    """Let somebody be seen as any other again, because what kept them away no longer holds."""

    NAME: ClassVar[str] = "lift-viewer-bar"
    PERMISSION: ClassVar[Permission] = Permission.AUTHORISE_DISCLOSURE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "viewer": "parent-2",
        "explanation": "The order was discharged",
    }

    case_id: CaseId
    viewer: StaffRef = Field(description="the reference that they act under")
    explanation: PersonalText


@decides(BarViewer, refuses=(CourtOrderRequired, AlreadyRecorded))
def bar_viewer(command: BarViewer, case: Case) -> Sequence[Event]:
    """At any stage, also of a closed case: its record can still be read."""
    if command.ground == "court_order" and command.document is None:
        raise CourtOrderRequired
    if command.viewer in case.barred_viewers:
        raise AlreadyRecorded(what="that they are barred from this case")
    return [
        ViewerBarred(
            case_id=case.case_id,
            person_id=case.person_id,
            viewer=command.viewer,
            relationship=command.relationship,
            ground=command.ground,
            document=command.document,
            explanation=command.explanation or None,
        )
    ]


@decides(LiftViewerBar, refuses=(ViewerNotBarred, LiftingReasonRequired))
def lift_viewer_bar(command: LiftViewerBar, case: Case) -> Sequence[Event]:
    """Whoever is the alleged source of harm of a concern stays barred by that."""
    if command.viewer not in case.barred_viewers:
        raise ViewerNotBarred
    if not command.explanation:
        raise LiftingReasonRequired
    return [
        ViewerBarLifted(
            case_id=case.case_id,
            person_id=case.person_id,
            viewer=command.viewer,
            explanation=command.explanation,
        )
    ]
