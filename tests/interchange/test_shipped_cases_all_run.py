"""Every test case that the library ships is run on our tables, or is named here with the reason why it cannot be.

`docs/decisions/0004-the-library-works-on-our-tables.md` says it in words. A release that ships more fails this test.
"""

from __future__ import annotations

import inspect
import unittest
from types import ModuleType

import eventsourcing.dcb.tests
import eventsourcing.tests.application
import eventsourcing.tests.persistence
import eventsourcing.tests.projection
import pytest
from eventsourcing.dcb.api import DCBRecorder
from eventsourcing.dcb.application import DCBApplication
from eventsourcing.persistence import InfrastructureFactoryError, JSONTranscoder, ProcessRecorder, UUIDAsHex
from eventsourcing.tests import persistence as shipped_persistence

from adapters.eventsourcing import Factory
from tests.interchange import test_shipped_application_cases, test_shipped_recorder_cases

SHIPPED = (
    eventsourcing.tests.application,
    eventsourcing.tests.persistence,
    eventsourcing.tests.projection,
    eventsourcing.dcb.tests,
)
OURS = (test_shipped_application_cases, test_shipped_recorder_cases)
NO_TEST_OF_ITS_OWN = {"RecorderTestCase"}
ANOTHER_KIND_OF_STORE = {"DCBRecorderTestCase", "TaggedDecisionCountersProjectionTestCase"}
NOTHING_IS_STORED = {"TranscoderTestCase"}


def test_every_shipped_case_runs_on_our_tables_or_is_named_here() -> None:
    shipped = {kind.__name__ for module in SHIPPED for kind in _cases(module)}
    run = {base.__name__ for module in OURS for kind in _cases(module) for base in kind.__mro__}
    assert shipped - run == ANOTHER_KIND_OF_STORE | NOTHING_IS_STORED
    assert run >= NO_TEST_OF_ITS_OWN


def test_nothing_of_a_shipped_case_is_overridden() -> None:
    for ours in (kind for module in OURS for kind in _cases(module)):
        for name in vars(ours):
            theirs = [
                base
                for base in ours.__mro__[1:]
                if issubclass(base, unittest.TestCase) and name in vars(base)
            ]
            assert not (name.startswith("test") and theirs), f"{ours.__name__}.{name}"


def test_dcb_cases_ask_for_a_store_without_streams_which_ours_is_not(database: str) -> None:
    # They read by types and tags and append on the condition that nothing matches: no recorder of streams does that.
    assert DCBRecorder.__abstractmethods__ == {"append", "read", "subscribe"}
    assert not issubclass(ProcessRecorder, DCBRecorder)
    with pytest.raises(InfrastructureFactoryError, match="Found 0"):
        DCBApplication({"PERSISTENCE_MODULE": "adapters.eventsourcing", "DATABASE_URL": database})


def test_our_factorys_transcoder_is_the_librarys_own_which_fails_its_transcoder_case_by_itself() -> None:
    with Factory({"DATABASE_URL": "postgresql://unused"}) as factory:
        assert type(factory.transcoder()) is JSONTranscoder

    class OfTheLibraryAlone(shipped_persistence.TranscoderTestCase):
        def construct_transcoder(self) -> JSONTranscoder:
            transcoder = JSONTranscoder()
            for transcoding in (
                shipped_persistence.CustomType1AsDict(),
                shipped_persistence.CustomType2AsDict(),
                UUIDAsHex(),
            ):
                transcoder.register(transcoding)
            return transcoder

    result = unittest.TestResult()
    unittest.TestLoader().loadTestsFromTestCase(OfTheLibraryAlone).run(result)
    # It is written for transcoders that keep tuples and subclasses, which JSON by itself does not.
    assert {failed.id().split(".")[-1] for failed, _ in result.failures} == {
        "test_dict_subclass",
        "test_int_subclass",
        "test_list_subclass",
        "test_mixed",
        "test_str_subclass",
        "test_tuple",
    }


def _cases(module: ModuleType) -> list[type[unittest.TestCase]]:
    return [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, unittest.TestCase) and kind.__module__ == module.__name__
    ]
