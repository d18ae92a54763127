"""The page on the architecture describes the package as it is."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "bigram"
PAGE = ROOT / "docs" / "architecture.md"

if not PACKAGE.is_dir():
    pytest.skip("the sources are not beside the tests", allow_module_level=True)

make = runpy.run_path(str(ROOT / "docs" / "make_architecture.py"))


def test_every_module_is_listed_with_its_caption() -> None:
    found = PAGE.read_text(encoding="utf-8")
    assert found == make["page"](), "run `python docs/make_architecture.py`"


def test_every_package_and_module_belongs_to_a_layer() -> None:
    inside = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    placed = {name for layer in make["layers"]() for name in layer}
    assert inside - {"__init__", "__main__"} == placed


def test_the_picture_shows_the_layers_of_the_contract() -> None:
    picture = re.search(r"```text\n(cli .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert picture is not None
    rows = picture[1].rstrip("\n").split("\n")
    shown = [row[:48].split() for row in rows]
    assert [set(row) for row in shown] == [set(layer) for layer in make["layers"]()]


def test_the_rooms_of_the_kernels_are_those_of_the_page() -> None:
    rooms = {path.name for path in (ROOT / "cpp" / "bigram").iterdir() if path.is_dir()}
    listed = set(re.findall(r"^\| `(\w+)/` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == rooms


def test_packages_hold_a_docstring_or_names_only() -> None:
    for path in [PACKAGE / "__init__.py", *PACKAGE.glob("*/__init__.py")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^(def|class|for|if|with) ", text, re.MULTILINE), path


def test_only_the_command_line_imports_the_public_face() -> None:
    """A lower layer that imported `bigram` would close a circle that import-linter cannot see."""
    face = re.compile(
        r"^\s*(import bigram\b|from bigram import (?!_core\b|kernels\b))", re.MULTILINE
    )
    for path in PACKAGE.glob("*/*.py"):
        text = re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        if path.parent.name != "cli":
            found = [match[0].strip() for match in face.finditer(text)]
            assert not found, f"{path}: {found}"


def test_the_walk_through_the_code_names_files_and_functions_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walk = re.findall(r"^\d+\. (.*)$", page, re.MULTILINE)
    assert len(walk) == 10
    paths = [set(re.findall(r"`((?:python|cpp)/[\w/.]+)`", step)) for step in walk]
    for step, named in zip(walk, paths, strict=True):
        assert all((ROOT / path).is_file() for path in named), step
    sources = "".join((ROOT / path).read_text(encoding="utf-8") for path in set().union(*paths))
    for step in walk:
        for first, second in re.findall(r"`([A-Za-z]\w+)(?:\.(\w+))?`", step):
            assert re.search(rf"\b{second or first}\b", sources), (step, second or first)
