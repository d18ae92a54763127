"""Optional packages and the extras that install them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigram.common.optional import needs

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "bigram"


def uses_of_needs() -> Iterator[tuple[str, ast.With]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.With):
                call = node.items[0].context_expr
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "needs":
                    yield str(path.relative_to(PACKAGE)), node


def imported(node: ast.stmt) -> str:
    if isinstance(node, ast.ImportFrom):
        return str(node.module).split(".")[0]
    assert isinstance(node, ast.Import)
    return node.names[0].name.split(".")[0]


def test_an_import_that_fails_raises_the_extra_to_install():
    with (
        pytest.raises(ImportError, match=r'^drawing needs nowhere: pip install "bigram\[plot\]"$'),
        needs("nowhere", extra="plot", purpose="drawing"),
    ):
        import nowhere  # noqa: F401


def test_other_errors_of_the_block_pass_through():
    with pytest.raises(KeyError), needs("numpy", extra="plot", purpose="drawing"):
        raise KeyError("x")


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="needs a checkout")
def test_each_extra_that_is_named_installs_the_package_that_is_imported():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    extras = dict(re.findall(r'^(\w+) = \["([\w.]+)', section, re.MULTILINE))
    found = list(uses_of_needs())
    assert len(found) >= 8
    for place, block in found:
        call = block.items[0].context_expr
        assert isinstance(call, ast.Call)
        assert isinstance(call.args[0], ast.Constant)
        names = {keyword.arg: keyword.value for keyword in call.keywords}
        extra = names["extra"]
        assert isinstance(extra, ast.Constant)
        assert extras[extra.value] == call.args[0].value, place
        package = str(call.args[0].value).split(".")[0]
        assert {imported(node) for node in block.body} == {package}, place


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="needs a checkout")
def test_no_other_module_catches_a_missing_package():
    for path in PACKAGE.rglob("*.py"):
        if path.name not in ("optional.py", "train.py"):  # train.py continues without a picture
            assert "except ImportError" not in path.read_text(encoding="utf-8"), path
