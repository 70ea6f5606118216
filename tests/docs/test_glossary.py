"""The glossary is about the words that the code uses, each once, each with its sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "domain" / "GLOSSARY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!Word)([^|-][^|]*?) \| ([^|]*?) \| ([^|]*?) ?\|$", GLOSSARY, re.MULTILINE)


@pytest.fixture(scope="module")
def code() -> str:
    """Everything that is written in the code, with its names taken apart into words."""
    files = (
        file
        for part in ("domain", "workflows", "projections", "adapters")
        for file in (ROOT / part).rglob("*.py")
    )
    written = "\n".join(file.read_text(encoding="utf-8") for file in files)
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_|-|(?<=[a-z])(?=\d)", " ", written)
    return " ".join(apart.lower().split())


@pytest.mark.parametrize("word", [word for word, *_ in ROWS])
def test_a_word_of_the_glossary_is_used_in_the_code(word: str, code: str) -> None:
    used = re.sub(r" \(.*\)", "", word).lower().replace("-", " ")
    assert re.search(rf"\b{re.escape(used)}(?:s|es|ed)?\b", code), word


def test_a_word_stands_in_the_glossary_once() -> None:
    words = [word for word, *_ in ROWS]
    assert sorted(set(words)) == sorted(words)


def test_a_word_of_the_glossary_has_one_sentence() -> None:
    assert [word for word, meaning, _ in ROWS if not re.fullmatch(r"[A-Z].*[^.]\.", meaning)] == []


def test_no_row_of_the_glossary_is_broken() -> None:
    rows = [line for line in GLOSSARY.splitlines() if line.startswith("| ") and not line.startswith("| Word")]
    assert len(rows) == len(ROWS)
