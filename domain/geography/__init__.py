"""Reference data: the city with its wards, neighbourhoods and forums, the boroughs around, the agencies.

All of it is data in TOML beside this file; a case keeps the codes and names of its referral date.
Must not hold a place name in code.
"""

from domain.geography.agencies import Agencies, Agency, Sector, UnknownAgency
from domain.geography.places import (
    Borough,
    City,
    Forum,
    Geography,
    InArea,
    Locality,
    Neighbourhood,
    NoForumServes,
    OutOfArea,
    Place,
    Unknown,
    UnknownGeographyCode,
    Ward,
)

__all__ = [
    "Agencies",
    "Agency",
    "Borough",
    "City",
    "Forum",
    "Geography",
    "InArea",
    "Locality",
    "Neighbourhood",
    "NoForumServes",
    "OutOfArea",
    "Place",
    "Sector",
    "Unknown",
    "UnknownAgency",
    "UnknownGeographyCode",
    "Ward",
]
