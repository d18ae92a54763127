"""Check that a wheel holds all that it should, and nothing of the build."""

import sys
import zipfile

names = set(zipfile.ZipFile(sys.argv[1]).namelist())
wanted = {"bigram/py.typed", "bigram/_core.pyi", "bigram/data/given_names.txt"}
missing = wanted - names
core = [name for name in names if name.startswith("bigram/_core.") and name.endswith(("so", "pyd"))]
stray = [name for name in names if name.startswith(("cpp/", "tests/", "build/"))]
if missing or len(core) != 1 or stray:
    sys.exit(f"{sys.argv[1]}: missing {missing}, extension {core}, stray {stray}")
print(f"{sys.argv[1].rsplit('/', 1)[-1]}: {len(names)} files")
