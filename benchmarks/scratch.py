"""What every benchmark starts from: servers of its own with fsync on, a table of figures, and medians. No measurement."""

import contextlib
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from adapters.embedded import EmbeddedPostgres, EmbeddedTemporal
from adapters.postgres.migrate import migrate
from adapters.temporal.search_attributes import TYPES

RESULTS = Path(__file__).parent / "results"
_results = [RESULTS]


def results_directory() -> Path:
    """Where figures and plots are written."""
    return _results[-1]


def write_results_to(where: Path) -> None:
    """Choose where; otherwise it is `benchmarks/results/`, which is not kept in the repository."""
    _results.append(where)


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ccp-bench-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextlib.asynccontextmanager
async def postgres() -> AsyncIterator[str]:
    """The superuser's address of a migrated database, on a server as `ccp up` runs it: durable."""
    with directory() as data:
        async with EmbeddedPostgres(data) as server:
            await migrate(server.dsn)
            yield server.dsn


@contextlib.asynccontextmanager
async def temporal() -> AsyncIterator[str]:
    """The address of a Temporal server as `ccp up` runs it."""
    with directory() as data:
        async with EmbeddedTemporal(data, search_attributes=TYPES) as server:
            yield server.address


def line(what: str, figure: str, beside: str = "") -> None:
    """One row of the table."""
    print(f"{what:<62} {figure:>20}   {beside}", flush=True)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
