"""Whatever a request goes through is a coroutine: a plain function would be handed to a thread, and wait for its turn."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from adapters.http import create_app
from adapters.product import Product


def _all_of(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from _all_of(one)


def test_no_request_waits_for_a_thread(product: Product) -> None:
    routes = [one for one in create_app(product, loopback=True).routes if isinstance(one, APIRoute)]
    plain = {
        f"{route.path}: {getattr(call, '__name__', call)}"
        for route in routes
        for call in _all_of(route.dependant)
        if not iscoroutinefunction(call)
    }
    assert len(routes) > 100
    assert not plain
