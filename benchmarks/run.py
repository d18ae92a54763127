"""Run every benchmark, check the answers, and write the table and the chart.

    python benchmarks/run.py [--quick] [bench_<name>.py ...] [pytest options]

Writes benchmarks/results.json (pytest-benchmark's format; our figures under extra_info), and from
it benchmarks/TABLE.md, docs/benchmarks.svg and docs/scaling.svg.
"""

import sys
from pathlib import Path

import pytest
import report

FOLDER = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    named = [a for a in arguments if a.endswith(".py")]
    files = [str(FOLDER / Path(name).name) for name in named]
    files = files or sorted(map(str, FOLDER.glob("bench_*.py")))
    options = [a for a in arguments if not a.endswith(".py")]
    json_path = FOLDER / "results.json"
    code = pytest.main(
        [
            *files,
            *options,
            "-q",
            "-p",
            "no:warnings",
            f"--benchmark-json={json_path}",
            "--benchmark-columns=median,rounds",
        ]
    )
    if json_path.is_file() and json_path.stat().st_size:
        report.write(json_path, FOLDER / "TABLE.md", FOLDER.parent / "docs")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
