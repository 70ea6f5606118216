"""Makes sure that a Temporal server knows the search attributes of our processes, whichever kind of server it is.

Without them every workflow task fails. The list itself is in `workflows/search_attributes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.service import RPCError, RPCStatusCode

from workflows.search_attributes import SEARCH_ATTRIBUTES

if TYPE_CHECKING:
    from temporalio.client import Client

_TYPES: Mapping[str, IndexedValueType.ValueType] = {
    key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in SEARCH_ATTRIBUTES
}

TYPES: Mapping[str, str] = {
    name: IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").title()
    for name, kind in _TYPES.items()
}
"""Name → type, in the words of the `temporal` command line: what a server of our own is started with."""


async def register(client: Client) -> None:
    """Register what the client's namespace does not have yet.

    Raises: RPCError, for one, when this client may not; then whoever runs the server must do it.
    """
    missing = _TYPES.keys() - await _registered(client)
    for name in sorted(missing):
        request = AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={name: _TYPES[name]}
        )
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            # Another of our processes starts at the same time and was first.
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise


async def _registered(client: Client) -> frozenset[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        listed = await client.operator_service.list_search_attributes(request)
    except RPCError as error:
        # The time-skipping server can add them but not list them.
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            return frozenset()
        raise
    return frozenset(listed.custom_attributes)
