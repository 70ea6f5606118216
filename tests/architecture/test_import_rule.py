"""The dependency rule holds, and the packages that are imported are ours."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_adapters_know_workflows_and_projections_which_know_the_domain_and_nobody_else() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("package", ["domain", "workflows", "projections", "adapters"])
def test_the_package_that_is_imported_is_ours_and_not_another_of_that_name(package: str) -> None:
    module = __import__(package)
    assert Path(str(module.__file__)).parent == ROOT / package


def test_the_top_level_holds_only_what_was_agreed() -> None:
    agreed = {
        "pyproject.toml", "domain", "workflows", "projections", "adapters", "tests", "docker-compose.yml", "README.md",
        ".ci", "docs", "benchmarks", "requirements.lock", "LICENSE", "CHANGELOG.md", "Makefile", ".gitignore",
    }  # fmt: skip
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: what is tracked cannot be told")
    assert {line.split("/")[0] for line in listed.stdout.splitlines()} <= agreed


@pytest.mark.parametrize(
    "path", sorted((ROOT / "domain").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_domain_reads_no_clock_and_draws_no_random_id(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for forbidden in (
        "datetime.now(",
        "date.today(",
        "time.time(",
        "uuid4(",
        "uuid1(",
        "random.",
        "os.environ",
    ):
        assert forbidden not in text, f"{forbidden} in {path.name}"
