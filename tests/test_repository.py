"""What the files at the root of the repository say must agree."""

from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_extra_test_and_the_dependency_group_test_are_the_same() -> None:
    extra = PYPROJECT["project"]["optional-dependencies"]["test"]
    assert extra == PYPROJECT["dependency-groups"]["test"]


def test_the_version_is_written_in_the_package_alone() -> None:
    assert "version" in PYPROJECT["project"]["dynamic"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    assert not [line for line in citation if line.startswith(("version", "date-released"))]


def test_the_citation_names_the_repository_and_license_of_the_package() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    assert f"repository-code: {PYPROJECT['project']['urls']['Homepage']}" in citation
    assert f"license: {PYPROJECT['project']['license']}" in citation
