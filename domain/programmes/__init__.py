"""Pathway programmes as data: needs, eligibility, clocks, quorum and limits that change by place and by year.

A decision stores the version of the programme it was made under; a new version never changes the past.
Must not hold a number that belongs in a TOML file, and must not decide anything about a case.
"""

from domain.programmes.clocks import Clock, Clocks
from domain.programmes.model import (
    Agenda,
    Allocation,
    Assessment,
    Caseload,
    CasePoints,
    Eligibility,
    EligibilityTrace,
    Forum,
    Grade,
    Intensity,
    Need,
    Programme,
    ProgrammeInvalid,
    Quorum,
    UnknownClock,
    UnknownProgramme,
)

__all__ = [
    "Agenda",
    "Allocation",
    "Assessment",
    "CasePoints",
    "Caseload",
    "Clock",
    "Clocks",
    "Eligibility",
    "EligibilityTrace",
    "Forum",
    "Grade",
    "Intensity",
    "Need",
    "Programme",
    "ProgrammeInvalid",
    "Quorum",
    "UnknownClock",
    "UnknownProgramme",
]
