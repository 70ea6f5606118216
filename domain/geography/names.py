"""When two spellings are one name: case, spaces, ampersands, apostrophes, hyphens, full stops do not matter.

Must not guess: a misspelling, or a sign that no name has, makes another name.
"""

from __future__ import annotations

import re
import unicodedata

_DO_NOT_MATTER = frozenset(
    "'\"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}`\N{ACUTE ACCENT}.,;:/"
)


def name_key(text: str) -> str:
    """Return what is left of a name when everything is gone that people write differently."""
    plain = unicodedata.normalize("NFKD", text).casefold().replace("&", " and ").replace("+", " and ")
    words = re.sub(r"\bsaint\b", "st", plain)
    return "".join(letter for letter in words if not _does_not_matter(letter))


def _does_not_matter(letter: str) -> bool:
    return letter.isspace() or letter in _DO_NOT_MATTER or unicodedata.category(letter) in ("Mn", "Pd", "Cf")
