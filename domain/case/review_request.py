"""Asking for a review: an accepted case comes back to the forum after some weeks, and again, whatever stage it is in.

Here a review is asked for; the forum puts it on an agenda and says what came of it (`review_item.py`).
Source: clock "forum review of accepted case" (domain reference 2.3); machine A, EscalateOutreach (2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from domain.decisions import decides
from domain.messages import CaseEvent, CaseId, Command, Event, Instant, Moment
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ReviewItemRequested(CaseEvent):
    """The forum is asked to look at this case again."""

    TOPIC: ClassVar[str] = "ReviewItemRequested"

    because: Literal["forum_review", "disengagement"]
    due_at: Instant | None = None
    next_due_at: Instant | None = None


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RaiseForumReview(Command):
    """Ask the forum to look again at a case that it accepted; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-forum-review"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(RaiseForumReview)
def raise_forum_review(
    command: RaiseForumReview, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require_open(command)
    due_at = case.require_passed(command, "forum_review", moment.now)
    return [
        ReviewItemRequested(
            case_id=case.case_id,
            person_id=case.person_id,
            because="forum_review",
            due_at=due_at,
            next_due_at=rules.deadline(case.programme, "forum_review_repeat", moment.now),
        )
    ]
