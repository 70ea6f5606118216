"""Values that must not come out anywhere, and the many ways in which one could be written down.

Each free text has a word of its own, so that whoever finds one knows where it came from.
"""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote, quote_plus

GIVEN_NAME = "Zéphyrquille"
FAMILY_NAME = "O'Quillfeather-Ångbrand"
KNOWN_AS = "Quilzeph"
NHS_NUMBER = "943 476 5919"
WRONG_NHS_NUMBER = "943 476 5918"
TELEPHONE = "07700 900461"
POSTCODE = "ZZ98 7QX"
BORN = "1961-02-27"
STAFF_NAME = "Wilhelmaria Pödbroke"

_FREE = (
    "narrative risk tried offer not-aware known-by gender ethnicity language referrer contact reason behalf attempt "
    "decision dissent action visit review summary contingency view concern display short-notice ward need garbage "
    "explanation option search path evidence"
)
TEXTS = {name: f"Vexil{name.replace('-', '')}orb told in confidence ✎" for name in _FREE.split()}


def text(name: str) -> str:
    """The free text that is planted in one place."""
    return TEXTS[name]


def needles() -> dict[str, str]:
    """Everything planted, by where it was: whole names and numbers, and of each text its own word."""
    words = {name: planted.split()[0] for name, planted in TEXTS.items()}
    return words | {
        "given name": GIVEN_NAME,
        "family name": FAMILY_NAME,
        "part of the family name": "Quillfeather",
        "known as": KNOWN_AS,
        "NHS number": NHS_NUMBER,
        "NHS number, compact": NHS_NUMBER.replace(" ", ""),
        "wrong NHS number": WRONG_NHS_NUMBER,
        "wrong NHS number, compact": WRONG_NHS_NUMBER.replace(" ", ""),
        "telephone": TELEPHONE,
        "telephone, compact": TELEPHONE.replace(" ", ""),
        "postcode": POSTCODE,
        "date of birth": BORN,
        "staff name": STAFF_NAME,
    }


def found_in(haystack: bytes) -> set[str]:
    """What is planted and stands in these bytes in some spelling, by where it was planted."""
    plain = haystack.lower()
    return {
        name
        for name, needle in needles().items()
        if any(spelling.lower() in plain for spelling in _spellings(needle))
        or any(part in haystack for part in _in_base64(needle))
    }


@cache
def _spellings(needle: str) -> frozenset[bytes]:
    forms = {unicodedata.normalize(form, needle) for form in ("NFC", "NFD")}
    forms |= {form.upper() for form in forms} | {form.casefold() for form in forms}
    written: set[bytes] = set()
    for form in forms:
        written |= {
            form.encode(),
            form.encode("utf-16-le"),
            form.encode("latin-1", errors="replace") if "?" not in form else b"",
            json.dumps(form)[1:-1].encode(),
            *(quoted.encode() for quoted in (repr(form)[1:-1], ascii(form)[1:-1])),
            # As in a longer text that holds both kinds of quotation marks.
            *(quoted.replace("'", "\\'").encode() for quoted in (repr(form)[1:-1], ascii(form)[1:-1])),
            quote(form).encode(),
            quote_plus(form).encode(),
            html.escape(form).encode(),
            form.encode().hex().encode(),
        }
    return frozenset(spelling for spelling in written if spelling)


@cache
def _in_base64(needle: str) -> frozenset[bytes]:
    """The needle inside a longer text in base64: its letters depend on where in a group of three it begins."""
    return frozenset(_aligned(needle))


def _aligned(needle: str) -> Iterator[bytes]:
    for spelt in (needle, json.dumps(needle)[1:-1], needle.lower()):
        data = spelt.encode()
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + data)
            whole = encoded[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
            yield whole
            yield whole.translate(bytes.maketrans(b"+/", b"-_"))
