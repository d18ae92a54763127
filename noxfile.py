#!/usr/bin/env python3
# /// script
# dependencies = ["nox>=2025.5"]
# ///
"""The checks of the project: `nox -l` lists them, `nox -s NAME` runs one, .ci/run runs all.

Each session makes an environment, and builds and installs bigram there. In .ci/run they share one
environment (--no-venv) and the bigram in it (BIGRAM_INSTALLED=1): both take minutes to make.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True

PYPROJECT = nox.project.load_toml("pyproject.toml")
KERNEL_TESTS = ("tests/kernels", "tests/common/test_threads.py")


def pip(session: nox.Session, *args: str) -> None:
    """Install into the environment; session.install refuses where sessions share one."""
    session.run("python", "-m", "pip", "install", "-q", *args)


def install(session: nox.Session, *groups: str, **cmake: str) -> None:
    """Install groups of dependencies and bigram: as built for users, or with CMake variables."""
    pip(session, *nox.project.dependency_groups(PYPROJECT, "build", "test", *groups))
    if not cmake:
        if os.environ.get("BIGRAM_INSTALLED") != "1":
            pip(session, ".")
        return
    variables = {
        "BIGRAM_WERROR": "ON",
        "CMAKE_BUILD_TYPE": "RelWithDebInfo",
        "CMAKE_CXX_FLAGS_RELWITHDEBINFO": "-O1",
        **cmake,
    }
    pip(
        session,
        "--no-build-isolation",
        "--config-settings=install.strip=false",
        f"--config-settings=build-dir=build/{session.name}",
        *(f"--config-settings=cmake.define.{key}={value}" for key, value in variables.items()),
        ".",
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, spelling, workflows and metadata with pre-commit."""
    pip(session, "pre-commit>=4.2")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Compare the stub of the compiled module with the module."""
    install(session, "types")
    session.run("python", "-m", "mypy.stubtest", "bigram._core")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, with every library that they compare with, and the docstrings' examples."""
    install(session, "peers")
    session.run("pytest", "-q", *(session.posargs or ["tests"]))
    if not session.posargs:
        session.run("pytest", "-q", "--pyargs", "bigram")


@nox.session
def docs(session: nox.Session) -> None:
    """Write the API reference and the list of modules, and run the examples of all pages."""
    install(session, "peers")
    session.run("python", "docs/make_api.py")
    session.run("python", "docs/make_architecture.py")
    session.run("pytest", "-q", "tests/test_docs.py")


@nox.session
def package(session: nox.Session) -> None:
    """Compare the source distribution with the repository, and check what gets installed."""
    install(session)
    session.run("check-sdist", "--no-isolation")
    session.run("python", ".ci/check_installed.py")


@nox.session(default=False)
def instruction_sets(session: nox.Session) -> None:
    """Run the tests of the kernels without the instructions of newer processors."""
    install(session)
    for level in ("baseline", "avx2"):
        env = {"BIGRAM_ISA": level, "BIGRAM_EXAMPLES": "20"}
        session.run("pytest", "-q", *KERNEL_TESTS, "-W", "ignore:BIGRAM_ISA", env=env)


@nox.session(default=False)
def serial(session: nox.Session) -> None:
    """Run the tests of the kernels without OpenMP."""
    install(session, BIGRAM_OPENMP="OFF")
    session.run("pytest", "-q", *KERNEL_TESTS, env={"BIGRAM_EXAMPLES": "10"})


@nox.session(default=False)
def clang(session: nox.Session) -> None:
    """Build with clang, and run the tests of the kernels."""
    install(session, CMAKE_CXX_COMPILER="clang++")
    session.run("pytest", "-q", *KERNEL_TESTS, env={"BIGRAM_EXAMPLES": "10"})


@nox.session(default=False)
def asan(session: nox.Session) -> None:
    """Run the tests of the kernels under the address and undefined-behaviour sanitizers."""
    install(session, BIGRAM_SANITIZE="address,undefined", CMAKE_CXX_COMPILER="g++")
    ask = [["g++", f"-print-file-name=lib{name}.so"] for name in ("asan", "ubsan")]
    env = {
        "LD_PRELOAD": " ".join(subprocess.check_output(a, text=True).strip() for a in ask),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "BIGRAM_EXAMPLES": "10",
    }
    session.run("pytest", "-q", "tests/kernels", env=env)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Check and time everything against its peers; `-- smoke` only checks, on small inputs."""
    install(session, "bench")
    if session.posargs == ["smoke"]:
        files = sorted(map(str, Path("benchmarks").glob("bench_*.py")))
        env = {"BIGRAM_BENCH": "smoke"}
        session.run("pytest", "-q", *files, "--benchmark-disable", env=env)
    else:
        session.run("python", "benchmarks/run.py", *(session.posargs or ["--quick"]))


if __name__ == "__main__":
    nox.main()
