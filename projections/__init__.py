"""Read models: each answers one question and can be thrown away and rebuilt from the log."""

from projections.cases import CaseFilter
from projections.due import DueFilter
from projections.read_models import ReadModels
from projections.runner import PROJECTIONS, ProjectionRunner, prepare, rebuild

__all__ = [
    "PROJECTIONS",
    "CaseFilter",
    "DueFilter",
    "ProjectionRunner",
    "ReadModels",
    "prepare",
    "rebuild",
]
