import os
import subprocess
import sys

import numpy as np
import pytest

import bigram
from bigram.common.threads import _cgroup_quota


@pytest.fixture(autouse=True)
def _default_threads():
    yield
    bigram.set_num_threads(None)


def _run(code: str, **env: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_set_num_threads_sets_what_get_num_threads_returns():
    bigram.set_num_threads(3)
    assert bigram.get_num_threads() == 3


def test_omp_num_threads_sets_the_default():
    code = "import bigram; print(bigram.get_num_threads())"
    assert _run(code, OMP_NUM_THREADS="5,2") == "5"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this platform")
def test_the_default_is_the_processors_this_process_may_use():
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        "import bigram; print(bigram.get_num_threads())"
    )
    assert _run(code, OMP_NUM_THREADS="") == "1"


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "max 100000\n"}, 1024),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1024),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({}, 1024),
    ],
)
def test_the_quota_of_a_cgroup_limits_the_threads(tmp_path, files, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _cgroup_quota(tmp_path) == quota


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_a_bad_number_of_threads_is_refused(n, error):
    with pytest.raises(error, match="num_threads"):
        bigram.set_num_threads(n)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_runs_serially_and_does_not_hang():
    code = """
import os, warnings
warnings.simplefilter("ignore")
import numpy as np, bigram
counts = np.ones((1000, 1000), np.int64)
bigram.kernels.normalize_rows(counts, num_threads=2)
pid = os.fork()
if pid == 0:
    bigram.kernels.normalize_rows(counts, num_threads=2)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert _run(code) == "7"


def test_importing_keeps_subnormal_numbers():
    assert np.finfo(np.float64).tiny / 2 != 0


def test_the_environment_forces_an_instruction_set():
    code = "from bigram import _core; print(_core.active_isa())"
    assert _run("import bigram;" + code, BIGRAM_ISA="baseline") == "baseline"


@pytest.mark.parametrize("level", ["avx2", "avx512", "nonsense"])
def test_an_instruction_set_that_is_missing_warns_once(level):
    code = """
import warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    import bigram
from bigram import _core
print(len(seen), _core.active_isa() == _core.best_isa())
"""
    out = _run(code, BIGRAM_ISA=level)
    levels = ["baseline", "avx2", "avx512"]
    best = bigram._core.best_isa()
    if level == "nonsense" or levels.index(level) > levels.index(best):
        assert out == "1 True"
    else:
        assert out.startswith("0")


def test_importing_bigram_imports_no_optional_package():
    code = """
import sys, bigram
heavy = "scipy safetensors tqdm typer matplotlib torch pandas pyarrow pooch backports.zstd".split()
print([name for name in heavy if name in sys.modules])
"""
    assert _run(code) == "[]"
