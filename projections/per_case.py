"""What the read models have in common whose rows are each made of one case: whatever happens to it, its rows are new.

They hear every event of a case, also that a record is void; so none of them can miss what takes a row away again. Must
not know what any of them keeps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from projections.batch import Batch
from projections.case_file import CASE_TOPICS, DATED_TOPICS, CaseFile
from projections.tables import Row, Tables


class PerCase(ABC):
    """A read model of one table. Its query `forget` removes the rows of cases."""

    TABLE: ClassVar[str]
    HEARS: ClassVar[frozenset[str]] = CASE_TOPICS
    OPENS: ClassVar[frozenset[str]] = CASE_TOPICS
    DATES: ClassVar[frozenset[str]] = DATED_TOPICS

    @abstractmethod
    def rows(self, file: CaseFile) -> Iterable[Row]:
        """The rows of one case as it stands, in the order of the table's columns."""

    async def apply(self, tables: Tables, batch: Batch) -> None:
        """Write the rows of every case in the batch anew, in the transaction that is open."""
        files = await batch.cases()
        await tables.forget(files)
        await tables.copy(self.TABLE, [row for file in files.values() for row in self.rows(file)])
