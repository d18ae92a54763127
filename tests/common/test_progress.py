"""The progress bar: silent by default, tqdm's when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bigram.common.progress import progress


def test_progress_is_silent_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("counting", total=2) as bar:
        bar.update()
        bar.set_postfix("loss 2.5")
    assert capsys.readouterr() == ("", "")


def test_a_bar_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("counting", total=2, enabled=True, unit="B", unit_scale=True) as bar:
        bar.update(2)
        bar.set_postfix("loss 2.5")
    out, err = capsys.readouterr()
    assert out == ""
    assert "counting: 100%" in err
    assert "loss 2.5" in err


def test_an_exception_passes_through() -> None:
    with pytest.raises(KeyError), progress("counting", enabled=True):
        raise KeyError


def test_tqdm_is_imported_only_for_a_bar() -> None:
    code = (
        "import sys; from bigram.common.progress import progress\n"
        "with progress('counting'): pass\n"
        "sys.exit('tqdm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
