"""Introduction: the key worker and the person get to know each other; the relationship comes before any plan."""

from __future__ import annotations

from typing import ClassVar

from domain.messages import AgencyName, CaseEvent, Code, PersonalText, WorkerId


class ContactRecorded(CaseEvent):
    """Somebody reached the person, or tried to."""

    TOPIC: ClassVar[str] = "ContactRecorded"

    worker_id: WorkerId | None
    by_agency: AgencyName
    by_channel: Code
    reached: bool
    face_to_face: bool
    note: PersonalText | None = None


class EngagementConfirmed(CaseEvent):
    """They met, and the person wants to go on."""

    TOPIC: ClassVar[str] = "EngagementConfirmed"

    worker_id: WorkerId
    agreed_alternative: PersonalText | None = None


class SupportDeclined(CaseEvent):
    """The person does not want support from the pathway."""

    TOPIC: ClassVar[str] = "SupportDeclined"

    explanation: PersonalText | None = None
