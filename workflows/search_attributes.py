"""What operations staff can see and search of every process: identifiers, codes and instants, never encrypted.

The one list of them: the processes set them, the adapter registers them. Must not hold anything about a person.
"""

from __future__ import annotations

from typing import Any

from temporalio.common import SearchAttributeKey

CASE_ID = SearchAttributeKey.for_keyword("CaseId")
PROGRAMME = SearchAttributeKey.for_keyword("Programme")
CASE_STAGE = SearchAttributeKey.for_keyword("CaseStage")
NEIGHBOURHOOD = SearchAttributeKey.for_keyword("Neighbourhood")
WAITS_FOR = SearchAttributeKey.for_keyword("WaitsFor")
WAITING_SINCE = SearchAttributeKey.for_datetime("WaitingSince")
NEXT_STEP = SearchAttributeKey.for_keyword("NextStep")
NEXT_DUE = SearchAttributeKey.for_datetime("NextDue")

SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (
    CASE_ID,
    PROGRAMME,
    CASE_STAGE,
    NEIGHBOURHOOD,
    WAITS_FOR,
    WAITING_SINCE,
    NEXT_STEP,
    NEXT_DUE,
)
