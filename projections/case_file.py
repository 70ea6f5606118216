"""A case as the lists need it: the domain's own fold, and beside it what only a reader asks for.

It is brought forward event by event, so a case of many events is read once. Must not write a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast, get_args
from uuid import UUID

from domain.case import standstill
from domain.case.allocation import KeyWorkerAllocated
from domain.case.referral import ReferralDrafted, ReferralSubmitted
from domain.case.referral_form import ReferralForm
from domain.case.stages import MOVES
from domain.case.state import AnyCaseEvent, Case, evolve
from domain.case.worker_handover import KeyWorkerChanged
from domain.messages import CaseId, WorkerId
from projections.source import Stored

CASE_TOPICS: Final = frozenset(event.TOPIC for event in get_args(AnyCaseEvent))
DATED_TOPICS: Final = frozenset(MOVES) | standstill.TOPICS
"""Of these a case file needs to know when they happened or were recorded."""


@dataclass(slots=True)
class CaseFile:
    """One case at one version. `since` is when we learned of the step that brought it into its stage.

    Thousands are kept in memory, so it holds no event.
    """

    case: Case
    version: int = 0
    since: datetime | None = None
    opened_at: datetime | None = None
    received_at: datetime | None = None
    names: tuple[str, str, str] = ("", "", "")
    """Given name, family name and what the person is known as: of the referral, or else of its draft."""
    nhs_number: str = ""
    ward: str | None = None
    reference: str | None = None
    repeat: bool = False
    last_contact_at: datetime | None = None
    """When somebody last reached the person."""
    worked_at: datetime | None = None
    """When something in the case was last begun, taken further or ended."""
    worker_names: dict[WorkerId, str] = field(default_factory=dict)
    """As at the allocation."""

    @classmethod
    def new(cls, stream_id: UUID) -> CaseFile:
        return cls(Case(CaseId(stream_id)))

    @property
    def exists(self) -> bool:
        return self.case.exists

    def bring_forward(self, stored: Stored) -> None:
        """Take in the next event."""
        event = cast("AnyCaseEvent", stored.event)
        before = self.case.stage
        evolve(self.case, event)
        if self.case.stage is not before:
            self.since = stored.envelope.recorded_at
            self.opened_at = self.opened_at or self.since
        if isinstance(event, ReferralSubmitted):
            self._submitted(event, stored)
        elif isinstance(event, ReferralDrafted):
            self._name(event.form)
        elif isinstance(event, KeyWorkerAllocated):
            self.worker_names[event.worker_id] = event.worker_name
        elif isinstance(event, KeyWorkerChanged):
            self.worker_names[event.to_worker] = event.worker_name
        if event.TOPIC in standstill.TOPICS:
            self._went_on(event, stored.envelope.effective_at)
        self.version = stored.version

    def _went_on(self, event: AnyCaseEvent, at: datetime) -> None:
        if standstill.is_contact(event):
            self.last_contact_at = max(self.last_contact_at or at, at)
        if standstill.is_work(event):
            self.worked_at = max(self.worked_at or at, at)

    def _submitted(self, event: ReferralSubmitted, stored: Stored) -> None:
        self._name(event.form)
        if self.received_at is None:
            self.ward, self.reference, self.repeat = event.ward, event.source_reference, event.repeat
            # A draft's clocks have not run: the case opens when it is submitted.
            self.opened_at = stored.envelope.recorded_at
            self.received_at = stored.envelope.effective_at

    def _name(self, form: ReferralForm) -> None:
        self.names = (form.given_name, form.family_name, form.known_as)
        self.nhs_number = "".join(sign for sign in form.nhs_number if sign.isalnum())
