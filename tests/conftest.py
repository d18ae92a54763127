"""What the tests share: the data files, and hypothesis's settings."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "bigram",
    deadline=None,
    max_examples=int(os.environ.get("BIGRAM_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("bigram")

ROOT = Path(__file__).resolve().parent.parent


def _data_file(name: str) -> Path:
    folder = Path(os.environ.get("BIGRAM_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / name).is_file():
        pytest.skip(f"{name} is not in {folder} (BIGRAM_DATA names the folder)")
    return folder / name


@pytest.fixture(scope="session")
def names_path() -> Path:
    """Return makemore's names.txt: 32,033 names."""
    return _data_file("names.txt")


@pytest.fixture(scope="session")
def shakespeare_path() -> Path:
    """Return tiny Shakespeare: 1,115,394 characters."""
    return _data_file("tinyshakespeare.txt")


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """Return the folder of golden figures that torch and KenLM wrote."""
    folder = Path(os.environ.get("BIGRAM_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder} (BIGRAM_REFERENCE names it)")
    return folder
