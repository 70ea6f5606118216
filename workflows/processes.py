"""Every durable process by its kind. A new one is added here, and the worker runs it and the dispatcher can start it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflows.action_follow_up import ActionFollowUp
from workflows.after_closure import AfterClosure
from workflows.allocation import Allocation
from workflows.consent import Consent
from workflows.contracts import ProcessKind
from workflows.cover import Cover
from workflows.escalation import Escalation
from workflows.forum_review import ForumReview
from workflows.grant_review import GrantReview
from workflows.meeting import ForumMeeting
from workflows.process import Process
from workflows.referral import Referral
from workflows.safeguarding import Safeguarding
from workflows.step_down import StepDown
from workflows.support import Support
from workflows.transfer import Transfer

PROCESSES: Final[Mapping[ProcessKind, type[Process]]] = {
    ProcessKind.REFERRAL: Referral,
    ProcessKind.CONSENT: Consent,
    ProcessKind.FORUM_REVIEW: ForumReview,
    ProcessKind.ALLOCATION: Allocation,
    ProcessKind.STEP_DOWN: StepDown,
    ProcessKind.SUPPORT: Support,
    ProcessKind.ACTION_FOLLOW_UP: ActionFollowUp,
    ProcessKind.GRANT_REVIEW: GrantReview,
    ProcessKind.COVER: Cover,
    ProcessKind.SAFEGUARDING: Safeguarding,
    ProcessKind.ESCALATION: Escalation,
    ProcessKind.TRANSFER: Transfer,
    ProcessKind.AFTER_CLOSURE: AfterClosure,
    ProcessKind.MEETING: ForumMeeting,
}
"""A process is known to Temporal by the name of its class."""
