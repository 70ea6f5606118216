"""The connection to Temporal, and how values and failures are written there.

A failure is written as its kind and its place in our code: what an error says in its own words may quote a record, and
whoever reads a workflow's history may not read cases. Must not know a workflow.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from functools import cache

import structlog
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import FailureError
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError

_log = structlog.get_logger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class FailuresWithoutWords(DefaultFailureConverter):
    """Writes an unforeseen exception as the name of its class. What we raise for Temporal keeps its own message."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        super().to_failure(exception, payload_converter, failure)
        if not isinstance(exception, FailureError):
            failure.message = type(exception).__name__


DATA_CONVERTER: DataConverter = dataclasses.replace(
    pydantic_data_converter, failure_converter_class=FailuresWithoutWords
)
"""The one converter, for clients, workers and replays."""


@cache
def sdk_runtime(level: str = "WARN") -> Runtime:
    """The SDK's own threads, one set per process; what they have to say goes to our log and not to standard output."""
    logging_ = LoggingConfig(
        filter=TelemetryFilter(core_level=level, other_level="ERROR"),
        forwarding=LogForwardingConfig(logging.getLogger("temporalio.core"), append_target_to_name=False),
    )
    return Runtime(telemetry=TelemetryConfig(logging=logging_))


async def connect(address: str, *, namespace: str = "default", wait: bool = True) -> Client:
    """Connect to the Temporal server at `host:port`.

    A server that is away is waited for, with a line in the log. Raises: RuntimeError if it is away and `wait` is false.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return await Client.connect(
                address, namespace=namespace, data_converter=DATA_CONVERTER, runtime=sdk_runtime()
            )
        except (RuntimeError, RPCError):
            if not wait:
                raise
        _log.warning("temporal.unreachable", address=address, next_attempt_seconds=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
