"""How the command line reaches the product: connections only, opened for one answer and closed again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.loop import run_main
from adapters.settings import load_settings

if TYPE_CHECKING:
    from adapters.product import Product

T = TypeVar("T")
WAIT_SECONDS = 3.0
"""How long a list waits for the read models to have seen what is already in the log."""


def run(work: Callable[[Product], Coroutine[Any, Any, T]]) -> T:
    """Do something with the product and close it again.

    Raises: NothingRuns, with what to type.
    """
    from adapters.bootstrap import addresses, open_product

    async def main() -> T:
        settings = load_settings()
        dsn = addresses(settings).database_dsn
        async with open_product(settings, dsn=dsn, max_connections=2) as product:
            return await work(product)

    return run_main(main())


def run_on_lists(work: Callable[[Product], Coroutine[Any, Any, T]], **filters: str | None) -> T:
    """As `run`, once the read models have seen all that is in the log now, so that you see what you just did.

    Raises: InvalidInput for a filter (`forum`, `programme`) that names nothing of the reference data.
    """
    from adapters.cli.output import note
    from adapters.filters import require_known

    async def main(product: Product) -> T:
        require_known(product.rules, filters, option="--")
        if not await product.read_models.wait_for(await product.log.head(), WAIT_SECONDS):
            note("The read models are behind the log, so this may be a little old; `ccp worker` keeps them.")
        return await work(product)

    return run(main)
