"""Check that the installed package holds all that it should, and nothing of the build."""

import sys
from importlib.metadata import files, version
from pathlib import PurePosixPath

import bigram

names = {path.as_posix() for path in files("bigram") or ()}
wanted = {"bigram/py.typed", "bigram/_core.pyi", "bigram/data/given_names.txt"}
missing = wanted - names
core = [name for name in names if name.startswith("bigram/_core.") and name.endswith(("so", "pyd"))]
tops = {PurePosixPath(name).parts[0] for name in names if not name.startswith("../")}
stray = {top for top in tops if top != "bigram" and not top.endswith(".dist-info")}
if missing or len(core) != 1 or stray:
    sys.exit(f"missing {missing}, extension {core}, stray {stray}")
if version("bigram") != bigram.__version__:
    sys.exit(f"metadata say {version('bigram')}, the package says {bigram.__version__}")
print(f"{len(names)} files are installed")
