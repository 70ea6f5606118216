"""How the cases of a simulated year stand when it begins: anywhere on the way, told in events. No measurement."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime

from domain.case.sharing import Category
from tests.support.scenario import HOUSING, POLICE, SHELTER, CaseStory, MeetingStory, WorkerStory, a_case


class Beginnings:
    """Cases with some chance of each way to stand; those that the forum is to decide are on its first agenda."""

    def __init__(
        self, chance: random.Random, first_meeting: MeetingStory, who_has_room: Callable[[], WorkerStory]
    ) -> None:
        self._chance = chance
        self._first_meeting = first_meeting
        self._who_has_room = who_has_room

    def one(self, name: str, at: datetime) -> CaseStory:
        """A case of this name, that came this far at an instant."""
        ways = dict(self._ways())
        return self._chance.choices(list(ways), list(ways.values()))[0](a_case(name), at)

    def _ways(self) -> Iterator[tuple[Callable[[CaseStory, datetime], CaseStory], int]]:
        """How a case may stand, and how many of a hundred do."""
        yield lambda case, at: case.submitted(at=at), 5
        yield lambda case, at: case.awaiting_consent(at=at), 9
        yield lambda case, at: case.ready_for_forum(at=at), 4
        yield self._accepted, 5
        yield lambda case, at: self._accepted(case, at).waiting(at=at), 10
        yield self._allocated, 5
        yield self._active, 36
        yield lambda case, at: self._active(case, at).lost(at=at), 3
        yield lambda case, at: self._listed(case, at).led_by(at=at), 8
        yield self._step_down_proposed, 3
        yield lambda case, at: self._step_down_proposed(case, at).stepping_down(at=at), 4
        yield (
            lambda case, at: self._step_down_proposed(case, at).stepping_down(at=at).handed_over(at=at),
            8,
        )

    def _listed(self, case: CaseStory, at: datetime) -> CaseStory:
        if self._chance.random() < 0.5:
            case = case.with_grant(POLICE, Category.IDENTITY, at=at)
        return case.ready_for_forum(at=at).on_agenda(self._first_meeting, at=at)

    def _accepted(self, case: CaseStory, at: datetime) -> CaseStory:
        return self._listed(case, at).accepted(at=at)

    def _allocated(self, case: CaseStory, at: datetime) -> CaseStory:
        return self._accepted(case, at).allocated_to(self._who_has_room(), at=at)

    def _active(self, case: CaseStory, at: datetime) -> CaseStory:
        return self._allocated(case, at).met(at=at).active(at=at)

    def _step_down_proposed(self, case: CaseStory, at: datetime) -> CaseStory:
        active = self._active(case, at).with_grant(SHELTER, Category.IDENTITY, recipient=HOUSING, at=at)
        return active.reviewed(at=at).step_down_proposed(at=at)
