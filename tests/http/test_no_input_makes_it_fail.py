"""Inputs that nobody thought of, made from the API's own description, are answered as described and never with a 5xx."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adapters.bootstrap import http
from adapters.product import Product
from adapters.settings import Settings

EXAMPLES = 3
"""For each operation and each of the two ways to make inputs; there are about a hundred operations."""
BOUNDED = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_no_input_makes_the_api_fail(product: Product, mode: GenerationMode) -> None:
    async with http(replace(product, settings=Settings(port=0))) as url:
        tried = await asyncio.to_thread(_try_everything, url, mode)
    assert tried >= 90


def _try_everything(url: str, mode: GenerationMode) -> int:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        strategy = operation.as_strategy(generation_mode=mode)

        @BOUNDED
        @hypothesis.given(case=strategy)
        def answers_as_described(case: schemathesis.Case) -> None:
            case.validate_response(case.call(), checks=CHECKS)

        # What takes no input cannot be given a wrong one.
        with contextlib.suppress(Unsatisfiable):
            answers_as_described()
            tried += 1
    return tried
