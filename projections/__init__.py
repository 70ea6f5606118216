"""Read models: each answers one question and can be thrown away and rebuilt from the log."""

from projections.builds import rebuild
from projections.cases import CaseFilter
from projections.due import DueFilter
from projections.parked import letters, retry
from projections.read_models import ReadModels
from projections.runner import PROJECTIONS, ProjectionRunner, prepare
from projections.status import BuildStatus, status
from projections.verify import Verification, verify

__all__ = [
    "PROJECTIONS",
    "BuildStatus",
    "CaseFilter",
    "DueFilter",
    "ProjectionRunner",
    "ReadModels",
    "Verification",
    "letters",
    "prepare",
    "rebuild",
    "retry",
    "status",
    "verify",
]
